/** One PostgreSQL server of a fake site, by direct connection. */
import type {Lsn} from '../../src/cluster/lsn.js'
import {nodeId, type NodeId} from '../../src/cluster/node-id.js'
import type {TimelineStep} from '../../src/cluster/timeline.js'
import {segmentsBetween} from '../../src/cluster/wal-segment.js'
import {ActFailed, Unreachable} from '../../src/lib/errors.js'
import type {
  BackupSession,
  Postgres,
  RecoveryExtension,
  ServerFacts,
  StandbyConnection,
} from '../../src/ports/postgres.js'
import {reachServer, reply} from './fake-faults.js'
import {attempt} from './fake-pool.js'
import {SEGMENT_BYTES, asLsn, nodeOf, replicate, upstream, type FakeDirectory, type Site} from './fake-site.js'

export class FakePostgres implements Postgres {
  readonly node: NodeId
  readonly #site: Site
  readonly #id: number

  constructor(site: Site, id: number) {
    this.#site = site
    this.#id = id
    this.node = nodeId(id)
  }

  /** The directory of a server that answers. */
  #serving(): FakeDirectory {
    reachServer(this.#site, this.#id)
    return nodeOf(this.#site, this.#id).directory!
  }

  #primary(what: string, sqlState = '25006'): FakeDirectory {
    const own = this.#serving()
    if (own.standbySignal) throw refused(`${what} is not possible during recovery`, sqlState)
    return own
  }

  #senders(): number[] {
    const ids = Object.keys(this.#site.nodes).map(Number)
    return ids.filter((id) => upstream(this.#site, id).sender === this.#id)
  }

  recoveryExtension(): Promise<RecoveryExtension> {
    return attempt(() => {
      this.#serving()
      return {available: true, installed: true, parameters: 7}
    })
  }

  createRecoveryExtension(): Promise<void> {
    return attempt(() => {
      this.#primary('CREATE EXTENSION')
      reply(this.#site, 'postgres.createRecoveryExtension')
    })
  }

  facts(): Promise<ServerFacts> {
    return attempt(() => {
      const own = this.#serving()
      replicate(this.#site)
      const recovering = own.standbySignal
      const streams = upstream(this.#site, this.#id).sender !== null
      const senders = this.#senders()
      return {
        versionNum: 150018,
        systemIdentifier: own.systemIdentifier,
        inRecovery: recovering,
        timeline: own.timeline,
        currentLsn: recovering ? null : asLsn(own.lsn),
        receivedLsn: recovering ? asLsn(own.lsn) : null,
        replayedLsn: recovering ? asLsn(own.lsn) : null,
        replayPaused: recovering ? false : null,
        replayAgeSeconds: recovering ? 0 : null,
        receiver:
          streams && own.connection
            ? {
                status: 'streaming',
                senderHost: own.connection.host,
                senderPort: own.connection.port,
                slot: own.connection.slot,
                timeline: own.timeline,
              }
            : null,
        senders: senders.map((id) => this.#sender(id)),
        slots: own.slots.map((slot) => ({
          name: slot.name,
          active: senders.some((id) => nodeOf(this.#site, id).directory?.connection?.slot === slot.name),
          restartLsn: asLsn(slot.restartLsn),
          walStatus: slot.lost ? 'lost' : 'reserved',
        })),
        tablespaces: [],
        databaseBytes: 1_600_000_000,
        settings: {
          wal_segment_size: String(SEGMENT_BYTES),
          data_checksums: 'on',
          wal_log_hints: 'on',
          full_page_writes: 'on',
          hot_standby: 'on',
          max_wal_senders: '10',
          max_replication_slots: '10',
          wal_level: 'replica',
          data_directory: this.#site.file.nodes[this.#id]!.data,
          primary_conninfo: own.connection ? `host=${own.connection.host} port=${own.connection.port}` : '',
          primary_slot_name: own.connection?.slot ?? '',
        },
      }
    })
  }

  #sender(id: number): ServerFacts['senders'][number] {
    const config = this.#site.file.nodes.find((n) => Number(n.id) === id)!
    const own = nodeOf(this.#site, id).directory!
    return {
      applicationName: own.connection!.applicationName,
      clientAddress: config.address,
      state: 'streaming',
      syncState: 'async',
      sentLsn: asLsn(own.lsn),
      replayLsn: asLsn(own.lsn),
    }
  }

  history(timeline: number): Promise<TimelineStep[]> {
    return attempt(() => {
      const forks = this.#serving().history.filter((f) => f.timeline < timeline)
      return forks.map((f) => ({timeline: f.timeline, until: asLsn(f.until)}))
    })
  }

  walSegments(): Promise<string[]> {
    return attempt(() => {
      const own = this.#serving()
      const kept = Math.min(own.lsn, ...own.slots.filter((s) => !s.lost).map((s) => s.restartLsn))
      return segmentsBetween(own.timeline, asLsn(kept), asLsn(own.lsn + 1), SEGMENT_BYTES)
    })
  }

  checkpoint(): Promise<void> {
    return attempt(() => {
      const own = this.#serving()
      own.checkpointTimeline = own.timeline
      reply(this.#site, 'postgres.checkpoint')
    })
  }

  openTransactions(): Promise<string[]> {
    return attempt(() => {
      this.#serving()
      return []
    })
  }

  switchWal(): Promise<Lsn> {
    return attempt(() => {
      const own = this.#primary('pg_switch_wal()', '55000')
      const ended = own.lsn
      own.lsn = (Math.floor(own.lsn / SEGMENT_BYTES) + 1) * SEGMENT_BYTES
      return asLsn(ended)
    })
  }

  createSlot(name: string): Promise<void> {
    return attempt(() => {
      const own = this.#serving()
      if (!own.slots.some((s) => s.name === name)) own.slots.push({name, restartLsn: own.lsn, lost: false})
      reply(this.#site, 'postgres.createSlot')
    })
  }

  dropSlot(name: string): Promise<void> {
    return attempt(() => {
      const own = this.#serving()
      if (!own.slots.some((s) => s.name === name)) return
      const user = this.#senders().find((id) => nodeOf(this.#site, id).directory?.connection?.slot === name)
      if (user !== undefined)
        throw refused(`replication slot "${name}" is active for PID ${nodeOf(this.#site, user).pid}`, '55006')
      own.slots = own.slots.filter((s) => s.name !== name)
      reply(this.#site, 'postgres.dropSlot')
    })
  }

  openBackup(label: string): Promise<BackupSession> {
    return attempt(() => {
      const own = this.#primary('a backup from a standby')
      const site = this.#site
      const session = {id: site.next, node: this.#id, label, startLsn: own.lsn, open: true}
      site.next += 1
      site.sessions.push(session)
      own.checkpointTimeline = own.timeline
      const timeline = own.timeline
      return {
        startLsn: asLsn(session.startLsn),
        timeline,
        alive: () => session.open && nodeOf(site, this.#id).running,
        stop: () => attempt(() => this.#stopBackup(session)),
        abandon: () => {
          session.open = false
          return Promise.resolve()
        },
      }
    })
  }

  #stopBackup(session: {id: number; startLsn: number; open: boolean; label: string}): {
    stopLsn: Lsn
    label: string
    tablespaceMap: string
  } {
    const own = this.#serving()
    if (!session.open) throw new Unreachable({code: 'SESSION_LOST', message: 'the backup session is gone'})
    session.open = false
    own.lsn += 200
    const label = `START WAL LOCATION: ${asLsn(session.startLsn)} (session ${session.id})\nLABEL: ${session.label}\n`
    return {stopLsn: asLsn(own.lsn), label, tablespaceMap: ''}
  }

  backupSessionOpen(label: string): Promise<boolean> {
    return attempt(() => {
      this.#serving()
      return this.#site.sessions.some((s) => s.open && s.node === this.#id && s.label === label)
    })
  }

  promote(): Promise<void> {
    return attempt(() => {
      const own = this.#serving()
      // The adapter looks first, so that a repeat after a lost answer is harmless.
      if (!own.standbySignal) return
      own.history.push({timeline: own.timeline, until: own.lsn})
      own.timeline += 1
      own.standbySignal = false
      own.connection = null
      own.state = 'in production'
      // checkpointTimeline stays behind until a checkpoint: pg_rewind would read the old timeline (PostgreSQL < 17).
      reply(this.#site, 'postgres.promote')
    })
  }

  follow(connection: StandbyConnection): Promise<void> {
    return attempt(() => {
      const own = this.#serving()
      own.connection = {...connection}
      reply(this.#site, 'postgres.follow')
    })
  }

  writeMarker(token: string): Promise<Lsn> {
    return attempt(() => {
      const own = this.#primary('INSERT')
      own.markers.push(token)
      own.lsn += 120
      return asLsn(own.lsn)
    })
  }

  markerSeen(token: string): Promise<boolean> {
    return attempt(() => {
      replicate(this.#site)
      return this.#serving().markers.includes(token)
    })
  }

  missingRelationFiles(): Promise<string[]> {
    return attempt(() => (this.#serving().content === 'whole' ? [] : ['base/5/16384']))
  }
}

function refused(message: string, sqlState: string): ActFailed {
  return new ActFailed({code: 'POSTGRES_REFUSED', message, detail: `SQLSTATE ${sqlState}`})
}

import {appendFile, chmod, readFile, rename, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {lsnBytes} from '../../src/cluster/lsn.js'
import {nodeId} from '../../src/cluster/node-id.js'
import {AuthenticationRefused, OutcomeUnknown, Unreachable} from '../../src/lib/errors.js'
import type {BackupSession, Postgres} from '../../src/ports/postgres.js'
import {SETTINGS_READ} from '../../src/postgres/facts-queries.js'
import {createNewServer} from '../../src/postgres/new-server.js'
import {createPostgres} from '../../src/postgres/server.js'
import {PASSWORD, TestCluster, until} from '../support/postgres.js'

const PRIMARY = '127.83.1.10'
const STANDBY = '127.83.1.11'

type Closable = Postgres & {close(): Promise<void>}

// The tests of this file run in order on one cluster; the last ones promote the standby.
describe('a primary and its standby', () => {
  const ends: (() => Promise<void>)[] = []
  let cluster: TestCluster
  let primary: Closable
  let standby: Closable

  const server = (id: number, more: {passfile?: string; database?: string} = {}): Closable =>
    createPostgres({
      node: cluster.nodes[id]!,
      access: {...cluster.access, ...more},
      timeouts: {connectMs: 3000, readMs: 10_000, changeMs: 20_000, longMs: 60_000},
    })

  beforeAll(async () => {
    cluster = await TestCluster.start([PRIMARY, STANDBY])
    ends.push(() => cluster.stop())
    primary = server(0)
    standby = server(1)
    ends.push(
      () => primary.close(),
      () => standby.close(),
    )
  })

  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })

  describe('statistics of a new version', () => {
    it('are made only of what has none where they were carried', async () => {
      await cluster.sql(0, 'CREATE DATABASE carried')
      const sql = (text: string): Promise<string> => cluster.sql(0, text, 'carried')
      await sql(`CREATE TABLE "Whole" AS SELECT n AS a, n AS b FROM generate_series(1, 100) n`)
      await sql(`CREATE TABLE half AS SELECT n AS a, n AS b FROM generate_series(1, 100) n`)
      await sql(`CREATE TABLE extended AS SELECT n AS a, n AS b FROM generate_series(1, 100) n`)
      await sql('ANALYZE')
      await sql('ALTER TABLE half ADD COLUMN c int DEFAULT 7')
      await sql('CREATE STATISTICS pairs ON a, b FROM extended')
      const analyzed = `SELECT string_agg(relname || ' ' || analyze_count, ', ' ORDER BY relname) FROM pg_stat_user_tables`
      const server = createNewServer({node: cluster.nodes[0]!, access: cluster.access})
      await server.analyzeMissing('carried', 1)
      await until('the statistics are told', async () => /extended 2/.test(await sql(analyzed)))
      expect(await sql(analyzed)).toBe('Whole 1, extended 2, half 2')
      await server.analyzeMissing('carried', null)
      await server.analyze('carried', null)
      await until('the statistics are told', async () => /Whole 2/.test(await sql(analyzed)))
      expect(await sql(analyzed)).toBe('Whole 2, extended 3, half 3')
      await cluster.sql(0, 'DROP DATABASE carried')
    })
  })

  describe('facts', () => {
    it('tells a primary from its standby and names what connects them', async () => {
      await until('the standby streams', async () => (await primary.facts()).senders[0]?.state === 'streaming')
      await until('the standby says so', async () => (await standby.facts()).receiver?.status === 'streaming')
      const p = await primary.facts()
      const s = await standby.facts()
      expect({
        ...p,
        currentLsn: p.currentLsn !== null,
        databaseBytes: p.databaseBytes > 1e6,
        senders: p.senders.map((x) => ({...x, sentLsn: x.sentLsn !== null, replayLsn: x.replayLsn !== null})),
        slots: p.slots.map((x) => ({...x, restartLsn: x.restartLsn !== null})),
        settings: Object.keys(p.settings).sort(),
      }).toEqual({
        versionNum: Number(await cluster.sql(0, "select current_setting('server_version_num')")),
        systemIdentifier: await cluster.sql(0, 'select system_identifier from pg_control_system()'),
        inRecovery: false,
        timeline: 1,
        currentLsn: true,
        receivedLsn: null,
        replayedLsn: null,
        replayPaused: null,
        replayAgeSeconds: null,
        receiver: null,
        senders: [
          {
            applicationName: 'node1',
            clientAddress: '127.0.0.1',
            state: 'streaming',
            syncState: 'async',
            sentLsn: true,
            replayLsn: true,
          },
        ],
        slots: [{name: 's1', active: true, restartLsn: true, walStatus: 'reserved'}],
        tablespaces: [],
        databaseBytes: true,
        settings: [...SETTINGS_READ].sort(),
      })
      expect({
        systemIdentifier: s.systemIdentifier,
        inRecovery: s.inRecovery,
        timeline: s.timeline,
        currentLsn: s.currentLsn,
        replayPaused: s.replayPaused,
        receiver: s.receiver,
      }).toEqual({
        systemIdentifier: p.systemIdentifier,
        inRecovery: true,
        timeline: 1,
        currentLsn: null,
        replayPaused: false,
        receiver: {status: 'streaming', senderHost: PRIMARY, senderPort: 5432, slot: 's1', timeline: 1},
      })
      expect(lsnBytes(s.receivedLsn!)).toBeGreaterThan(0n)
      expect(lsnBytes(s.replayedLsn!)).toBeGreaterThan(0n)
    })

    it('gives the segment size in bytes and keeps secrets in settings to itself', async () => {
      const {settings} = await standby.facts()
      expect(settings['wal_segment_size']).toBe('16777216')
      expect(settings['restore_command']).toBe('PGPASSWORD=•••• false')
      expect(settings['primary_slot_name']).toBe('s1')
      const before = await cluster.sql(1, 'show primary_conninfo')
      await cluster.sql(1, "alter system set primary_conninfo = 'host=x password=CANARY'")
      await cluster.sql(1, 'select pg_reload_conf()')
      await until('the new text is in force', async () =>
        (await standby.facts()).settings['primary_conninfo']!.includes("host='x'"),
      )
      expect((await standby.facts()).settings['primary_conninfo']).toBe("host='x' password='••••'")
      await cluster.sql(1, `alter system set primary_conninfo = '${before.replaceAll("'", "''")}'`)
      await cluster.sql(1, 'select pg_reload_conf()')
      await until('it streams again', async () => (await standby.facts()).receiver?.status === 'streaming')
    })

    it('still answers a role without any rights, with what that role may see', async () => {
      for (const text of [
        "create role nobody login password 'n'",
        'create database closed',
        'revoke connect on database closed from public',
      ])
        await cluster.sql(0, text)
      const passfile = join(cluster.directory, 'nobody.pass')
      await writeFile(passfile, '*:*:*:nobody:n\n', {mode: 0o600})
      const weak = createPostgres({node: cluster.nodes[0]!, access: {...cluster.access, user: 'nobody', passfile}})
      try {
        const facts = await weak.facts()
        expect(facts.inRecovery).toBe(false)
        expect(facts.timeline).toBe(1)
        expect(facts.senders.map((s) => s.state)).toEqual(['unknown'])
        expect(facts.settings['data_directory']).toBeUndefined()
        await expect(weak.walSegments()).rejects.toMatchObject({
          code: 'POSTGRES_ACT_FAILED',
          changed: 'none',
          hint: 'Use a superuser, or grant the role of postgres.user that right.',
        })
      } finally {
        await weak.close()
      }
    })
  })

  describe('acts', () => {
    it('switches WAL and lists segments in order', async () => {
      const before = await primary.walSegments()
      await primary.writeMarker('switch')
      await primary.switchWal()
      await primary.writeMarker('after switch')
      const after = await primary.walSegments()
      expect(after).toEqual(after.toSorted())
      expect(after.length).toBeGreaterThanOrEqual(before.length)
      expect(after.every((name) => /^[0-9A-F]{24}$/.test(name))).toBe(true)
    })

    it('names the transactions that clients have open, the same one by the same word', async () => {
      const client = cluster.sql(0, 'begin; select pg_sleep(2); commit')
      let first: string | undefined
      await until('the transaction is open', async () => {
        ;[first] = await primary.openTransactions()
        return first !== undefined
      })
      expect(first).toMatch(/^\d+ [\d.]+$/)
      expect(await primary.openTransactions()).toEqual([first])
      await client
      expect(await primary.openTransactions()).toEqual([])
    })

    it('checkpoints', async () => {
      const redo = () => cluster.sql(0, 'select redo_lsn from pg_control_checkpoint()')
      const before = await redo()
      await primary.writeMarker('checkpoint')
      await primary.checkpoint()
      expect(await redo()).not.toBe(before)
    })

    it('creates a slot that holds WAL, twice without harm, and drops it, twice without harm', async () => {
      const names = async () => (await primary.facts()).slots.map((s) => ({name: s.name, holds: s.restartLsn !== null}))
      await primary.createSlot('extra')
      await primary.createSlot('extra')
      expect(await names()).toEqual([
        {name: 'extra', holds: true},
        {name: 's1', holds: true},
      ])
      await primary.dropSlot('extra')
      await primary.dropSlot('extra')
      expect(await names()).toEqual([{name: 's1', holds: true}])
    })

    it('does not drop a slot in use', async () => {
      await expect(primary.dropSlot('s1')).rejects.toMatchObject({
        code: 'POSTGRES_ACT_FAILED',
        message: expect.stringContaining('could not drop the replication slot "s1"'),
        detail: expect.stringContaining('55006'),
      })
      expect(await cluster.sql(0, 'select slot_name from pg_replication_slots')).toBe('s1')
    })

    it('shows on the standby a marker that was written on the primary, and no other', async () => {
      const lsn = await primary.writeMarker('token-1')
      await until('the standby has replayed it', async () => {
        const {replayedLsn} = await standby.facts()
        return replayedLsn !== null && lsnBytes(replayedLsn) >= lsnBytes(lsn)
      })
      expect(await standby.markerSeen('token-1')).toBe(true)
      expect(await standby.markerSeen('token-2')).toBe(false)
    })

    it('writes the same marker twice and forgets those of another day', async () => {
      await cluster.sql(0, "insert into poolctl.marker values ('old', now() - interval '2 days')")
      await primary.writeMarker('token-1')
      const tokens = await cluster.sql(
        0,
        "select string_agg(token, ',' order by token) from poolctl.marker where token in ('old','token-1')",
      )
      expect(tokens).toBe('token-1')
    })

    it('does not write into a marker table of another role', async () => {
      await cluster.sql(0, 'alter table poolctl.marker owner to nobody')
      await expect(primary.writeMarker('x')).rejects.toMatchObject({code: 'POSTGRES_MARKER_FOREIGN', changed: 'none'})
      await cluster.sql(0, 'alter table poolctl.marker owner to postgres')
    })

    it('does not hang when the only synchronous standby is away', async () => {
      await cluster.sql(0, "alter system set synchronous_standby_names = 'nobody_there'")
      await cluster.sql(0, 'select pg_reload_conf()')
      await until(
        'commits would hang',
        async () => (await primary.facts()).settings['synchronous_standby_names'] === 'nobody_there',
      )
      await primary.writeMarker('alone')
      expect(await primary.markerSeen('alone')).toBe(true)
      await cluster.sql(0, 'alter system reset synchronous_standby_names')
      await cluster.sql(0, 'select pg_reload_conf()')
    })

    it('refuses to write on a standby, in the words of the server', async () => {
      await expect(standby.writeMarker('x')).rejects.toMatchObject({
        code: 'POSTGRES_ACT_FAILED',
        detail: expect.stringContaining('25006'),
      })
    })
  })

  describe('a backup', () => {
    const ended: BackupSession[] = []
    const open = async (label: string): Promise<BackupSession> => {
      const backup = await primary.openBackup(label)
      ended.push(backup)
      return backup
    }
    afterAll(async () => {
      for (const backup of ended) await backup.abandon()
    })

    it('ends with the label of the server, to the byte', async () => {
      const backup = await open('op-1')
      expect(backup.alive()).toBe(true)
      expect(backup.timeline).toBe(1)
      expect(await primary.backupSessionOpen('op-1')).toBe(true)
      expect(await primary.backupSessionOpen('op-2')).toBe(false)
      const {stopLsn, label, tablespaceMap} = await backup.stop()
      expect(lsnBytes(stopLsn)).toBeGreaterThan(lsnBytes(backup.startLsn))
      expect(label.split('\n').map((line) => line.replace(/ (file|TIME:|LOCATION:).*$/, ' $1'))).toEqual([
        'START WAL LOCATION:',
        'CHECKPOINT LOCATION:',
        'BACKUP METHOD: streamed',
        'BACKUP FROM: primary',
        'START TIME:',
        'LABEL: op-1',
        'START TIMELINE: 1',
        '',
      ])
      expect(label).toContain(`START WAL LOCATION: ${backup.startLsn} (file `)
      expect(tablespaceMap).toBe('')
      expect(backup.alive()).toBe(false)
      await until('its session is gone', async () => !(await primary.backupSessionOpen('op-1')))
    })

    it('is dead at once when the server ends its session, and cannot be stopped any more', async () => {
      const backup = await open('ein Etikett mit Umlaut: ä')
      expect(await primary.backupSessionOpen('ein Etikett mit Umlaut: ä')).toBe(true)
      await cluster.sql(
        0,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'poolctl backup%'",
      )
      await until('the session is seen to be dead', () => !backup.alive(), 1000)
      await expect(backup.stop()).rejects.toMatchObject({code: 'POSTGRES_BACKUP_LOST', exitCode: 5})
    })

    it('outlives a site that ends idle sessions', async () => {
      await cluster.sql(0, "alter role postgres set idle_session_timeout = '200ms'")
      const backup = await open('idle')
      await cluster.sql(0, 'alter role postgres reset idle_session_timeout')
      await new Promise((resolve) => setTimeout(resolve, 600))
      expect(backup.alive()).toBe(true)
      await backup.abandon()
      expect(backup.alive()).toBe(false)
      await until('its session is gone', async () => !(await primary.backupSessionOpen('idle')))
    })

    it('starts on a standby too', async () => {
      const backup = await standby.openBackup('from standby')
      ended.push(backup)
      const {label} = await backup.stop()
      expect(label).toContain('BACKUP FROM: standby')
      expect(backup.timeline).toBe(1)
    })
  })

  describe('missing relation files', () => {
    it('finds the one file that is gone, and nothing in a healthy cluster of every kind of relation', async () => {
      await cluster.sql(0, 'create database "o\'ther db"')
      await cluster.sql(
        0,
        `create table plain (a int primary key, b text); create unlogged table quick (a serial primary key, b text);
         create table parts (a int) partition by range (a); create index on parts (a);
         create table part1 partition of parts for values from (1) to (9);
         create view v as select 1; create materialized view mv as select 1 as x; create type pair as (a int, b int);
         create extension postgres_fdw; create server s foreign data wrapper postgres_fdw;
         create foreign table f (a int) server s`,
        "o'ther db",
      )
      const lsn = await primary.writeMarker('files')
      await until('replayed', async () => lsnBytes((await standby.facts()).replayedLsn!) >= lsnBytes(lsn))
      expect(await primary.missingRelationFiles()).toEqual([])
      expect(await standby.missingRelationFiles()).toEqual([])

      const path = await cluster.sql(0, "select pg_relation_filepath('plain')", "o'ther db")
      const init = `${await cluster.sql(0, "select pg_relation_filepath('quick')", "o'ther db")}_init`
      await rename(join(cluster.nodes[1]!.data, path), join(cluster.directory, 'aside1'))
      await rename(join(cluster.nodes[1]!.data, init), join(cluster.directory, 'aside2'))
      expect(await standby.missingRelationFiles()).toEqual([path, init].sort())
      await rename(join(cluster.directory, 'aside1'), join(cluster.nodes[1]!.data, path))
      await rename(join(cluster.directory, 'aside2'), join(cluster.nodes[1]!.data, init))
      expect(await standby.missingRelationFiles()).toEqual([])
    })

    it('does not take tables for damaged that are rewritten while it looks', async () => {
      const churning = {on: true}
      const churn = (async () => {
        while (churning.on)
          await cluster.sql(0, 'drop table if exists churn; create table churn as select 1 as a; truncate churn')
      })().catch((error: unknown) => error)
      const found: string[][] = []
      for (let i = 0; i < 5; i += 1) found.push(await primary.missingRelationFiles())
      churning.on = false
      expect(await churn).toBeUndefined()
      expect(found).toEqual([[], [], [], [], []])
    })
  })

  describe('a server that does not answer', () => {
    it('is unreachable when nothing listens, and named with its address', async () => {
      const nowhere = createPostgres({
        node: {...cluster.nodes[0]!, id: nodeId(7), address: '127.83.1.99'},
        access: cluster.access,
      })
      const error: unknown = await nowhere.facts().catch((e: unknown) => e)
      expect(error).toBeInstanceOf(Unreachable)
      expect(error).toMatchObject({
        message: 'node 7 (127.83.1.99:5432) is unreachable: nothing listens there',
        changed: 'none',
      })
      await nowhere.close()
    })

    it('refuses a wrong password, a missing one, and a file that others can read', async () => {
      const wrong = join(cluster.directory, 'wrong.pass')
      await writeFile(wrong, '*:*:*:postgres:wrong\n', {mode: 0o600})
      const refused = async (passfile: string): Promise<unknown> => {
        const pg = server(0, {passfile})
        const error: unknown = await pg.facts().catch((e: unknown) => e)
        await pg.close()
        expect(error).toBeInstanceOf(AuthenticationRefused)
        return error
      }
      expect(await refused(wrong)).toMatchObject({
        code: 'POSTGRES_LOGIN_REFUSED',
        detail: expect.stringContaining('28P01'),
      })
      expect(await refused('/nonexistent/file')).toMatchObject({code: 'POSTGRES_PASSWORD_MISSING'})
      await chmod(wrong, 0o644)
      expect(await refused(wrong)).toMatchObject({code: 'POSTGRES_PASSFILE_EXPOSED'})
    })

    it('never shows the password in an error', async () => {
      const pg = server(0)
      const error: unknown = await pg.dropSlot('s1').catch((e: unknown) => e)
      await pg.close()
      const {inspect} = await import('node:util')
      expect(inspect(error, {depth: 10, showHidden: true})).not.toContain(PASSWORD)
    })

    it('answers again on a new session after the server has ended the old one', async () => {
      const pg = server(0)
      await pg.facts()
      await cluster.sql(0, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'poolctl'")
      expect((await pg.facts()).inRecovery).toBe(false)
      await pg.close()
    })

    it('answers callers at the same time on one session', async () => {
      const pg = server(0, {database: 'template1'})
      const facts = await Promise.all([pg.facts(), pg.facts(), pg.markerSeen('none'), pg.walSegments()])
      expect(facts[0].systemIdentifier).toBe(facts[1].systemIdentifier)
      const sessions = () => cluster.sql(0, "select count(*) from pg_stat_activity where datname = 'template1'")
      expect(await sessions()).toBe('1')
      await pg.close()
      await until('the session is gone', async () => (await sessions()) === '0')
    })

    it('stays readable while a backup and other changes are under way', async () => {
      const pg = server(0)
      const acts = Promise.all([pg.checkpoint(), pg.createSlot('while'), pg.writeMarker('while')])
      expect((await pg.facts()).inRecovery).toBe(false)
      await acts
      await pg.dropSlot('while')
      await pg.close()
    })

    it('gives up on a server that is frozen, as unreachable for a read and unknown for a change', async () => {
      const pg = createPostgres({
        node: cluster.nodes[0]!,
        access: cluster.access,
        timeouts: {connectMs: 1000, readMs: 10_000, changeMs: 10_000, longMs: 700},
      })
      const pids = await cluster.sql(0, "select pid from pg_stat_activity where backend_type = 'checkpointer'")
      process.kill(Number(pids), 'SIGSTOP')
      try {
        const error: unknown = await pg.checkpoint().catch((e: unknown) => e)
        expect(error).toBeInstanceOf(OutcomeUnknown)
        expect(error).toMatchObject({
          code: 'POSTGRES_OUTCOME_UNKNOWN',
          message: `lost node 0 (${PRIMARY}:5432) before it answered whether it could checkpoint`,
          detail: 'ETIMEDOUT: no answer in time',
        })
      } finally {
        process.kill(Number(pids), 'SIGCONT')
      }
      const postmaster = Number((await readFile(join(cluster.nodes[0]!.data, 'postmaster.pid'), 'utf8')).split('\n')[0])
      process.kill(postmaster, 'SIGSTOP')
      try {
        await expect(pg.facts()).rejects.toMatchObject({
          code: 'POSTGRES_UNREACHABLE',
          message: `node 0 (${PRIMARY}:5432) is unreachable: no answer in time`,
        })
      } finally {
        process.kill(postmaster, 'SIGCONT')
      }
      await pg.close()
    })
  })

  describe('role changes', () => {
    it('points the standby elsewhere and back while it runs, without a password in its settings', async () => {
      await primary.createSlot('other')
      const passfile = join(cluster.directory, 'passfile')
      const connection = {
        host: PRIMARY,
        port: 5432,
        user: 'postgres',
        applicationName: "it's 1",
        slot: 'other',
        passfile,
      }
      await standby.follow(connection)
      await until('it streams over the other slot', async () => {
        const {receiver} = await standby.facts()
        return receiver?.status === 'streaming' && receiver.slot === 'other'
      })
      expect((await primary.facts()).senders.map((s) => s.applicationName)).toEqual(["it's 1"])
      expect((await standby.facts()).settings['primary_conninfo']).toContain(`passfile='${passfile}'`)
      await standby.follow({...connection, applicationName: 'node1', slot: 's1'})
      await until('it streams over its own slot', async () => (await standby.facts()).receiver?.slot === 's1')
      await primary.dropSlot('other')
    })

    it('says that it could not set what the server keeps from the command line or refuses', async () => {
      await expect(
        standby.follow({host: 'a\nb', port: 1, user: 'u', applicationName: 'n', slot: 's1', passfile: null}),
      ).rejects.toMatchObject({code: 'POSTGRES_ACT_FAILED'})
      expect((await standby.facts()).receiver?.status).toBe('streaming')
    })

    it('promotes, reports the new timeline before any checkpoint, and reads where it parted', async () => {
      const before = await standby.facts()
      await cluster.stopServer(0)
      await standby.promote(20)
      const after = await standby.facts()
      expect({inRecovery: after.inRecovery, timeline: after.timeline}).toEqual({inRecovery: false, timeline: 2})
      const history = await standby.history(2)
      expect(history.map((step) => step.timeline)).toEqual([1])
      expect(lsnBytes(history[0]!.until)).toBeGreaterThanOrEqual(lsnBytes(before.replayedLsn!))
      expect(await standby.history(1)).toEqual([])
      expect(await standby.history(9)).toEqual([])
      await standby.promote(5)
    })

    // After the promotion, because two servers of one machine cannot share the directory.
    it('names tablespaces outside the data directory, also in a backup', async () => {
      const location = join(cluster.directory, 'space of its own')
      await cluster.makeDirectory(location)
      await cluster.sql(1, `create tablespace "Big One" location '${location}'`)
      const oid = Number(await cluster.sql(1, "select oid from pg_tablespace where spcname = 'Big One'"))
      expect((await standby.facts()).tablespaces).toEqual([{oid, name: 'Big One', location}])
      const backup = await standby.openBackup('with a tablespace')
      expect((await backup.stop()).tablespaceMap).toBe(`${oid} ${location}\n`)
      await cluster.sql(1, 'drop tablespace "Big One"')
    })

    it('finds a stopped server unreachable, and well again after its start', async () => {
      await expect(primary.facts()).rejects.toBeInstanceOf(Unreachable)
      // Not as a primary: the other one is one now.
      await appendFile(join(cluster.nodes[0]!.data, 'standby.signal'), '')
      await cluster.startServer(0)
      expect((await primary.facts()).inRecovery).toBe(true)
    })

    it('leaves a promotion that is not done in time as unknown', async () => {
      // A stopped startup process cannot act on the request, so the promotion stays pending.
      const pid = Number(await cluster.sql(0, "select pid from pg_stat_activity where backend_type = 'startup'"))
      process.kill(pid, 'SIGSTOP')
      try {
        const error: unknown = await primary.promote(1).catch((e: unknown) => e)
        expect(error).toBeInstanceOf(OutcomeUnknown)
        expect(error).toMatchObject({code: 'POSTGRES_PROMOTION_PENDING', exitCode: 9})
      } finally {
        process.kill(pid, 'SIGCONT')
      }
      await until('it becomes a primary after all', async () => !(await primary.facts()).inRecovery)
    })
  })
})

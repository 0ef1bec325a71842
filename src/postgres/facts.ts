/** The row of the FACTS query as `ServerFacts`; secrets inside settings do not pass this border. */
import {parseLsn, type Lsn} from '../cluster/lsn.js'
import type {ServerFacts} from '../ports/postgres.js'
import {redactCommand, redactConninfo} from './conninfo.js'
import type {FactsRow} from './facts-queries.js'

const lsn = (text: string | null): Lsn | null => (text === null ? null : parseLsn(text))

/** `databaseBytes` is given apart because it is not measured in every call. */
export function toServerFacts(row: FactsRow, databaseBytes: number): ServerFacts {
  return {
    versionNum: row.version_num,
    systemIdentifier: row.system_identifier,
    inRecovery: row.in_recovery,
    timeline: row.timeline,
    currentLsn: lsn(row.current_lsn),
    receivedLsn: lsn(row.received_lsn),
    replayedLsn: lsn(row.replayed_lsn),
    replayPaused: row.replay_paused,
    replayAgeSeconds: row.replay_age,
    receiver: row.receiver && {
      status: row.receiver.status,
      senderHost: row.receiver.sender_host,
      senderPort: row.receiver.sender_port,
      slot: row.receiver.slot,
      timeline: row.receiver.timeline,
    },
    senders: row.senders.map((s) => ({
      applicationName: s.application_name,
      clientAddress: s.client_address,
      state: s.state,
      syncState: s.sync_state,
      sentLsn: lsn(s.sent_lsn),
      replayLsn: lsn(s.replay_lsn),
    })),
    slots: row.slots.map((s) => ({
      name: s.name,
      active: s.active,
      restartLsn: lsn(s.restart_lsn),
      walStatus: s.wal_status,
    })),
    tablespaces: row.tablespaces,
    databaseBytes,
    settings: redactSettings(row.settings),
  }
}

function redactSettings(settings: Record<string, string>): Record<string, string> {
  const shown = {...settings}
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'primary_conninfo') shown[name] = redactConninfo(value)
    if (name.endsWith('_command')) shown[name] = redactCommand(value)
  }
  return shown
}

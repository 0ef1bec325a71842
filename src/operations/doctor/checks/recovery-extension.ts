/** The function by which pgpool starts its recovery scripts: there, of this pgpool's release, and with its library on every node. */
import {recoveryCallArguments} from '../../pool-parameters.js'
import {ofServers, type Check, type Found} from '../check.js'
import {firstStage, settingsOf, sourcesOf, type Snapshot} from '../snapshot.js'
import {recoveryDatabase} from '../wanted.js'

/** Where each pgpool would call it; one without recovery_user has no recovery of its own. */
function whereCalled(snapshot: Snapshot): Set<string> {
  return new Set(
    snapshot.pools.flatMap((pool) => {
      const settings = settingsOf(pool)
      return settings.seen && (settings.value.get('recovery_user') ?? '') !== ''
        ? [recoveryDatabase(settings.value)]
        : []
    }),
  )
}

const recoveryExtension = ofServers(
  {
    id: 'recovery-extension',
    code: 'RECOVERY_EXTENSION_MISSING',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'warning',
    holds: "pgpool_recovery is where pgpool's recovery looks for it",
  },
  ({config, server}, snapshot) =>
    server.inRecovery
      ? null
      : [...whereCalled(snapshot)].flatMap((database): Found[] => {
          const look = server.extensions.get(database)
          if (look?.seen !== true || look.value?.installed === true) return []
          return [
            look.value === null
              ? {
                  message: `node ${config.id} has no database ${database}, where pgpool's recovery looks for the extension pgpool_recovery`,
                  remedy: 'pgpool.conf: recovery_database to one that is there, then: poolctl reload',
                }
              : {
                  message: `database ${database} of node ${config.id} lacks the extension pgpool_recovery`,
                  remedy: `on the primary, in ${database}: CREATE EXTENSION pgpool_recovery`,
                },
          ]
        }),
  ['settings', 'extension'],
)

const recoveryLibrary = ofServers(
  {
    id: 'recovery-library',
    code: 'RECOVERY_LIBRARY_MISSING',
    topic: 'recovery',
    serves: ['recovery', 'promote'],
    severity: 'warning',
    holds: 'every node has the library of pgpool_recovery',
  },
  ({config, server}, snapshot) => {
    // A standby that becomes primary runs the scripts then.
    const known = sourcesOf(snapshot).flatMap(({server: {extensions}}) => [...extensions.values()])
    const installed = known.some((look) => look.seen && look.value?.installed === true)
    return !installed || server.more.recoveryLibrary
      ? null
      : {
          message: `node ${config.id} lacks the files of the extension pgpool_recovery: as primary it could not run pgpool's recovery`,
          remedy: `on ${config.host}: apt-get install postgresql-${Math.floor(server.versionNum / 10_000)}-pgpool2`,
        }
  },
  ['settings', 'extension'],
)

const extensionOld = ofServers(
  {
    id: 'recovery-extension-release',
    code: 'RECOVERY_EXTENSION_OLD',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'warning',
    holds: 'pgpool_recovery takes what this release of pgpool hands over',
  },
  ({config, server}, snapshot) =>
    server.inRecovery || firstStage(snapshot) === null
      ? null
      : snapshot.pools.flatMap((pool): Found[] => {
          const settings = settingsOf(pool)
          if (!settings.seen) return []
          const look = server.extensions.get(recoveryDatabase(settings.value))
          const takes = look?.seen === true ? (look.value?.parameters ?? null) : null
          const given = recoveryCallArguments(settings.value)
          if (takes === null || takes >= given) return []
          return [
            {
              pool: pool.name,
              message: `pgpool ${pool.name} calls pgpool_recovery() with ${given} arguments, node ${config.id} has it with ${takes}: the call fails before any script runs`,
              remedy: `install the extension of pgpool's own release on ${config.host}, then in ${recoveryDatabase(settings.value)}: ALTER EXTENSION pgpool_recovery UPDATE`,
            },
          ]
        }),
  ['settings', 'extension'],
)

export const RECOVERY_EXTENSION: readonly Check[] = [recoveryExtension, extensionOld, recoveryLibrary]

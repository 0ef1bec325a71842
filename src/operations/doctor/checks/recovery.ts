/** What pgpool's own online recovery needs. */
import {seconds} from '../../pool-parameters.js'
import {ofNodeHosts, ofServers, ofSettings, type Check, type Found} from '../check.js'
import {isReplicating, primaryOf, settingsOf, type Snapshot} from '../snapshot.js'
import {recoveryDatabase} from '../wanted.js'

/** pgpool's own recovery is configured where its first stage is. */
function firstStage(snapshot: Snapshot): {name: string; pool: string} | null {
  for (const pool of snapshot.pools) {
    const settings = settingsOf(pool)
    const name = settings.seen ? (settings.value.get('recovery_1st_stage_command') ?? '') : ''
    if (name !== '') return {name, pool: pool.name}
  }
  return null
}

const recoveryUser = ofSettings(
  {
    id: 'recovery-user',
    code: 'RECOVERY_USER_UNFIT',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'warning',
    holds: 'recovery_user may run pgpool_recovery',
  },
  (settings, {name}, snapshot) => {
    const user = settings.get('recovery_user') ?? ''
    const primary = primaryOf(snapshot)
    const used = firstStage(snapshot) !== null
    if (primary === null || (user === '' && !used)) return null
    const role = primary.server.more.roles.find((one) => one.name === user)
    const problem =
      user === ''
        ? 'it is empty'
        : role === undefined
          ? `there is no role ${user}`
          : role.superuser
            ? null
            : `role ${user} is no superuser`
    return problem === null
      ? null
      : {
          message: `recovery_user of ${name}: ${problem}, so pgpool's recovery is refused`,
          remedy: "pgpool.conf: recovery_user = 'postgres' (a superuser), then: poolctl reload",
        }
  },
  ['primary'],
)

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
    const known = [...(primaryOf(snapshot)?.server.extensions.values() ?? [])]
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

const recoveryScripts = ofNodeHosts(
  {
    id: 'recovery-scripts',
    code: 'RECOVERY_SCRIPT_MISSING',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'critical',
    holds: "the scripts of pgpool's recovery are in the primary's data directory",
  },
  ({scripts}, {config}, snapshot) => {
    const stage = firstStage(snapshot)
    // pgpool always runs $PGDATA/NAME on the primary (recovery.c), and pgpool_remote_start under that very name.
    if (stage === null || primaryOf(snapshot)?.config.id !== config.id) return null
    if (stage.name.includes('/'))
      return {
        message: `recovery_1st_stage_command of ${stage.pool} is a path (${stage.name}): pgpool looks for it below the data directory`,
        remedy: `pgpool.conf: recovery_1st_stage_command = '${stage.name.split('/').at(-1) ?? ''}', then: poolctl reload`,
      }
    return scripts.flatMap(({name, state}): Found[] =>
      state === 'executable'
        ? []
        : [
            {
              message: `${config.data}/${name} on node ${config.id} ${state === 'missing' ? 'is not there' : 'may not be executed'}`,
              remedy: state === 'missing' ? 'poolctl scripts install' : `chmod 755 ${config.data}/${name}`,
            },
          ],
    )
  },
  ['settings', 'primary'],
)

const secondStage = ofSettings(
  {
    id: 'recovery-second-stage',
    code: 'RECOVERY_SECOND_STAGE_EMPTY',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'critical',
    holds: 'a recovered node of native replication starts identical',
  },
  (settings, {name}) =>
    isReplicating(settings) &&
    (settings.get('recovery_1st_stage_command') ?? '') !== '' &&
    (settings.get('recovery_2nd_stage_command') ?? '') === ''
      ? {
          message: `recovery_2nd_stage_command of ${name} is empty: what was written during the first stage is missing on the recovered node`,
          remedy: "pgpool.conf: recovery_2nd_stage_command = 'recovery_2nd_stage', then: poolctl reload",
        }
      : null,
)

const idleLimit = ofSettings(
  {
    id: 'recovery-idle-limit',
    code: 'RECOVERY_IDLE_LIMIT_LATE',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'warning',
    holds: 'idle clients are cut before recovery gives up on them',
  },
  (settings, {name}) => {
    const limit = seconds(settings.get('client_idle_limit_in_recovery'))
    const timeout = seconds(settings.get('recovery_timeout'))
    return limit === null || timeout === null || limit <= 0 || limit < timeout
      ? null
      : {
          message: `client_idle_limit_in_recovery of ${name} (${limit} s) is not below recovery_timeout (${timeout} s): the second stage gives up first`,
          remedy: `pgpool.conf: client_idle_limit_in_recovery = ${Math.max(1, Math.floor(timeout / 3))}, then: poolctl reload`,
        }
  },
)

export const RECOVERY: readonly Check[] = [
  recoveryUser,
  recoveryExtension,
  recoveryLibrary,
  recoveryScripts,
  secondStage,
  idleLimit,
]

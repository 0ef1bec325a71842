/** What pgpool's own online recovery needs. */
import {seconds} from '../../pool-parameters.js'
import {ofNodeHosts, ofSettings, type Check, type Found} from '../check.js'
import {firstStage, isReplicating, sourcesOf} from '../snapshot.js'
import {RECOVERY_EXTENSION} from './recovery-extension.js'

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
    const [source] = sourcesOf(snapshot)
    const used = firstStage(snapshot) !== null
    if (source === undefined || (user === '' && !used)) return null
    const role = source.server.more.roles.find((one) => one.name === user)
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
    if (stage === null || !sourcesOf(snapshot).some((source) => source.config.id === config.id)) return null
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

const firstStageEmpty = ofSettings(
  {
    id: 'recovery-first-stage',
    code: 'RECOVERY_FIRST_STAGE_EMPTY',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'warning',
    holds: 'a node of native replication or snapshot isolation can come back',
  },
  (settings, {name}) =>
    isReplicating(settings) && (settings.get('recovery_1st_stage_command') ?? '') === ''
      ? {
          message: `recovery_1st_stage_command of ${name} is empty: in this mode only pgpool's own recovery brings a node back, and it would copy nothing`,
          remedy: 'poolctl scripts install',
        }
      : null,
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
  ...RECOVERY_EXTENSION,
  recoveryScripts,
  firstStageEmpty,
  secondStage,
  idleLimit,
]

/** What pgpool would do by itself when a server fails, and what its recovery needs. */
import {failedHooks} from '../../../cluster/hook-run.js'
import {isOn, seconds} from '../../pool-parameters.js'
import {ofPoolHosts, ofSettings, type Check, type Found} from '../check.js'
import {hookPrograms} from '../hooks.js'
import {backendsOf, isStreaming, settingsOf} from '../snapshot.js'
import {isManaged} from './backends.js'

const failoverCommand = ofSettings(
  {
    id: 'failover-command',
    code: 'FAILOVER_COMMAND_EMPTY',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: 'a failover of pgpool promotes somebody, or is left to people',
  },
  // Without the command and with failover_on_backend_error off, failover is by hand (poolctl promote --failover), which is a choice.
  (settings, {name}) => {
    const command = settings.get('failover_command') ?? ''
    const follow = settings.get('follow_primary_command') ?? settings.get('follow_master_command') ?? ''
    if (!isStreaming(settings) || command !== '' || backendsOf(settings).some(({hostname}) => isManaged(hostname)))
      return null
    const because = isOn(settings.get('failover_on_backend_error'))
      ? 'failover_on_backend_error is on, so the first broken connection detaches a primary'
      : follow === ''
        ? null
        : 'follow_primary_command is set and will never have a new primary to follow'
    return because === null
      ? null
      : {
          message: `failover_command of ${name} is empty: ${because}, and nobody is promoted`,
          remedy:
            "pgpool.conf: failover_command = '/etc/pgpool2/failover.sh %d %h %p %D %m %H %M %P %r %R %N %S', then: poolctl reload",
        }
  },
)

const followPrimary = ofSettings(
  {
    id: 'follow-primary-command',
    code: 'FOLLOW_PRIMARY_EMPTY',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: 'the other standbys follow a new primary',
  },
  (settings, {name}) => {
    const follow = settings.get('follow_primary_command') ?? settings.get('follow_master_command') ?? ''
    if (!isStreaming(settings) || (settings.get('failover_command') ?? '') === '' || follow !== '') return null
    return backendsOf(settings).length < 3
      ? null
      : {
          message: `follow_primary_command of ${name} is empty: after a failover the other standbys still wait for the old primary`,
          remedy:
            "pgpool.conf: follow_primary_command = '/etc/pgpool2/follow_primary.sh %d %h %p %D %m %H %M %P %r %R', then: poolctl reload",
        }
  },
)

const hookFiles = ofPoolHosts(
  {
    id: 'hook-programs',
    code: 'HOOK_NOT_RUNNABLE',
    topic: 'failover',
    serves: ['failover'],
    severity: 'critical',
    holds: 'pgpool can run the commands that it is told to run',
  },
  ({programs}, pool) => {
    const settings = settingsOf(pool)
    if (!settings.seen) return null
    return hookPrograms(settings.value).flatMap(({setting, program}): Found[] => {
      const file = programs.find(({path}) => path === program)
      if (file === undefined || file.state === 'executable') return []
      return [
        {
          message: `${setting} of ${pool.name}: ${program} ${file.state === 'missing' ? 'is not there' : 'may not be executed'}, and pgpool ignores what a command returns`,
          remedy:
            file.state === 'missing'
              ? `put it there (poolctl scripts install), or correct ${setting}`
              : `chmod 755 ${program}`,
        },
      ]
    })
  },
  ['settings'],
)

const hookRuns = ofPoolHosts(
  {
    id: 'hook-runs',
    code: 'HOOK_FAILED',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: 'the hooks did what they were last called for',
  },
  ({hookRuns: runs}, {config}) => failedHooks(config.host, runs).map(({message, remedy}) => ({message, remedy})),
)

/** What the manual's examples hand over, and without which the script cannot know whom to promote. */
const failoverArguments = ofSettings(
  {
    id: 'failover-arguments',
    code: 'FAILOVER_COMMAND_BLIND',
    topic: 'failover',
    serves: ['failover'],
    severity: 'critical',
    holds: 'failover_command hears which node failed and which is to be promoted',
  },
  (settings, {name}) => {
    const command = settings.get('failover_command') ?? ''
    if (command === '') return null
    const failed = /%[dhD]/.test(command)
    const next = /%[mHR]/.test(command)
    if (failed && next) return null
    const lacks = [...(failed ? [] : ['which node failed (%d)']), ...(next ? [] : ['which becomes primary (%H)'])]
    return {
      message: `failover_command of ${name} is not told ${lacks.join(' nor ')}: ${command}`,
      remedy: 'pgpool.conf: hand over %d %h %p %D %m %H %M %P %r %R, then: poolctl reload',
    }
  },
)

const autoFailback = ofSettings(
  {
    id: 'auto-failback',
    code: 'AUTO_FAILBACK_ON',
    topic: 'failover',
    serves: ['detach', 'promote', 'recovery'],
    severity: 'warning',
    holds: 'what is detached stays detached',
  },
  (settings, {name}) =>
    isOn(settings.get('auto_failback'))
      ? {
          message: `auto_failback of ${name} is on: a standby that was detached for maintenance is attached again within a second`,
          remedy: 'pgpool.conf: auto_failback = off, then: poolctl reload',
        }
      : null,
)

const falsePrimary = ofSettings(
  {
    id: 'detach-false-primary',
    code: 'FALSE_PRIMARY_STAYS',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: 'an automatic failover guards against a second primary',
  },
  (settings, {name}) => {
    const automatic = (settings.get('failover_command') ?? '') !== ''
    const on = isOn(settings.get('detach_false_primary'))
    if (!isStreaming(settings)) return null
    if (automatic && !on)
      return {
        message: `detach_false_primary of ${name} is off: an old primary that comes back stays in the pool beside the new one`,
        remedy: 'pgpool.conf: detach_false_primary = on, then: poolctl reload',
      }
    return null
  },
)

const onShutdown = ofSettings(
  {
    id: 'failover-on-error',
    code: 'FAILOVER_WITHOUT_RETRY',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: 'health checks, which retry, decide on a failover',
  },
  (settings, {name}) => {
    const checked = backendsOf(settings).length > 0 && seconds(settings.get('health_check_period')) !== 0
    // Without a failover_command the same setting is told by failover-command.
    return isOn(settings.get('failover_on_backend_error')) && checked && (settings.get('failover_command') ?? '') !== ''
      ? {
          message: `failover_on_backend_error of ${name} is on beside health checks: one broken connection fails over, without a retry`,
          remedy: 'pgpool.conf: failover_on_backend_error = off, then: poolctl reload',
        }
      : null
  },
)

export const FAILOVER: readonly Check[] = [
  failoverCommand,
  failoverArguments,
  followPrimary,
  hookFiles,
  hookRuns,
  autoFailback,
  falsePrimary,
  onShutdown,
]

/** Commands that pgpool runs through a shell, and the program that each names first. */
import type {PoolSettings} from '../../ports/pool.js'

const HOOKS = [
  'failover_command',
  'follow_primary_command',
  'follow_master_command',
  'failback_command',
  'wd_escalation_command',
  'wd_de_escalation_command',
] as const

export type Hook = {setting: string; command: string; program: string}

/** Those that are set. The program is the first word without quotes; a shell's built-in or a bare name is one too. */
export function hookPrograms(settings: PoolSettings): Hook[] {
  return HOOKS.flatMap((setting) => {
    const command = settings.get(setting)?.trim() ?? ''
    const program = /^(?:'([^']*)'|"([^"]*)"|(\S+))/.exec(command)
    if (!program) return []
    return [{setting, command, program: program[1] ?? program[2] ?? program[3] ?? ''}]
  })
}

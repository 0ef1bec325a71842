/** oclif's help with two sections of ours: what the exit codes promise, and which environment variables are read. */
import {CommandHelp, Help} from '@oclif/core/help'
import type {Command} from '@oclif/core/command'
import {EXIT_CODE_TABLE} from './exit-codes.js'

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['POOLCTL_*', 'every flag has one, named in its description: --no-input is POOLCTL_NO_INPUT'],
  ['POOLCTL_STATE_DIR', 'records of operations (default: $XDG_STATE_HOME/poolctl, ~/.local/state/poolctl)'],
  ['PCPPASSFILE, PGPASSFILE', 'password files, as the pcp tools and libpq read them (mode 0600)'],
  ['NO_COLOR, FORCE_COLOR, CI', 'colour; CI also means that nobody can be asked'],
]

class PoolctlCommandHelp extends CommandHelp {
  protected override sections(): ReturnType<CommandHelp['sections']> {
    const rows = (
      header: string,
      body: readonly (readonly [string, string])[],
    ): ReturnType<CommandHelp['sections']>[0] => ({
      header,
      generate: () => ({header, body: body.map(([name, text]): [string, string] => [name, text])}),
    })
    return [
      ...super.sections(),
      rows(
        'EXIT CODES',
        EXIT_CODE_TABLE.map(([code, text]) => [String(code), text] as const),
      ),
      rows('ENVIRONMENT', [...variablesOf(this.command), ...ENVIRONMENT]),
    ]
  }
}

/** Flags of this command alone; the shared ones follow the rule that stands below them. */
function variablesOf(command: Command.Loadable): [string, string][] {
  return Object.values(command.flags)
    .filter((flag) => flag.env !== undefined && flag.helpGroup === undefined)
    .map((flag) => [flag.env ?? '', `same as --${flag.name}`])
}

class PoolctlHelp extends Help {
  protected override CommandHelpClass = PoolctlCommandHelp
}

/** oclif takes a help class from the default export of its file. */
export {PoolctlHelp as default}

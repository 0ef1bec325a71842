/** pgpool's settings by which it fails over, or attaches nodes, by itself; and their values while servers stop on purpose. */

/** What the fence replaces; those that this pgpool does not have are left out. */
export const FENCED: Readonly<Record<string, string>> = {
  failover_command: '',
  follow_primary_command: '',
  follow_master_command: '',
  failback_command: '',
  failover_on_backend_error: 'off',
  failover_on_backend_shutdown: 'off',
  auto_failback: 'off',
  detach_false_primary: 'off',
}

/** pgpool reports a long value cut off; a backslash that lost its second half there could not be written back. */
export function wholeEscapes(value: string): string {
  const [backslashes = ''] = /\\*$/.exec(value) ?? []
  return backslashes.length % 2 === 0 ? value : value.slice(0, -1)
}

type Fence = {settings: {[name: string]: string}; before: {[name: string]: string}}

/** What one pgpool is given, and what it had, from the settings that it reports. */
function fenceOf(settings: Readonly<Record<string, string>>): Fence {
  const names = Object.keys(settings).filter((name) => name in FENCED || name.startsWith('health_check_period'))
  return {
    settings: Object.fromEntries(names.map((name) => [name, FENCED[name] ?? '0'])),
    before: Object.fromEntries(names.map((name) => [name, wholeEscapes(settings[name] ?? '')])),
  }
}

/**
 * The settings in effect of every pgpool of the cluster file, by its name. `silent`: it does not answer, its machine does; `away`: neither
 * does.
 */
export type SettingsByPool = {[pool: string]: {[name: string]: string} | 'silent' | 'away'}

/**
 * Input of the steps fence-pool and unfence-pool. Every pgpool of the site would act by itself, so each is fenced and gets its own
 * values back. One that was silent gets those of one that answered: it could be started meanwhile, and its file can be written. One that
 * is away has a file that nobody can write, so nothing is to be lifted from it later either.
 */
export function fenceInput(pools: SettingsByPool): {pools: {[pool: string]: Fence}} {
  const answered = Object.values(pools).find((settings) => typeof settings !== 'string') ?? {}
  return {
    pools: Object.fromEntries(
      Object.entries(pools).flatMap(([name, settings]) =>
        settings === 'away' ? [] : [[name, fenceOf(settings === 'silent' ? answered : settings)]],
      ),
    ),
  }
}

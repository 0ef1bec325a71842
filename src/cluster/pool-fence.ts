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

export type FenceInput = {settings: {[name: string]: string}; before: {[name: string]: string}}

/** Input of the steps fence-pool and unfence-pool, from the settings that pgpool reports. */
export function fenceInput(settings: Readonly<Record<string, string>>): FenceInput {
  const names = Object.keys(settings).filter((name) => name in FENCED || name.startsWith('health_check_period'))
  return {
    settings: Object.fromEntries(names.map((name) => [name, FENCED[name] ?? '0'])),
    before: Object.fromEntries(names.map((name) => [name, settings[name] ?? ''])),
  }
}

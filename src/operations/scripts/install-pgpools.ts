/** What `scripts install` does about each pgpool of the site: the hooks beside its pgpool.conf, the settings in it. */
import {isInstalled, type ScriptOptions} from '../../cluster/script-options.js'
import type {PlannedStep} from '../../engine/plan.js'
import {Unreachable} from '../../lib/errors.js'
import type {JsonObject} from '../../lib/json.js'
import type {ScriptState} from '../../ports/host.js'
import type {PoolSettings} from '../../ports/pool.js'
import type {PoolPlace} from '../../ports/world.js'
import {step} from '../planned-step.js'
import {lineDiff} from './diff.js'

/** `diff`, empty: it has all settings. */
export type PgpoolView = {name: string} & (
  | {reachable: true; hooks: ScriptState[]; settings: Record<string, string>; diff: string[]}
  | {reachable: false; reason: string}
)
type SeenPgpool = Extract<PgpoolView, {reachable: true}>

const FOLLOW_BEFORE_42 = 'follow_master_command'

/** What the release of this pgpool calls follow_primary_command. */
export function followSetting(settings: PoolSettings): string {
  return settings.has(FOLLOW_BEFORE_42) ? FOLLOW_BEFORE_42 : 'follow_primary_command'
}

/** `wanted`: null when no hooks are. */
export async function lookAtPgpool(
  {pool: {name}, host}: PoolPlace,
  common: Record<string, string>,
  wanted: {options: ScriptOptions; follow: string} | null,
): Promise<PgpoolView> {
  try {
    const hooks = wanted === null ? null : await host.hooks(wanted.options)
    const named = Object.entries(hooks?.settings ?? {}).map(([setting, value]): [string, string] => [
      setting === 'follow_primary_command' ? (wanted?.follow ?? setting) : setting,
      value,
    ])
    const settings = {...common, ...Object.fromEntries(named)}
    const edit = await host.settingsEdit(settings)
    const diff = edit === null ? [] : lineDiff(edit.before, edit.after)
    return {name, reachable: true, hooks: hooks?.states ?? [], settings, diff}
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    return {name, reachable: false, reason: error.message}
  }
}

export function seenPgpools(pgpools: readonly PgpoolView[]): SeenPgpool[] {
  return pgpools.filter((one): one is SeenPgpool => one.reachable)
}

export function outdated(states: readonly ScriptState[]): Record<string, string> {
  return Object.fromEntries(states.filter((s) => !isInstalled(s)).map((s) => [s.name, s.wanted]))
}

/** All hooks are there before the first pgpool is told of them. */
export function pgpoolSteps(pgpools: readonly SeenPgpool[], options: JsonObject): PlannedStep[] {
  const where = ({name}: SeenPgpool): string => (pgpools.length === 1 ? '' : ` of ${name}`)
  return [
    ...pgpools.flatMap((pgpool, at) => hookSteps(pgpool, at, options, where(pgpool))),
    ...pgpools.flatMap((pgpool, at) => settingsSteps(pgpool, at, where(pgpool))),
  ]
}

function numbered(id: string, at: number): string {
  return at === 0 ? id : `${id}-${at}`
}

function hookSteps({name, hooks}: SeenPgpool, at: number, options: JsonObject, where: string): PlannedStep[] {
  const wanted = outdated(hooks)
  if (Object.keys(wanted).length === 0) return []
  const title = `install ${Object.keys(wanted).join(', ')} beside pgpool.conf${where}`
  return [step({id: numbered('install-hooks', at), kind: 'install-hooks', title, input: {options, wanted, pool: name}})]
}

function settingsSteps({name, settings, diff}: SeenPgpool, at: number, where: string): PlannedStep[] {
  if (diff.length === 0) return []
  const title = `set ${Object.keys(settings).join(', ')} in pgpool.conf${where} and reload it`
  return [step({id: numbered('pgpool-settings', at), kind: 'pgpool-settings', title, input: {settings, pool: name}})]
}

/** `poolctl scripts list --installed`: what lies where pgpool looks for each script, compared with what this cluster file gives. */
import {failedHooks, timeOf, type FailedHook} from '../../cluster/hook-run.js'
import {isInstalled, scriptMode, type ScriptMode, type ScriptOptions} from '../../cluster/script-options.js'
import {AuthenticationRefused, messageOf, Unreachable} from '../../lib/errors.js'
import type {ScriptState} from '../../ports/host.js'
import type {PoolPlace, World} from '../../ports/world.js'
import type {InstalledScript} from '../../report/scripts.js'

type Place = Pick<InstalledScript, 'host' | 'node' | 'pool'>
type Found = Omit<InstalledScript, 'failed'>
/** Names, for a host that cannot be asked. */
type Known = {recovery: readonly string[]; failover: readonly string[]}
type Ask = (options: ScriptOptions) => Promise<ScriptState[]>

/** In the data directory of every node, and beside every pgpool.conf: whichever pgpool leads calls its own. */
export async function lookAtInstalled(
  world: World,
  options: Omit<ScriptOptions, 'mode'>,
  known: Known,
): Promise<InstalledScript[]> {
  const variants = (await modesOf(world)).map((mode) => ({...options, mode}))
  const looks = [
    ...world.file.nodes.map(async ({id, host}): Promise<InstalledScript[]> => {
      const place = {host, node: id, pool: null}
      const found = await look(place, known.recovery, variants, (one) => world.host(id).scripts(one))
      return found.map((one) => ({...one, failed: null}))
    }),
    ...world.pools.map((place) => lookAtHooks(place, known.failover, variants)),
  ]
  return (await Promise.all(looks)).flat()
}

async function lookAtHooks(
  {pool, host}: PoolPlace,
  names: readonly string[],
  variants: readonly ScriptOptions[],
): Promise<InstalledScript[]> {
  const place = {host: host.name, node: null, pool: pool.name}
  const found = await look(place, names, variants, async (one) => (await host.hooks(one)).states)
  // A host that cannot be asked has said so already.
  const failed = failedHooks(host.name, await host.hookRuns([]).catch(() => []))
  return found.map((one) => ({...one, failed: lastOf(failed.filter(({hook}) => hook === one.script))}))
}

function lastOf(failed: readonly FailedHook[]): InstalledScript['failed'] {
  const last = failed.toSorted((a, b) => a.at - b.at).at(-1)
  if (last === undefined) return null
  const {node, step, text} = last
  return {at: timeOf(last), node, step, text}
}

/** The text depends on it. Where no pgpool says it, what fits either mode is taken for installed. */
async function modesOf({pool}: World): Promise<ScriptMode[]> {
  const settings = await pool.settings().catch(() => null)
  const mode = settings === null ? null : scriptMode(settings.get('backend_clustering_mode') ?? null)
  return mode === null ? ['streaming', 'native'] : [mode]
}

async function look(
  place: Place,
  names: readonly string[],
  variants: readonly ScriptOptions[],
  ask: Ask,
): Promise<Found[]> {
  try {
    const seen = await Promise.all(variants.map(ask))
    return names.map((name) => {
      const states = seen.flat().filter((one) => one.name === name)
      return installedFrom(
        place,
        name,
        states.find(isInstalled) ?? states.find((one) => one.installed === one.wanted) ?? states[0],
      )
    })
  } catch (error) {
    const state = error instanceof Unreachable || error instanceof AuthenticationRefused ? 'unreachable' : 'unknown'
    const remedy = 'poolctl doctor'
    return names.map((script) => ({script, ...place, path: null, state, reason: messageOf(error), remedy}))
  }
}

function installedFrom(place: Place, script: string, found: ScriptState | undefined): Found {
  const at = {script, ...place, path: found?.path ?? null}
  const install = `poolctl scripts install${place.node === null ? ' --hooks' : ''}`
  if (found === undefined || found.installed === null)
    return {...at, state: 'absent', reason: 'there is no such file', remedy: install}
  if (isInstalled(found)) return {...at, state: 'installed', reason: null, remedy: null}
  if (found.flaw !== undefined) return {...at, state: 'not-runnable', reason: found.flaw, remedy: install}
  const reason = 'another text than this cluster file and these flags give: look at it with poolctl scripts render'
  return {...at, state: 'differs', reason, remedy: install}
}

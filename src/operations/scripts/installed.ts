/** `poolctl scripts list --installed`: what lies where pgpool looks for each script, compared with what this cluster file gives. */
import {scriptMode, type ScriptMode, type ScriptOptions} from '../../cluster/script-options.js'
import {AuthenticationRefused, messageOf, Unreachable} from '../../lib/errors.js'
import type {ScriptState} from '../../ports/host.js'
import type {World} from '../../ports/world.js'
import type {InstalledScript} from '../../report/scripts.js'

type Place = Pick<InstalledScript, 'host' | 'node' | 'pool'>
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
    ...world.file.nodes.map(({id, host}) =>
      look({host, node: id, pool: null}, known.recovery, variants, (one) => world.host(id).scripts(one)),
    ),
    ...world.pools.map(({pool, host}) =>
      look({host: host.name, node: null, pool: pool.name}, known.failover, variants, async (one) => {
        const {states} = await host.hooks(one)
        return states
      }),
    ),
  ]
  return (await Promise.all(looks)).flat()
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
): Promise<InstalledScript[]> {
  try {
    const seen = await Promise.all(variants.map(ask))
    return names.map((name) => {
      const states = seen.flat().filter((one) => one.name === name)
      return installedFrom(place, name, states.find((one) => one.installed === one.wanted) ?? states[0])
    })
  } catch (error) {
    const state = error instanceof Unreachable || error instanceof AuthenticationRefused ? 'unreachable' : 'unknown'
    const remedy = 'poolctl doctor'
    return names.map((script) => ({script, ...place, path: null, state, reason: messageOf(error), remedy}))
  }
}

function installedFrom(place: Place, script: string, found: ScriptState | undefined): InstalledScript {
  const at = {script, ...place, path: found?.path ?? null}
  const install = `poolctl scripts install${place.node === null ? ' --hooks' : ''}`
  if (found === undefined || found.installed === null)
    return {...at, state: 'absent', reason: 'there is no such file', remedy: install}
  if (found.installed === found.wanted) return {...at, state: 'installed', reason: null, remedy: null}
  const reason = 'another text than this cluster file and these flags give: look at it with poolctl scripts render'
  return {...at, state: 'differs', reason, remedy: install}
}

/** What the hooks of the site have said: those of every pgpool, and the archive and restore scripts of the servers that have them. */
import {failedHooks, hookDirectories, type FailedHook, type HookRun} from '../cluster/hook-run.js'
import {reasonOf} from '../lib/errors.js'
import type {PoolPlace, World} from '../ports/world.js'
import type {ClusterView, NodeView} from './survey-cluster.js'

export type HooksView = {failed: FailedHook[]; unseen: {host: string; reason: string}[]}

/** Never throws. A pgpool that says of no hook, or does not answer at all, is not looked for on its machine. */
export function surveyPoolHooks({file, pools}: World): Promise<HooksView> {
  // Without a cluster file there is no way to a machine.
  return gathered(file.nodes.length === 0 ? [] : pools.map(ofPool))
}

async function ofPool({pool, host}: PoolPlace): Promise<HooksView> {
  const settings = await pool.settings().catch(() => null)
  const places = settings === null ? [] : hookDirectories(settings)
  return places.length === 0 ? NOTHING : ofHost(host.name, null, () => host.hookRuns(places))
}

/** Only where it costs nothing or has a use: a server that calls our scripts, and a host that was looked at because its server is silent. */
export function surveyWalHooks(world: World, {nodes}: ClusterView): Promise<HooksView> {
  const asked = nodes.filter(({server, files}) => (server?.reachable ? callsUs(server) : files?.inspected === true))
  return gathered(asked.map(({id}) => ofHost(world.host(id).name, id, () => world.host(id).walHookRuns())))
}

function callsUs(server: Extract<NodeView['server'], {reachable: true}>): boolean {
  const {archive_command: archive = '', restore_command: restore = ''} = server.facts.settings
  return archive.includes('archive_wal.sh') || restore.includes('restore_wal.sh')
}

const NOTHING: HooksView = {failed: [], unseen: []}

async function ofHost(host: string, node: number | null, read: () => Promise<HookRun[]>): Promise<HooksView> {
  try {
    const runs = await read()
    return {failed: failedHooks(host, node === null ? runs : runs.map((run) => ({...run, node}))), unseen: []}
  } catch (error) {
    return {failed: [], unseen: [{host, reason: reasonOf(error)}]}
  }
}

async function gathered(asked: readonly Promise<HooksView>[]): Promise<HooksView> {
  const views = await Promise.all(asked)
  return {failed: views.flatMap(({failed}) => failed), unseen: views.flatMap(({unseen}) => unseen)}
}

/**
 * `poolctl scripts test`: every installed script, run where pgpool runs it and with what pgpool gives it, in a mode that changes
 * nothing. What a script proves on its way (SSH between hosts, logins, rsync, room) is what fails at night otherwise.
 */
import type {NodeConfig} from '../../cluster/cluster-file.js'
import {messageOf, Refused} from '../../lib/errors.js'
import type {PgpoolHost, ScriptCheck} from '../../ports/host.js'
import type {PoolSettings} from '../../ports/pool.js'
import type {World} from '../../ports/world.js'
import type {Warning} from '../../report/envelope.js'
import type {ScriptTests} from '../../report/scripts.js'

type Test = ScriptTests['tests'][number]
type Planned = {script: string; host: string; target: number; run: () => Promise<ScriptCheck>}

export type ScriptTrial = {data: ScriptTests; warnings: Warning[]}

export async function testScripts(world: World, hooks: boolean): Promise<ScriptTrial> {
  const servers = await Promise.all(
    world.file.nodes.map(async (node) => ({
      node,
      facts: await world
        .postgres(node.id)
        .facts()
        .catch(() => null),
    })),
  )
  const sources = servers.filter(({facts}) => facts?.inRecovery === false).map(({node}) => node)
  const [source] = sources
  if (!source)
    throw new Refused({
      code: 'NO_PRIMARY',
      message: 'no running primary, and the scripts run on one',
      hint: 'poolctl status',
    })
  // As pgpool spells them: that is what it will pass.
  const [pool, settings] = await Promise.all([world.pool.nodeInfo(), world.pool.settings()])
  const names = new Map(pool.map((node) => [Number(node.id), node.hostname]))
  const nodes = world.file.nodes.map((node) => ({...node, address: names.get(node.id) ?? node.address}))
  const called = nodes.find((node) => node.id === source.id) ?? source
  const planned = [
    ...recoveryTests(world, called, nodes, stageWords(settings)),
    ...(hooks ? world.pools.flatMap(({host}) => hookTests(host, called, nodes)) : []),
  ]
  const tests: Test[] = []
  const warnings = new Map<string, Warning>()
  // One after the other: they log in on the same hosts.
  for (const one of planned) {
    const {test, warning} = await run(one)
    tests.push(test)
    if (warning !== null) warnings.set(warning.message, warning)
  }
  return {data: {tests}, warnings: [...warnings.values()]}
}

async function run({script, host, target, run: act}: Planned): Promise<{test: Test; warning: Warning | null}> {
  const at = {script, host, target}
  try {
    const {result, text, otherUser} = await act()
    const test = {...at, result: result === 'missing' ? ('not-run' as const) : result, text}
    return {test, warning: otherUser === undefined ? null : triedAs(host, otherUser)}
  } catch (error) {
    return {test: {...at, result: 'failed', text: messageOf(error)}, warning: null}
  }
}

function triedAs(host: string, {tried, runs}: NonNullable<ScriptCheck['otherUser']>): Warning {
  const message = `on ${host} the scripts were tried as ${tried} and are run by ${runs}, whose keys, password files and rights are others: what was proved holds for ${tried}`
  return {code: 'TRIED_AS_OTHER_USER', message, node: null}
}

/** Since 4.3 also with the source's host; that release came with this parameter. */
function stageWords(settings: PoolSettings): number {
  return settings.has('failover_on_backend_shutdown') ? 7 : 6
}

/** As pgpool_recovery() and pgpool_remote_start() call them; the stages with as many words as this pgpool has for them. */
function recoveryTests(world: World, source: NodeConfig, nodes: readonly NodeConfig[], words: number): Planned[] {
  const host = world.host(source.id)
  return nodes
    .filter((node) => node.id !== source.id)
    .flatMap((node): Planned[] => {
      const stage = [
        source.data,
        node.address,
        node.data,
        String(source.port),
        String(node.id),
        String(node.port),
        source.address,
      ].slice(0, words)
      const on = {host: host.name, target: node.id}
      return [
        {script: 'recovery_1st_stage', ...on, run: () => host.checkScript('recovery_1st_stage', stage)},
        {script: 'recovery_2nd_stage', ...on, run: () => host.checkScript('recovery_2nd_stage', stage)},
        {
          script: 'pgpool_remote_start',
          ...on,
          run: () => host.checkScript('pgpool_remote_start', [node.address, node.data]),
        },
      ]
    })
}

/**
 * On one pgpool's host, as each can come to lead. All placeholders in the order of hookSettings, also as they are when there is no new
 * main node: then pgpool gives -1 and empty words.
 */
function hookTests(pgpool: PgpoolHost, primary: NodeConfig, nodes: readonly NodeConfig[]): Planned[] {
  const others = nodes.filter((node) => node.id !== primary.id)
  const words = (down: NodeConfig, next: NodeConfig | null): string[] => [
    String(down.id),
    down.address,
    String(down.port),
    down.data,
    next === null ? '-1' : String(next.id),
    next?.address ?? '',
    next === null ? '' : String(next.port),
    next?.data ?? '',
    String(primary.id),
    String(primary.id),
    primary.address,
    String(primary.port),
  ]
  const test = (script: string, down: NodeConfig, next: NodeConfig | null): Planned => ({
    script,
    host: pgpool.name,
    target: down.id,
    run: () => pgpool.checkHook(script, words(down, next)),
  })
  const [first] = others
  return [
    ...(first ? [test('failover.sh', primary, first)] : []),
    test('failover.sh', primary, null),
    ...others.map((node) => test('failover.sh', node, primary)),
    ...others.map((node) => test('follow_primary.sh', node, primary)),
  ]
}

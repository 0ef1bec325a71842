/**
 * `poolctl scripts test`: every installed script, run where pgpool runs it and with what pgpool gives it, in a mode that changes
 * nothing. What a script proves on its way (SSH between hosts, logins, rsync, room) is what fails at night otherwise.
 */
import type {NodeConfig} from '../../cluster/cluster-file.js'
import {messageOf, Refused} from '../../lib/errors.js'
import type {PgpoolHost, ScriptCheck} from '../../ports/host.js'
import type {World} from '../../ports/world.js'
import type {ScriptTests} from '../../report/scripts.js'

type Test = ScriptTests['tests'][number]
type Planned = {script: string; host: string; target: number; run: () => Promise<ScriptCheck>}

export async function testScripts(world: World, hooks: boolean): Promise<ScriptTests> {
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
  const pool = await world.pool.nodeInfo()
  const names = new Map(pool.map((node) => [Number(node.id), node.hostname]))
  const nodes = world.file.nodes.map((node) => ({...node, address: names.get(node.id) ?? node.address}))
  const called = nodes.find((node) => node.id === source.id) ?? source
  const planned = [
    ...recoveryTests(world, called, nodes),
    ...(hooks ? world.pools.flatMap(({host}) => hookTests(host, called, nodes)) : []),
  ]
  const tests: Test[] = []
  // One after the other: they log in on the same hosts.
  for (const one of planned) tests.push(await run(one))
  return {tests}
}

async function run({script, host, target, run: act}: Planned): Promise<Test> {
  try {
    const {result, text} = await act()
    return {script, host, target, result: result === 'missing' ? 'not-run' : result, text}
  } catch (error) {
    return {script, host, target, result: 'failed', text: messageOf(error)}
  }
}

/** As pgpool_recovery() and pgpool_remote_start() call them (pgpool 4.3 and later; the seventh word is missing before). */
function recoveryTests(world: World, source: NodeConfig, nodes: readonly NodeConfig[]): Planned[] {
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
      ]
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

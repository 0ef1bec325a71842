/**
 * pgpool tells its scripts the target's directory as it has it in mind. A reload changes that of a node that is down and of no other
 * (pgpool_config_variables.c, BackendDataDirAssignFunc, 4.x), so after an upgrade or a move it is the old one for a node that was up then. The
 * source's directory needs no such look: its server tells it.
 */
import type {ScriptMode} from '../../cluster/script-options.js'
import type {PlannedStep} from '../../engine/plan.js'
import type {Pool, PoolSettings} from '../../ports/pool.js'
import type {World} from '../../ports/world.js'
import {parsePoolConfig} from '../pool-parameters.js'
import type {Refusal} from '../operation.js'
import {step} from '../planned-step.js'

/** `said` by the pgpool that is asked, `written` in its pgpool.conf; null where that tells nothing of it. */
export type PoolDirectory = {pool: string; said: string | null; written: string | null}

const parameter = (node: number): string => `backend_data_directory${node}`

export async function readPoolDirectory(
  node: number,
  world: World,
  {name}: Pool,
  settings: PoolSettings,
): Promise<PoolDirectory> {
  const place = world.pools.find(({pool}) => pool.name === name)
  const text = (await place?.host.readConfig().catch(() => null)) ?? ''
  const written = parsePoolConfig(text).get(parameter(node))
  return {pool: name, said: settings.get(parameter(node)) || null, written: written || null}
}

type Facts = {mode: ScriptMode | null; directory: PoolDirectory; target: {node: {data: string}}}

/** To the letter, as the scripts compare it: they know the node's directory by the cluster file alone. */
function agrees({directory: {said}, target}: Facts): boolean {
  return said === null || said === target.node.data
}

export function checkPoolDirectory({node}: {node: number}, facts: Facts): Refusal[] {
  const {data} = facts.target.node
  const {said, written, pool} = facts.directory
  if (agrees(facts) || written === data) return []
  const name = parameter(node)
  // In native replication nobody but pgpool can recover a node.
  const instead = facts.mode === 'streaming' ? `. As it is: poolctl recovery ${node} --driver ssh` : ''
  return [
    {
      code: 'POOL_DIRECTORY_OTHER',
      node,
      message: `pgpool would have node ${node} recovered in ${said}, the cluster file's directory of it is ${data}`,
      detail: `pgpool.conf of ${pool} ${written === null ? `could not be read, or has no ${name}` : `has ${name} = '${written}'`}.`,
      hint: `Write ${name} = '${data}' there, or correct data of node ${node} in the cluster file${instead}`,
      override: null,
    },
  ]
}

/** After the node has left the pool: then a reload is enough, and no client of pgpool notices. */
export function takeDirectory(node: number, facts: Facts): PlannedStep[] {
  if (agrees(facts)) return []
  const {pool} = facts.directory
  const settings = {[parameter(node)]: facts.target.node.data}
  return [
    step({
      id: 'set-pool-paths',
      title: `have pgpool ${pool} take the directory of node ${node} from its pgpool.conf`,
      input: {settings, pool, required: true},
    }),
  ]
}

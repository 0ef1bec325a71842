/**
 * pgpool tells its scripts the target's directory as it read it at its own start: a reload changes it for no node that pgpool has already. After
 * an upgrade, or a move, it is the old one until pgpool is restarted. The source's directory needs no such look: its server tells it.
 */
import type {ClusterFile, Service} from '../../cluster/cluster-file.js'
import type {ScriptMode} from '../../cluster/script-options.js'
import type {PoolSettings} from '../../ports/pool.js'
import type {Refusal} from '../operation.js'

/** `said`: null where this pgpool tells nothing of it. */
export type PoolDirectory = {said: string | null; restarts: string[]}

export function poolDirectory(node: number, settings: PoolSettings, {pgpool}: ClusterFile): PoolDirectory {
  const said = settings.get(`backend_data_directory${node}`) ?? ''
  const restarts = pgpool.map(({host, service}) => `on ${host}: ${restart(service)}`)
  return {said: said === '' ? null : said, restarts}
}

function restart(service: Service): string {
  if (service.kind === 'systemd') return `systemctl restart ${service.unit}`
  if (service.kind === 'commands') return `${service.stop.join(' ')} && ${service.start.join(' ')}`
  return 'stop and start pgpool'
}

type Facts = {mode: ScriptMode | null; target: {node: {data: string}}; directory: PoolDirectory}

/** To the letter, as the scripts compare it: they know the node's directory by the cluster file alone. */
export function checkPoolDirectory(
  {node}: {node: number},
  {mode, target, directory: {said, restarts}}: Facts,
): Refusal[] {
  const {data} = target.node
  if (said === null || said === data) return []
  const name = `backend_data_directory${node}`
  // In native replication nobody but pgpool can recover a node.
  const instead = mode === 'streaming' ? `. Without a restart: poolctl recovery ${node} --driver ssh` : ''
  return [
    {
      code: 'POOL_DIRECTORY_OTHER',
      node,
      message: `pgpool would have node ${node} recovered in ${said}, the cluster file's directory of it is ${data}`,
      detail: `pgpool reads ${name} of a node that it has at its start only; a reload does not change it.`,
      hint: `Where pgpool.conf has ${name} = '${data}' (an upgrade writes it), restart pgpool, which cuts its clients off: ${restarts.join('; ')}. Else write it there first, or correct data of node ${node} in the cluster file${instead}`,
      override: null,
    },
  ]
}

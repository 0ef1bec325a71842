/** pgpool and its clients: who would act by himself while servers stop, and who connects around it. */
import {isAttached} from '../../../cluster/pool-node.js'
import {acceptable, counted, listed, stop, warn, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

const area = 'pool' as const

export function checkPool(survey: UpgradeSurvey): Finding[] {
  return [...checkMode(survey), ...checkNodes(survey), ...checkItself(survey), ...checkDirectClients(survey)]
}

function checkMode({pool}: UpgradeSurvey): Finding[] {
  const mode = pool.settings['backend_clustering_mode']
  const found: Finding[] = []
  if (mode !== undefined && mode !== '1' && mode !== 'streaming_replication') {
    found.push(
      stop({
        code: 'NOT_STREAMING_MODE',
        area,
        message: `pgpool runs in clustering mode ${mode}, not in streaming replication mode`,
        hint: 'poolctl upgrades clusters that replicate by streaming; in the other modes each server is upgraded by itself',
      }),
    )
  }
  if (pool.fencedBy !== null) {
    found.push(
      stop({
        code: 'POOL_FENCED',
        area,
        message: `pgpool.conf carries the fence of operation ${pool.fencedBy}`,
        hint: `End it first: poolctl op resume ${pool.fencedBy}, or poolctl op rollback ${pool.fencedBy}`,
      }),
    )
  }
  if (pool.unseen !== null) {
    found.push(
      stop({
        code: 'POOL_UNSEEN',
        area,
        message: `a pgpool could not be looked at: ${pool.unseen}`,
        detail: 'The upgrade fences every pgpool before the first server stops, and this one it could not.',
        hint: 'Mend what is named, or take that pgpool out of the cluster file when it is gone',
      }),
    )
  }
  return found
}

function checkNodes({pool, nodes, primary}: UpgradeSurvey): Finding[] {
  const found: Finding[] = []
  for (const node of nodes) {
    const about = {area, node: node.id} as const
    const known = pool.nodes.find(({id}) => id === node.id)
    if (!known || known.status === 'unused') {
      found.push(
        stop({
          ...about,
          code: 'NODE_UNKNOWN_TO_POOL',
          message: `the cluster file has node ${node.id} and pgpool has none of that number`,
          hint: 'Correct the ids in the cluster file: they are pgpool’s backend numbers (poolctl node-info)',
        }),
      )
      continue
    }
    if (known.port !== node.config.port) {
      found.push(
        stop({
          ...about,
          code: 'ADDRESS_DIFFERS',
          message: `pgpool reaches node ${node.id} at ${known.hostname}:${known.port}, the cluster file at ${node.config.address}:${node.config.port}`,
          hint: 'Correct the one that is wrong',
        }),
      )
    }
    found.push(...checkHostname(node, known.hostname))
    if (!isAttached(known)) {
      found.push(
        stop({
          ...about,
          code: 'NODE_NOT_ATTACHED',
          message: `node ${node.id} is ${known.status} in pgpool`,
          hint: `poolctl attach ${node.id}, or poolctl recovery ${node.id}`,
        }),
      )
    } else if ((known.role === 'primary') !== (node.id === primary) && node.server.reachable && primary !== null) {
      found.push(
        stop({
          ...about,
          code: 'ROLES_DISAGREE',
          message: `pgpool believes that node ${node.id} is ${known.role}, and the server says that it is ${node.id === primary ? 'primary' : 'standby'}`,
          hint: 'poolctl status names the command that mends it',
        }),
      )
    }
  }
  const extra = pool.nodes.filter(({id, status}) => status !== 'unused' && !nodes.some((node) => node.id === id))
  if (extra.length > 0) {
    found.push(
      stop({
        code: 'NODE_NOT_IN_FILE',
        area,
        message: `pgpool has ${counted(extra.length, 'node', 'nodes')} that the cluster file lacks: ${listed(
          extra.map(({id, hostname, port}) => `${id} (${hostname}:${port})`),
        )}`,
        detail: 'They would be left on the old version and still get clients.',
        hint: 'Add them to the cluster file, or take them out of pgpool.conf',
      }),
    )
  }
  return found
}

/**
 * By name, by the machine's own name, or by the address that the server was really reached at. A socket and this-machine of pgpool's cannot
 * be told from here.
 */
function checkHostname({id, config, configuration, machine}: NodeSurvey, hostname: string): Finding[] {
  const plain = (name: string): string => name.toLowerCase()
  const label = (name: string): string => (/^[\d.]+$|:/.test(name) ? name : (plain(name).split('.')[0] ?? ''))
  if (hostname === '' || /^(?:\/|localhost$|127\.0\.0\.1$|::1$)/i.test(hostname)) return []
  const known = [config.address, config.host, configuration?.address, machine.seen ? machine.host.hostname : null]
  if (known.some((name) => name != null && (plain(name) === plain(hostname) || label(name) === label(hostname))))
    return []
  return [
    acceptable({
      code: 'ADDRESS_DIFFERS',
      area,
      node: id,
      message: `pgpool reaches node ${id} at ${hostname}, the cluster file at ${config.address}`,
      detail: `If these are two machines, another node is taken out of the pool than the one that is worked on.${configuration?.address == null ? '' : ` The server answers at ${configuration.address}.`}`,
      hint: 'Correct the one that is wrong: backend_hostname or nodes[].address; or, when both are one machine: --accept ADDRESS_DIFFERS',
    }),
  ]
}

const YES = new Set(['1', 'on', 'true', 'yes'])

/** Said, not refused: the run fences pgpool before the first stop and proves the fence. */
function checkItself({pool}: UpgradeSurvey): Finding[] {
  const {settings} = pool
  const acts = [
    ...(YES.has(settings['auto_failback'] ?? '') ? ['auto_failback attaches nodes'] : []),
    ...((settings['failover_command'] ?? '') === '' ? [] : ['failover_command promotes a standby']),
    ...((settings['follow_primary_command'] ?? '') === '' ? [] : ['follow_primary_command rebuilds standbys']),
    ...(YES.has(settings['detach_false_primary'] ?? '') ? ['detach_false_primary detaches'] : []),
  ]
  if (acts.length === 0) return []
  return [
    warn({
      code: 'POOL_ACTS_ITSELF',
      area,
      message: `pgpool acts by itself when a server stops: ${acts.join('; ')}`,
      detail: 'The upgrade fences it first, and takes the fence off at the end.',
      hint: 'Nothing needs to be done; do not reload pgpool.conf from elsewhere during the window',
    }),
  ]
}

/** Their writes would go to the old primary past every fence of pgpool's. */
function checkDirectClients({content, pool}: UpgradeSurvey): Finding[] {
  if (!content) return []
  const through = new Set(pool.backendPids)
  const own = new Set([pool.settings['health_check_user'], pool.settings['sr_check_user']])
  const direct = content.sessions.filter(({pid, user}) => !through.has(pid) && !own.has(user))
  if (direct.length === 0) return []
  return [
    warn({
      code: 'DIRECT_CLIENTS',
      area,
      message: `${counted(direct.length, 'session goes', 'sessions go')} around pgpool to the primary: ${listed(
        direct.map(
          ({user, database, application, client}) =>
            `${user} in ${database} from ${client ?? 'a local socket'}${application === '' ? '' : ` (${application})`}`,
        ),
      )}`,
      detail: 'Stopping pgpool does not stop them; the upgrade shuts them out by the server itself.',
      hint: 'Tell their owners: they are cut too',
    }),
  ]
}

/** pgpool's list of nodes held against the cluster file and the servers, and what it believes of them. */
import {ofPools, ofSettings, type Check, type Found} from '../check.js'
import {backendsOf, isStreaming, primariesOf, seenServers, settingsOf} from '../snapshot.js'

const backendList = ofSettings(
  {
    id: 'backend-list',
    code: 'BACKEND_LIST_DIFFERS',
    topic: 'pgpool',
    serves: ['attach', 'detach', 'promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: "pgpool's nodes are those of the cluster file",
  },
  (settings, {name}, {file}) => {
    const backends = backendsOf(settings)
    const found: Found[] = []
    for (const node of file.nodes) {
      const backend = backends.find(({id}) => id === node.id)
      if (backend === undefined) {
        found.push({
          node: node.id,
          message: `pgpool ${name} has no node ${node.id} (${node.address}:${node.port})`,
          remedy: `pgpool.conf: backend_hostname${node.id} = '${node.address}', backend_port${node.id} = ${node.port}; then: poolctl reload`,
        })
      } else if (![node.address, node.host].includes(backend.hostname) || backend.port !== node.port) {
        found.push({
          node: node.id,
          message: `node ${node.id} is ${backend.hostname}:${backend.port} in pgpool ${name} and ${node.address}:${node.port} in the cluster file`,
          remedy: `correct address and port of node ${node.id} in the cluster file, or backend_hostname${node.id} and backend_port${node.id} in pgpool.conf`,
        })
      }
    }
    for (const {id, hostname, port} of backends) {
      if (file.nodes.some((node) => node.id === id)) continue
      found.push({
        node: id,
        message: `the cluster file has no node ${id}, pgpool ${name} has ${hostname}:${port}`,
        remedy: `add node ${id} to the cluster file (poolctl init writes one)`,
      })
    }
    return found
  },
)

const dataDirectory = ofSettings(
  {
    id: 'backend-data-directory',
    code: 'BACKEND_DATA_DIRECTORY_WRONG',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'critical',
    holds: 'backend_data_directory is where each server has its data',
  },
  (settings, {name}, snapshot) =>
    snapshot.nodes.flatMap(({config, server}): Found[] => {
      const said = settings.get(`backend_data_directory${config.id}`)
      const truth = server.seen ? (server.value.settings['data_directory'] ?? config.data) : config.data
      if (said === undefined || said === '' || same(said, truth)) return []
      return [
        {
          node: config.id,
          message: `backend_data_directory${config.id} of ${name} is ${said}, the server's is ${truth}: pgpool's recovery would copy over ${said}`,
          remedy: `pgpool.conf: backend_data_directory${config.id} = '${truth}', then restart pgpool, or: poolctl reload while node ${config.id} is detached (a reload leaves that of an attached node as it was)`,
        },
      ]
    }),
  ['server'],
)

function same(a: string, b: string): boolean {
  return a.replace(/\/+$/, '') === b.replace(/\/+$/, '')
}

const applicationName = ofSettings(
  {
    id: 'backend-application-name',
    code: 'APPLICATION_NAME_DIFFERS',
    topic: 'replication',
    serves: ['node-info', 'failover'],
    severity: 'warning',
    holds: 'pgpool knows each standby by its application_name',
  },
  (settings, {name}, snapshot) => {
    if (!isStreaming(settings)) return null
    return seenServers(snapshot).flatMap(({config, server}): Found[] => {
      const own = server.more.applicationName ?? 'walreceiver'
      const said = settings.get(`backend_application_name${config.id}`) ?? ''
      if (!server.inRecovery || server.receiver === null || said === own) return []
      return [
        {
          node: config.id,
          message: `standby node ${config.id} calls itself ${own}, pgpool ${name} ${said === '' ? 'has no name for it' : `looks for ${said}`}: replication_state stays empty`,
          remedy: `pgpool.conf: backend_application_name${config.id} = '${own}', then: poolctl reload`,
        },
      ]
    })
  },
  ['server'],
)

const flags = ofSettings(
  {
    id: 'backend-flag',
    code: 'BACKEND_FLAG_PINS',
    topic: 'failover',
    serves: ['detach', 'promote', 'failover'],
    severity: 'warning',
    holds: 'every node may be failed over',
  },
  (settings, {name}) =>
    backendsOf(settings).flatMap(({id, hostname}): Found[] => {
      const flag = settings.get(`backend_flag${id}`) ?? ''
      // A managed service fails over by itself, and pgpool must not (Pgpool-II manual, Aurora example).
      if (isManaged(hostname) || !/DISALLOW_TO_FAILOVER|ALWAYS_(?:PRIMARY|MASTER)/.test(flag)) return []
      return [
        {
          node: id,
          message: `backend_flag${id} of ${name} is ${flag}: pgpool refuses to detach node ${id}, dead or not`,
          remedy: `pgpool.conf: backend_flag${id} = 'ALLOW_TO_FAILOVER', then: poolctl reload`,
        },
      ]
    }),
)

/** Endpoints of services that replace their servers themselves. */
export function isManaged(hostname: string): boolean {
  return /\.rds\.amazonaws\.com(?:\.cn)?$|\.database\.azure\.com$|\.postgres\.database\.azure\.com$/.test(hostname)
}

const managedFlags = ofSettings(
  {
    id: 'managed-service',
    code: 'MANAGED_SERVICE_FAILOVER',
    topic: 'failover',
    serves: ['failover'],
    severity: 'critical',
    holds: 'pgpool leaves failover to a managed service',
  },
  (settings, {name}) => {
    const managed = backendsOf(settings).filter(({hostname}) => isManaged(hostname))
    if (managed.length === 0) return null
    const wrong = [
      ...managed
        .filter(({id}) => !/DISALLOW_TO_FAILOVER/.test(settings.get(`backend_flag${id}`) ?? ''))
        .map(({id}) => `backend_flag${id} = 'DISALLOW_TO_FAILOVER'`),
      ...(['health_check_period', 'sr_check_period'] as const)
        .filter((setting) => !/^0/.test(settings.get(setting) ?? '0'))
        .map((setting) => `${setting} = 0`),
      ...(['on', '1'].includes(settings.get('failover_on_backend_error') ?? '')
        ? ['failover_on_backend_error = off']
        : []),
    ]
    if (wrong.length === 0) return null
    return {
      message: `${managed.map(({hostname}) => hostname).join(', ')} fail over by themselves, and pgpool ${name} would detach them meanwhile`,
      remedy: `pgpool.conf: ${wrong.join(', ')}; then: poolctl reload`,
    }
  },
)

const attached = ofPools(
  {
    id: 'node-attached',
    code: 'NODE_DETACHED',
    topic: 'pgpool',
    serves: ['promote', 'failover'],
    severity: 'warning',
    holds: 'every server that answers is attached',
  },
  ['pcp', 'server'],
  ({pcp}) => pcp,
  ({nodes}, {name}, snapshot) =>
    nodes.flatMap(({id, status}): Found[] => {
      const node = snapshot.nodes.find(({config}) => config.id === id)
      if (status !== 'down' || node?.server.seen !== true) return []
      return [
        {
          node: id,
          message: `pgpool ${name} has node ${id} down, and its server answers`,
          remedy: `poolctl attach ${id}`,
        },
      ]
    }),
)

const quarantine = ofPools(
  {
    id: 'node-quarantined',
    code: 'NODE_QUARANTINED',
    topic: 'watchdog',
    serves: ['attach', 'failover'],
    severity: 'critical',
    holds: 'no node is in quarantine',
    alsoLooksAt: ['server'],
  },
  ['pcp'],
  ({pcp}) => pcp,
  ({nodes}, {name}, snapshot) =>
    nodes.flatMap(({id, status, role}): Found[] => {
      if (status !== 'quarantine') return []
      const node = snapshot.nodes.find(({config}) => config.id === id)
      const elsewhere = snapshot.pools
        .filter((pool) => pool.name !== name && pool.pcp.seen)
        .flatMap((pool) => (pool.pcp.seen ? pool.pcp.value.nodes.filter((one) => one.id === id) : []))
        .some((one) => one.status === 'up' || one.status === 'waiting')
      const others = elsewhere ? '; other pgpools still use it' : ''
      const primary = role === 'primary' ? ', which it holds for the primary: no standby is promoted for it' : ''
      return [
        {
          node: id,
          message: `pgpool ${name} has node ${id} in quarantine${primary}${others}`,
          remedy:
            node?.server.seen === true
              ? `its server answers: mend the way from ${name} to it, then poolctl attach ${id} (it comes back in that pgpool; a check that fails puts it back)`
              : `bring its server back first, or regain the quorum (poolctl watchdog): attaching a dead server puts it back into quarantine`,
        },
      ]
    }),
)

const belief = ofPools(
  {
    id: 'node-role',
    code: 'POOL_ROLE_WRONG',
    topic: 'pgpool',
    serves: ['promote', 'failover'],
    severity: 'critical',
    holds: 'pgpool takes each node for what it is',
  },
  ['pcp', 'settings', 'server'],
  ({pcp}) => pcp,
  ({nodes}, pool, snapshot) => {
    const settings = settingsOf(pool)
    if (!settings.seen || !isStreaming(settings.value) || primariesOf(snapshot).length !== 1) return null
    return seenServers(snapshot).flatMap(({config, server}): Found[] => {
      const truth = server.inRecovery ? 'standby' : 'primary'
      const believed = nodes.find(({id}) => id === config.id)
      if (
        believed === undefined ||
        believed.role === truth ||
        (believed.role !== 'primary' && believed.role !== 'standby')
      )
        return []
      // Only an attached node's role is kept up to date.
      if (believed.status === 'down' && truth === 'standby') return []
      return [
        {
          node: config.id,
          message: `pgpool ${pool.name} takes node ${config.id} for the ${believed.role}, its server says ${truth}`,
          remedy:
            truth === 'primary'
              ? `poolctl detach ${config.id} --allow-primary, then poolctl attach ${config.id}: pgpool searches the primary again`
              : 'poolctl status --output wide',
        },
      ]
    })
  },
)

export const BACKENDS: readonly Check[] = [
  backendList,
  dataDirectory,
  applicationName,
  flags,
  managedFlags,
  attached,
  quarantine,
  belief,
]

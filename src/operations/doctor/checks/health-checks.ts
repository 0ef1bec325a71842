/** How pgpool watches the servers: health checks and replication checks. */
import {count, durationMs, isOn, ofNode, patienceSeconds, seconds} from '../../pool-parameters.js'
import {ofSettings, type Check, type Found} from '../check.js'
import {backendsOf, isStreaming, seenServers, type Snapshot} from '../snapshot.js'
import {isManaged} from './backends.js'

const srCheck = ofSettings(
  {
    id: 'sr-check-period',
    code: 'SR_CHECK_OFF',
    topic: 'pgpool',
    serves: ['node-info', 'failover'],
    severity: 'warning',
    holds: 'pgpool measures replication',
  },
  (settings, {name}) =>
    isStreaming(settings) && seconds(settings.get('sr_check_period')) === 0 && !managed(settings)
      ? {
          message: `sr_check_period of ${name} is 0: no delay, no replication_state, no detach_false_primary`,
          remedy: 'pgpool.conf: sr_check_period = 10, then: poolctl reload',
        }
      : null,
)

function managed(settings: Parameters<typeof backendsOf>[0]): boolean {
  return backendsOf(settings).some(({hostname}) => isManaged(hostname))
}

/** Roles are the same on all servers of a streaming cluster; any that answers can tell. */
function roleProblem(snapshot: Snapshot, name: string, rights: 'monitor' | 'superuser' | null): string | null {
  const [node] = seenServers(snapshot)
  if (node === undefined) return null
  const role = node.server.more.roles.find((one) => one.name === name)
  if (role === undefined) return `there is no role ${name}`
  if (!role.login) return `role ${name} may not log in`
  if (rights === 'monitor' && !role.monitor && !role.superuser) return `role ${name} is no member of pg_monitor`
  if (rights === 'superuser' && !role.superuser) return `role ${name} is no superuser`
  return null
}

const srUser = ofSettings(
  {
    id: 'sr-check-user',
    code: 'SR_CHECK_USER_UNFIT',
    topic: 'pgpool',
    serves: ['node-info', 'failover'],
    severity: 'warning',
    holds: 'sr_check_user may see replication',
  },
  (settings, {name}, snapshot) => {
    const user = settings.get('sr_check_user') ?? ''
    if (!isStreaming(settings) || seconds(settings.get('sr_check_period')) === 0) return null
    const problem = user === '' ? 'it is empty' : roleProblem(snapshot, user, 'monitor')
    return problem === null
      ? null
      : {
          message: `sr_check_user of ${name}: ${problem}, so delay and replication_state stay empty`,
          remedy:
            user === ''
              ? "pgpool.conf: sr_check_user = 'pgpool'"
              : `on the primary: CREATE ROLE ${user} LOGIN, GRANT pg_monitor TO ${user}`,
        }
  },
  ['some-server'],
)

const healthPeriod = ofSettings(
  {
    id: 'health-check-period',
    code: 'HEALTH_CHECK_OFF',
    topic: 'failover',
    serves: ['failover', 'node-info'],
    severity: 'warning',
    holds: 'every node is checked',
  },
  (settings, {name}) =>
    backendsOf(settings).flatMap(({id, hostname}): Found[] =>
      seconds(ofNode(settings, 'health_check_period', id)) === 0 && !isManaged(hostname)
        ? [
            {
              node: id,
              message: `health_check_period of ${name} is 0 for node ${id}: a dead server is noticed by its clients only`,
              remedy: `pgpool.conf: health_check_period${id} = 10, then: poolctl reload`,
            },
          ]
        : [],
    ),
)

const healthUser = ofSettings(
  {
    id: 'health-check-user',
    code: 'HEALTH_CHECK_USER_UNFIT',
    topic: 'failover',
    serves: ['failover'],
    severity: 'critical',
    holds: 'health_check_user may log in',
  },
  (settings, {name}, snapshot) => {
    const users = new Map<string, number[]>()
    for (const {id} of backendsOf(settings)) {
      if (seconds(ofNode(settings, 'health_check_period', id)) === 0) continue
      const user = ofNode(settings, 'health_check_user', id) ?? ''
      users.set(user, [...(users.get(user) ?? []), id])
    }
    return [...users].flatMap(([user, nodes]): Found[] => {
      const problem = user === '' ? 'it is empty' : roleProblem(snapshot, user, null)
      if (problem === null) return []
      return [
        {
          message: `health_check_user of ${name} for node ${nodes.join(', ')}: ${problem}: every check fails and the node is taken out`,
          remedy:
            user === '' ? "pgpool.conf: health_check_user = 'pgpool'" : `on the primary: CREATE ROLE ${user} LOGIN`,
        },
      ]
    })
  },
  ['some-server'],
)

const healthRetries = ofSettings(
  {
    id: 'health-check-retries',
    code: 'HEALTH_CHECK_NO_RETRY',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: 'one lost packet takes no node out',
  },
  (settings, {name}) =>
    backendsOf(settings).flatMap(({id}): Found[] =>
      seconds(ofNode(settings, 'health_check_period', id)) !== 0 &&
      count(ofNode(settings, 'health_check_max_retries', id)) === 0
        ? [
            {
              node: id,
              message: `health_check_max_retries of ${name} is 0 for node ${id}: the first check that fails takes it out`,
              remedy: `pgpool.conf: health_check_max_retries${id} = 3, health_check_retry_delay${id} = 1; then: poolctl reload`,
            },
          ]
        : [],
    ),
)

/** A cloud's network stands still for many seconds when a host is moved; field reports of pgpool there all end in longer time-outs. */
const CLOUD_PATIENCE_SECONDS = 20
const CLOUD_CONNECT_MS = 10_000
const CLOUDS = /amazon|google|microsoft|openstack|alibaba|digitalocean|hetzner|oracle|xen/i

const cloudTimeouts = ofSettings(
  {
    id: 'cloud-timeouts',
    code: 'TIMEOUTS_SHORT_FOR_CLOUD',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: "time-outs outlast a cloud's pauses",
  },
  (settings, {name, host}, snapshot) =>
    backendsOf(settings).flatMap(({id, hostname}): Found[] => {
      const node = snapshot.nodes.find(({config}) => config.id === id)
      const vendor =
        (node?.host.seen === true ? node.host.value.vendor : null) ?? (host.seen ? host.value.vendor : null)
      const local = /^127\.|^::1$|^localhost$|^\//.test(hostname)
      if (vendor === null || local || !CLOUDS.test(vendor) || isManaged(hostname)) return []
      const value = (setting: string): string | undefined => ofNode(settings, setting, id)
      if (seconds(value('health_check_period')) === 0) return []
      const patience = patienceSeconds(
        seconds(value('health_check_timeout')),
        count(value('health_check_max_retries')),
        seconds(value('health_check_retry_delay')),
      )
      const connect = durationMs(value('connect_timeout'), 'ms')
      const short = [
        ...(patience !== null && patience < CLOUD_PATIENCE_SECONDS ? [`node ${id} is out after ${patience} s`] : []),
        ...(connect !== null && connect < CLOUD_CONNECT_MS ? [`connect_timeout is ${connect} ms`] : []),
      ]
      if (short.length === 0) return []
      return [
        {
          node: id,
          message: `${name} runs on ${vendor}, and ${short.join(', ')}: a pause of its network fails over`,
          remedy: `pgpool.conf: health_check_timeout${id} = 20, health_check_max_retries${id} = 3, connect_timeout${id} = 10000; then: poolctl reload`,
        },
      ]
    }),
  ['node-host', 'pgpool-host'],
)

const connectTimeout = ofSettings(
  {
    id: 'connect-timeout',
    code: 'CONNECT_TIMEOUT_UNREACHABLE',
    topic: 'failover',
    serves: ['failover'],
    severity: 'warning',
    holds: 'connect_timeout ends before health_check_timeout',
  },
  (settings, {name}) =>
    backendsOf(settings).flatMap(({id}): Found[] => {
      const connect = durationMs(ofNode(settings, 'connect_timeout', id), 'ms')
      const check = durationMs(ofNode(settings, 'health_check_timeout', id), 's')
      if (connect === null || check === null || check === 0 || connect <= check) return []
      return [
        {
          node: id,
          message: `connect_timeout of ${name} for node ${id} is ${connect} ms, health_check_timeout ends after ${check} ms: connecting is never tried to its end`,
          remedy: `pgpool.conf: health_check_timeout${id} = ${Math.ceil((connect * 2) / 1000)}, then: poolctl reload`,
        },
      ]
    }),
)

const healthTest = ofSettings(
  {
    id: 'health-check-test',
    code: 'HEALTH_CHECK_TEST_ON',
    topic: 'failover',
    serves: ['failover'],
    severity: 'critical',
    holds: 'health_check_test is off',
  },
  (settings, {name}) =>
    isOn(settings.get('health_check_test'))
      ? {
          message: `health_check_test of ${name} is on: whoever can write a file there takes nodes out`,
          remedy: 'pgpool.conf: health_check_test = off, then restart pgpool',
        }
      : null,
)

export const HEALTH_CHECKS: readonly Check[] = [
  srCheck,
  srUser,
  healthPeriod,
  healthUser,
  healthRetries,
  cloudTimeouts,
  connectTimeout,
  healthTest,
]

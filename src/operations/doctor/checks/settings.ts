/** pgpool.conf: checks of the servers, sizes, and who may come in. */
import {count, isOn, seconds} from '../../pool-parameters.js'
import {ofSettings, ofSite, type Check} from '../check.js'
import {backendsOf, isStreaming, seenServers, settingsOf} from '../snapshot.js'
import {driftOf} from '../../pool-drift.js'

const delayThreshold = ofSettings(
  {
    id: 'delay-threshold',
    code: 'DELAY_THRESHOLD_OFF',
    topic: 'pgpool',
    serves: ['attach', 'recovery'],
    severity: 'warning',
    holds: 'a standby that falls behind gets no reads',
  },
  (settings, {name}) =>
    isStreaming(settings) &&
    isOn(settings.get('load_balance_mode')) &&
    /^0/.test(settings.get('delay_threshold') ?? '0') &&
    /^0/.test(settings.get('delay_threshold_by_time') ?? '0')
      ? {
          message: `delay_threshold of ${name} is 0: reads go to a standby however far it is behind`,
          remedy: 'pgpool.conf: delay_threshold = 10000000, then: poolctl reload',
        }
      : null,
)

const poolSize = ofSettings(
  {
    id: 'pool-size',
    code: 'POOL_LARGER_THAN_SERVER',
    topic: 'pgpool',
    serves: ['recovery', 'failover'],
    severity: 'warning',
    holds: 'the servers take as many connections as pgpool may open',
  },
  (settings, {name}, snapshot) => {
    const children = count(settings.get('num_init_children'))
    const pool = count(settings.get('max_pool'))
    if (children === null || pool === null) return null
    const room = seenServers(snapshot).map(({config, server: {more}}) => ({
      id: config.id,
      takes: Number(more.settings['max_connections']) - Number(more.settings['superuser_reserved_connections'] ?? 0),
    }))
    const [least] = room.toSorted((a, b) => a.takes - b.takes)
    if (least === undefined || !(children * pool > least.takes)) return null
    return {
      message: `${name} may open ${children * pool} connections (num_init_children ${children} x max_pool ${pool}), node ${least.id} takes ${least.takes}`,
      remedy: `pgpool.conf: max_pool = ${Math.max(1, Math.floor(least.takes / children))}, or max_connections of the servers; then restart`,
    }
  },
  ['server'],
)

const clearText = ofSettings(
  {
    id: 'clear-text-auth',
    code: 'CLEAR_TEXT_AUTH',
    topic: 'pgpool',
    serves: ['failover'],
    severity: 'warning',
    holds: 'no client is asked for its password in clear text',
  },
  (settings, {name}) =>
    isOn(settings.get('allow_clear_text_frontend_auth'))
      ? {
          message: `allow_clear_text_frontend_auth of ${name} is on: users missing in pool_passwd send their password in clear text`,
          remedy:
            'pgpool.conf: allow_clear_text_frontend_auth = off and the users in pool_passwd, then: poolctl reload',
        }
      : null,
)

const pcpListen = ofSettings(
  {
    id: 'pcp-listen',
    code: 'PCP_OPEN_TO_ALL',
    topic: 'pcp',
    serves: ['node-info'],
    severity: 'warning',
    holds: 'PCP, which has no encryption, is not open to every network',
  },
  (settings, {name}) => {
    const addresses = (settings.get('pcp_listen_addresses') ?? '').split(',').map((one) => one.trim())
    const open = addresses.filter((one) => ['*', '0.0.0.0', '::'].includes(one))
    return open.length === 0
      ? null
      : {
          message: `pcp_listen_addresses of ${name} is ${open.join(', ')}: PCP has neither TLS nor a limit on logins`,
          remedy:
            "pgpool.conf: pcp_listen_addresses = 'localhost' and pcp.via: ssh in the cluster file; restart pgpool",
        }
  },
)

const readWeights = ofSettings(
  {
    id: 'primary-readable',
    code: 'NO_NODE_FOR_READS',
    topic: 'pgpool',
    serves: ['recovery'],
    severity: 'warning',
    holds: 'some node has a weight for reads',
  },
  (settings, {name}) => {
    const weights = backendsOf(settings).map(({id}) => Number(settings.get(`backend_weight${id}`) ?? 1))
    return isOn(settings.get('load_balance_mode')) && weights.length > 0 && weights.every((weight) => weight === 0)
      ? {
          message: `every backend_weight of ${name} is 0: all reads go to the primary`,
          remedy: 'pgpool.conf: backend_weight0 = 1 and so on, then: poolctl reload',
        }
      : null
  },
)

const drift = ofSite(
  {
    id: 'config-drift',
    code: 'PGPOOL_CONF_DRIFT',
    topic: 'watchdog',
    serves: ['failover', 'promote'],
    severity: 'warning',
    holds: 'all pgpools run with the same parameters',
  },
  ['settings'],
  (snapshot) => {
    const seen = snapshot.pools.flatMap((pool) => {
      const settings = settingsOf(pool)
      return settings.seen ? [{pool: pool.name, settings: settings.value, sql: pool.sql.seen}] : []
    })
    // Over PCP values have no units: two pgpools are compared in one language only.
    const sameWay = seen.every(({sql}) => sql) ? seen : seen.filter(({sql}) => !sql)
    return driftOf(sameWay).map(({name, values}) => ({
      message: `${name} differs: ${values.map(({pool, value}) => `${pool}: ${value === '' ? 'empty' : (value ?? 'not set')}`).join('; ')}`,
      remedy: `make ${name} the same in every pgpool.conf, then: poolctl reload`,
    }))
  },
)

const searchPrimary = ofSettings(
  {
    id: 'search-primary-timeout',
    code: 'SEARCH_PRIMARY_ENDLESS',
    topic: 'failover',
    serves: ['failover', 'promote'],
    severity: 'warning',
    holds: 'the search for a primary ends',
  },
  (settings, {name}) =>
    isStreaming(settings) && seconds(settings.get('search_primary_node_timeout')) === 0
      ? {
          message: `search_primary_node_timeout of ${name} is 0: without a primary pgpool searches for ever and answers nothing else`,
          remedy: 'pgpool.conf: search_primary_node_timeout = 300, then: poolctl reload',
        }
      : null,
)

export const SETTINGS: readonly Check[] = [
  delayThreshold,
  poolSize,
  clearText,
  pcpListen,
  readWeights,
  drift,
  searchPrimary,
]

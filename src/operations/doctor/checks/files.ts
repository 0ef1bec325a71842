/** Files of pgpool: who can read them, what they hold, and whether they say what pgpool does. */
import {parsePoolConfig, sameValue} from '../../pool-parameters.js'
import type {FileState, PcpLine} from '../../../ports/doctor.js'
import {ofPoolHosts, type Check, type Found} from '../check.js'
import {settingsOf} from '../snapshot.js'

/** Read or write by anybody, or by the group: `640` and `644` are, `600` is not. */
function exposed(file: FileState | null): file is FileState & {mode: string} {
  return file?.mode !== null && file !== null && !file.mode.endsWith('00')
}

const pcpConfMode = ofPoolHosts(
  {
    id: 'pcp-conf-mode',
    code: 'PCP_CONF_EXPOSED',
    topic: 'pcp',
    serves: ['failover'],
    severity: 'warning',
    holds: "pcp.conf is pgpool's alone",
  },
  ({pcpConf}) =>
    exposed(pcpConf)
      ? {
          message: `others can read ${pcpConf.path} (mode ${pcpConf.mode}), and its hashes are enough to log in`,
          remedy: `chmod 600 ${pcpConf.path}`,
        }
      : null,
)

const KINDS: Readonly<Record<Exclude<PcpLine['kind'], 'md5'>, string>> = {
  'no-colon': 'has no colon, which breaks the login of every user after it',
  'md5-prefix': 'begins with md5, which is the form of pool_passwd',
  scram: 'is a SCRAM or AES verifier',
  'carriage-return': 'ends with a carriage return',
  'no-hash': 'is no hash (clear text, or with spaces)',
  'other-hash': 'is another kind of hash, such as SHA-256',
}

const pcpConfHash = ofPoolHosts(
  {
    id: 'pcp-conf-hash',
    code: 'PCP_CONF_HASH_WRONG',
    topic: 'pcp',
    serves: ['node-info', 'attach', 'detach'],
    severity: 'critical',
    holds: 'every line of pcp.conf is user:md5',
  },
  ({pcpConf, pcpLines}) =>
    pcpLines.flatMap(({line, kind, user}): Found[] =>
      kind === 'md5'
        ? []
        : [
            {
              message: `line ${line} of ${pcpConf?.path ?? 'pcp.conf'}${user === null ? '' : ` (user ${user})`} ${KINDS[kind]}: PCP knows only the plain md5 of the password`,
              remedy: `pg_md5 --prompt, and put USER:HASH there`,
            },
          ],
    ),
  ['pcp-conf'],
)

const pcpSocket = ofPoolHosts(
  {
    id: 'pcp-socket',
    code: 'PCP_SOCKET_MISSING',
    topic: 'pcp',
    serves: ['node-info'],
    severity: 'warning',
    holds: "pgpool's PCP socket is there",
  },
  ({pcpSocket: socket}) =>
    socket === null || socket.exists
      ? null
      : {
          message: `there is no socket ${socket.path}: something cleaned it away, and the pcp tools on that host fail`,
          remedy:
            'keep pcp_socket_dir out of directories that are cleaned (pcp_socket_dir = /run/postgresql), and restart pgpool',
        },
  ['settings'],
)

const SECRETS = /^(?:health_check_password\d*|sr_check_password|recovery_password|wd_lifecheck_password|wd_authkey)$/

const pgpoolConfMode = ofPoolHosts(
  {
    id: 'pgpool-conf-mode',
    code: 'PGPOOL_CONF_EXPOSED',
    topic: 'pgpool',
    serves: ['failover'],
    severity: 'warning',
    holds: 'no password in pgpool.conf can be read by others',
  },
  ({config, configText}) => {
    if (!exposed(config)) return null
    const secrets = [...parsePoolConfig(configText)].filter(
      ([name, value]) => SECRETS.test(name) && value !== '' && !value.startsWith('AES'),
    )
    if (secrets.length === 0) return null
    return {
      message: `others can read ${config.path} (mode ${config.mode}), which holds ${secrets.map(([name]) => name).join(', ')} in clear text`,
      remedy: `chmod 600 ${config.path}, or leave them empty and put them into pool_passwd`,
    }
  },
)

const poolPasswdMode = ofPoolHosts(
  {
    id: 'pool-passwd-mode',
    code: 'POOL_PASSWD_EXPOSED',
    topic: 'pgpool',
    serves: ['failover'],
    severity: 'warning',
    holds: "pool_passwd is pgpool's alone",
  },
  ({poolPasswd}) =>
    exposed(poolPasswd)
      ? {
          message: `others can read ${poolPasswd.path} (mode ${poolPasswd.mode}), which holds passwords`,
          remedy: `chmod 600 ${poolPasswd.path}`,
        }
      : null,
)

const statusFile = ofPoolHosts(
  {
    id: 'pool-status-file',
    code: 'POOL_STATUS_STALE',
    topic: 'pgpool',
    serves: ['failover', 'attach'],
    severity: 'warning',
    holds: 'pgpool_status says what pgpool believes',
  },
  ({statusFile: lines}, {pcp, name}) => {
    if (lines === null || !pcp.seen) return null
    return pcp.value.nodes.flatMap(({id, status}): Found[] => {
      const attached = status === 'up' || status === 'waiting'
      if (lines[id]?.trim() !== 'down' || !attached) return []
      return [
        {
          node: id,
          message: `pgpool_status of ${name} says down for node ${id}, pgpool has it attached: the next start of pgpool would leave it out`,
          remedy: `poolctl detach ${id}, then poolctl attach ${id}: pgpool writes the file anew`,
        },
      ]
    })
  },
  ['pool-status', 'pcp', 'settings'],
)

const statusDirectory = ofPoolHosts(
  {
    id: 'pool-status-directory',
    code: 'POOL_STATUS_UNWRITABLE',
    topic: 'pgpool',
    serves: ['failover'],
    severity: 'warning',
    holds: 'pgpool can keep pgpool_status',
  },
  ({statusWritable, user}, pool) => {
    const settings = settingsOf(pool)
    const directory = settings.seen ? (settings.value.get('work_dir') ?? settings.value.get('logdir')) : undefined
    return statusWritable !== false
      ? null
      : {
          message: `${user} cannot write in ${directory ?? 'logdir'}: pgpool forgets at a restart which nodes are down`,
          remedy: `chown ${user} ${directory ?? 'LOGDIR'}`,
        }
  },
  ['settings'],
)

/** What pgpool.conf says and PCP or SHOW say otherwise. Values that look like secrets are shown by neither. */
const configLoaded = ofPoolHosts(
  {
    id: 'config-loaded',
    code: 'PGPOOL_CONF_NOT_LOADED',
    topic: 'pgpool',
    serves: ['failover', 'promote'],
    severity: 'warning',
    holds: 'what pgpool.conf says is in effect',
  },
  ({configText}, pool) => {
    if (!pool.sql.seen) return null
    const effect = pool.sql.value.settings
    const open = [...parsePoolConfig(configText)].flatMap(([name, value]) => {
      const now = effect.get(name)
      return now === undefined || sameValue(value, now) ? [] : [`${name} is ${now}, the file says ${value}`]
    })
    if (open.length === 0) return null
    return {
      message: `not in effect at ${pool.name}: ${open.join('; ')}`,
      remedy: 'poolctl reload (it names what needs a restart)',
    }
  },
  ['sql'],
)

const fence = ofPoolHosts(
  {
    id: 'fence',
    code: 'FENCE_LEFT',
    topic: 'pgpool',
    serves: ['promote', 'failover'],
    severity: 'warning',
    holds: 'no operation has left pgpool fenced',
  },
  ({configText, config}) => {
    const operation = /^# >>> poolctl fence (\S+)/m.exec(configText)?.[1]
    return operation === undefined
      ? null
      : {
          message: `${config.path} carries the fence of ${operation}: pgpool does not fail over by itself`,
          remedy: `poolctl op resume ${operation} (also when it has ended without this pgpool), or poolctl op rollback ${operation}`,
        }
  },
)

const clearHba = ofPoolHosts(
  {
    id: 'pool-hba-methods',
    code: 'POOL_HBA_WEAK',
    topic: 'pgpool',
    serves: ['failover'],
    severity: 'warning',
    holds: 'pool_hba.conf lets nobody in unasked or in clear text',
  },
  ({hbaMethods, poolHba}, pool) => {
    const settings = settingsOf(pool)
    const used = settings.seen && ['on', '1'].includes(settings.value.get('enable_pool_hba') ?? '')
    const weak = hbaMethods.filter((method) => method === 'trust' || method === 'password')
    return !used || weak.length === 0
      ? null
      : {
          message: `${poolHba?.path ?? 'pool_hba.conf'} has lines with method ${weak.join(' and ')}`,
          remedy: 'put scram-sha-256 there, and the users into pool_passwd; then: poolctl reload',
        }
  },
  ['pool-hba', 'settings'],
)

export const FILES: readonly Check[] = [
  pcpConfMode,
  pcpConfHash,
  pcpSocket,
  pgpoolConfMode,
  poolPasswdMode,
  statusFile,
  statusDirectory,
  configLoaded,
  fence,
  clearHba,
]

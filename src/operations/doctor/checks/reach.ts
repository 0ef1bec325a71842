/** Whether everything can be asked at all: PCP, SQL through pgpool, SSH, and the servers. */
import {staleMainRemedy} from '../../../cluster/stale-main-node.js'
import type {Check, Found} from '../check.js'
import {ALL_VERBS, ofNodeHosts, ofSite} from '../check.js'
import {PASSFILE_CODES, passfileRemedy, SERVER_REACH} from './server-reach.js'
import {primariesOf, seenServers, type Look, type PoolLook, type Snapshot} from '../snapshot.js'

const PASSFILE = new Set(['PCP_PASSFILE_PERMISSIONS', 'PCP_PASSFILE_UNUSABLE'])
const LOGIN = new Set(['PCP_LOGIN_REFUSED', 'PCP_USER_INVALID'])

function unseen(pool: PoolLook): {code: string; reason: string} | null {
  return pool.pcp.seen || pool.pcp.code === 'not-asked' ? null : pool.pcp
}

function pcpFindings(
  snapshot: Snapshot,
  which: (code: string) => boolean,
  remedy: (pool: PoolLook) => string,
): Found[] {
  return snapshot.pools.flatMap((pool) => {
    const failed = unseen(pool)
    if (failed === null || !which(failed.code)) return []
    return [{pool: pool.name, message: `PCP at ${pool.name}: ${failed.reason}`, remedy: remedy(pool)}]
  })
}

const pcpAnswers = ofSite(
  {
    id: 'pcp-answers',
    code: 'PCP_SILENT',
    topic: 'pcp',
    serves: ALL_VERBS,
    severity: 'critical',
    holds: 'every pgpool answers over PCP',
    answeredBy: (code) => LOGIN.has(code),
  },
  ['pcp'],
  (snapshot) =>
    pcpFindings(
      snapshot,
      (code) => !PASSFILE.has(code) && !LOGIN.has(code),
      ({config}) =>
        `start pgpool on ${config.host}, or correct pgpool.pcp in the cluster file (pcp_listen_addresses, pcp_port)`,
    ),
)

const pcpPassfile = ofSite(
  {
    id: 'pcp-passfile',
    code: 'PCP_PASSFILE_UNUSED',
    topic: 'pcp',
    serves: ALL_VERBS,
    severity: 'critical',
    holds: 'the PCP password file can be used',
    answeredBy: (code) => LOGIN.has(code),
  },
  ['pcp'],
  (snapshot) =>
    pcpFindings(
      snapshot,
      (code) => PASSFILE.has(code),
      ({config}) => `chmod 600 ${config.pcp.passfile}`,
    ),
)

const pcpLogin = ofSite(
  {
    id: 'pcp-login',
    code: 'PCP_LOGIN_FAILS',
    topic: 'pcp',
    serves: ALL_VERBS,
    severity: 'critical',
    holds: 'pgpool accepts the PCP user',
    answeredBy: () => false,
  },
  ['pcp'],
  (snapshot) =>
    pcpFindings(
      snapshot,
      (code) => LOGIN.has(code),
      ({config}) =>
        `make the line of ${config.pcp.user} in pcp.conf (pg_md5 --prompt) fit that of ${config.pcp.passfile}; pcp.conf needs no reload`,
    ),
)

const sqlThroughPgpool = ofSite(
  {
    id: 'sql-through-pgpool',
    code: 'PROXY_LOGIN_FAILS',
    topic: 'pgpool',
    serves: ['promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: 'clients reach the servers through every pgpool',
    alsoLooksAt: ['pcp', 'server'],
    answeredBy: () => false,
  },
  ['sql'],
  (snapshot) =>
    snapshot.pools.flatMap((pool): Found[] => {
      // A pgpool that is down and a site without a primary are findings of their own; SQL must fail then.
      if (pool.sql.seen || pool.sql.code === 'not-asked' || unseen(pool) !== null) return []
      if (primariesOf(snapshot).length === 0 && snapshot.nodes.some(({server}) => !server.seen)) return []
      const {code} = pool.sql
      const ownFile = PASSFILE_CODES.has(code)
      // One file for the servers and for pgpool: said once.
      if (ownFile && snapshot.nodes.some(({server}) => !server.seen && server.code === code)) return []
      const {address, port} = pool.config
      const standby = seenServers(snapshot).find(({server}) => server.inRecovery)
      const wake = primariesOf(snapshot).length === 0 ? null : staleMainRemedy(pool.sql.reason, standby?.config.id)
      return [
        {
          pool: pool.name,
          message: `SQL through pgpool at ${address}:${port} fails: ${pool.sql.reason}`,
          remedy: ownFile
            ? passfileRemedy(snapshot)
            : (wake ??
              `look at pool_hba.conf and pool_passwd beside ${pool.config.config}, or correct address and port of pgpool in the cluster file`),
        },
      ]
    }),
)

const NOT_TRIED = new Set(['not-asked', 'unexpected'])
const SSH_CODES = /^(?:SSH_|HOST_LOST$|HOST_KEY)/

function hostLooks(snapshot: Snapshot): {host: string; node?: number; pool?: string; look: Look<unknown>}[] {
  return [
    ...snapshot.pools.map((pool) => ({host: pool.config.host, pool: pool.name, look: pool.host})),
    ...snapshot.nodes.map(({config, host}) => ({host: config.host, node: config.id, look: host})),
  ]
}

function hostFindings(snapshot: Snapshot, ssh: boolean): Found[] {
  return hostLooks(snapshot).flatMap(({host, look, ...subject}): Found[] => {
    if (look.seen || look.code === 'not-asked' || SSH_CODES.test(look.code) !== ssh) return []
    const remedy = ssh
      ? `try: ssh ${host} true; a new host key is stored with --accept-new-host-key ${host}`
      : `correct the paths of ${host} in the cluster file, or the rights of the SSH user there`
    return [{...subject, message: ssh ? `SSH to ${host}: ${look.reason}` : look.reason, remedy}]
  })
}

const sshOperator = ofSite(
  {
    id: 'ssh',
    code: 'SSH_FAILS',
    topic: 'ssh',
    serves: ['promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: 'SSH reaches every host as the cluster file says',
    answeredBy: (code) => !SSH_CODES.test(code) && !NOT_TRIED.has(code),
  },
  ['node-host', 'pgpool-host'],
  (snapshot) => hostFindings(snapshot, true),
)

const hostFiles = ofSite(
  {
    id: 'host-files',
    code: 'HOST_FILES_UNREADABLE',
    topic: 'ssh',
    serves: ['promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: 'the files that the cluster file names can be read',
    answeredBy: () => false,
  },
  ['node-host', 'pgpool-host'],
  (snapshot) => hostFindings(snapshot, false),
)

const sshUser = ofNodeHosts(
  {
    id: 'ssh-user',
    code: 'SSH_USER_NOT_OWNER',
    topic: 'ssh',
    serves: ['recovery', 'upgrade'],
    severity: 'critical',
    holds: 'the SSH user of each node owns its data directory',
  },
  ({user, dataOwner}, {config}) =>
    dataOwner === null || dataOwner === user
      ? null
      : {
          message: `SSH to ${config.host} ends at user ${user}, and ${config.data} belongs to ${dataOwner}`,
          remedy: `ssh: {user: ${dataOwner}} in the cluster file`,
        },
)

export const REACH: readonly Check[] = [
  pcpAnswers,
  pcpPassfile,
  pcpLogin,
  sqlThroughPgpool,
  sshOperator,
  hostFiles,
  sshUser,
  ...SERVER_REACH,
]

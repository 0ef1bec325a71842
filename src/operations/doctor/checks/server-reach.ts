/** Why a server was not seen. One that answers and lets poolctl not in is in no need of a recovery, whatever else it needs. */
import {ALL_VERBS, ofSite, type Check, type Found} from '../check.js'
import type {NodeLook, Snapshot} from '../snapshot.js'

type Unseen = {config: NodeLook['config']; code: string; reason: string}

/** What mends each, at a node of that number; the server has answered, or was not asked yet. */
const LOGIN: ReadonlyMap<string, (node: Unseen, snapshot: Snapshot) => string> = new Map([
  ['POSTGRES_LOGIN_REFUSED', hbaRemedy],
  ['POSTGRES_PASSWORD_MISSING', passwordRemedy],
  ['POSTGRES_DATABASE_MISSING', () => 'postgres: {database: ...} in the cluster file, to one that every server has'],
  [
    'POSTGRES_TOO_MANY_CONNECTIONS',
    () =>
      'end idle sessions there, or raise superuser_reserved_connections; pgpool keeps max_pool for each of its children',
  ],
  [
    'POSTGRES_CERTIFICATE_REFUSED',
    ({config}) => `PGSSLROOTCERT of the authority that signed it; the certificate must name ${config.address}`,
  ],
  ['POSTGRES_KEY_EXPOSED', () => 'chmod 600 PGSSLKEY'],
  ['POSTGRES_TLS_FILE_UNREADABLE', () => 'correct PGSSLROOTCERT, PGSSLCERT or PGSSLKEY'],
  ['POSTGRES_ROOT_CERTIFICATE_MISSING', () => 'set PGSSLROOTCERT, or put the certificate where it is looked for'],
  ['POSTGRES_SSLMODE_UNKNOWN', () => 'correct PGSSLMODE'],
  ['POSTGRES_SSLMODE_WEAK', () => 'PGSSLMODE=verify-full'],
])

function hbaRemedy({config}: Unseen, {file}: Snapshot): string {
  const {user, database} = file.postgres
  return `make the password of ${user} in the password file fit, and pg_hba.conf of node ${config.id}: host ${database} ${user} THIS_MACHINE/32 scram-sha-256, then: SELECT pg_reload_conf()`
}

function passwordRemedy({config}: Unseen, {file}: Snapshot): string {
  const {user, database, passfile} = file.postgres
  return `add the line ${config.address}:${config.port}:${database}:${user}:PASSWORD to ${passfile ?? '~/.pgpass'}`
}

/** Of this machine: for the servers, and for pgpool as their client. */
export const PASSFILE_CODES = new Set(['POSTGRES_PASSFILE_EXPOSED', 'POSTGRES_PASSFILE_UNREADABLE'])
/** Before anything was sent. */
const NOT_ASKED = /^POSTGRES_(?:SSLMODE_|ROOT_CERTIFICATE_|TLS_FILE_|KEY_)/

/** In the detail of a server's error; its words are in the server's language. */
const lacksRight = ({code, reason}: Unseen): boolean => code === 'POSTGRES_ACT_FAILED' && reason.includes('42501')

function unseenServers({nodes}: Snapshot, which: (node: Unseen) => boolean): Unseen[] {
  return nodes
    .flatMap(({config, server}) => (server.seen || server.code === 'not-asked' ? [] : [{...server, config}]))
    .filter(which)
}

const serverLogin = ofSite(
  {
    id: 'server-login',
    code: 'SERVER_LOGIN_FAILS',
    topic: 'server',
    serves: ALL_VERBS,
    severity: 'critical',
    holds: 'every server lets poolctl in',
    answeredBy: lateRefusal,
  },
  ['server'],
  (snapshot) =>
    unseenServers(snapshot, ({code}) => LOGIN.has(code)).map((node): Found => ({
      node: node.config.id,
      message: `the server of node ${node.config.id} lets poolctl not in: ${node.reason}`,
      remedy: LOGIN.get(node.code)?.(node, snapshot) ?? 'poolctl status',
    })),
)

/** It refused a question, so it had let us in. */
function lateRefusal(code: string): boolean {
  return code === 'POSTGRES_ACT_FAILED'
}

const passfile = ofSite(
  {
    id: 'server-passfile',
    code: 'PASSFILE_EXPOSED',
    topic: 'server',
    serves: ALL_VERBS,
    severity: 'critical',
    holds: "poolctl's password file for the servers can be used",
    answeredBy: (code) => LOGIN.has(code) || lateRefusal(code),
  },
  ['server'],
  (snapshot) =>
    unseenServers(snapshot, ({code}) => PASSFILE_CODES.has(code)).map((node): Found => ({
      node: node.config.id,
      message: `the server of node ${node.config.id} wants a password, and ${node.reason}`,
      remedy: passfileRemedy(snapshot),
    })),
)

export function passfileRemedy({file}: Snapshot): string {
  return `chmod 600 ${file.postgres.passfile ?? '~/.pgpass'} (it must be a file of your own)`
}

const serverRights = ofSite(
  {
    id: 'operator-rights',
    code: 'OPERATOR_NOT_SUPERUSER',
    topic: 'server',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'critical',
    holds: 'poolctl logs in as a superuser',
    answeredBy: () => false,
  },
  ['server'],
  (snapshot) => {
    const {user} = snapshot.file.postgres
    const refused = unseenServers(snapshot, lacksRight).map(({config}) => config.id)
    const told = snapshot.nodes.flatMap(({config, server}) =>
      server.seen && !server.value.more.superuser ? [config.id] : [],
    )
    return [...told, ...refused].map((node): Found => ({
      node,
      message: `user ${user} is no superuser of node ${node}: backups, promotion and settings are refused`,
      remedy: `on the primary: ALTER ROLE ${user} SUPERUSER, or postgres: {user: postgres} in the cluster file`,
    }))
  },
)

const serverAnswers = ofSite(
  {
    id: 'server-answers',
    code: 'NODE_SERVER_SILENT',
    topic: 'server',
    serves: ALL_VERBS,
    severity: 'critical',
    holds: 'every server answers',
    alsoLooksAt: ['pcp'],
    // A password file is opened when the server asks for a password.
    answeredBy: (code) => (LOGIN.has(code) && !NOT_ASKED.test(code)) || PASSFILE_CODES.has(code) || lateRefusal(code),
  },
  ['server'],
  (snapshot) =>
    unseenServers(snapshot, (node) => !LOGIN.has(node.code) && !PASSFILE_CODES.has(node.code) && !lacksRight(node)).map(
      (node) => silent(node, snapshot),
    ),
)

function silent({config: {id}, code, reason}: Unseen, {pools}: Snapshot): Found {
  const beliefs = pools.flatMap(({pcp}) => (pcp.seen ? pcp.value.nodes.filter((node) => node.id === id) : []))
  const attached = beliefs[0]?.status === 'up' || beliefs[0]?.status === 'waiting'
  return {
    node: id,
    message: `the server of node ${id} ${lateRefusal(code) ? 'answers with an error' : 'does not answer'}: ${reason}${attached ? ', and pgpool still sends clients there' : ''}`,
    remedy: silentRemedy(
      id,
      code,
      beliefs.some(({role}) => role === 'primary'),
    ),
  }
}

/** Only a server that is gone is recovered; one that answered, or that may be the primary, is looked at first. */
function silentRemedy(id: number, code: string, primary: boolean): string {
  if (code === 'POSTGRES_NOT_READY') return `wait, and look at the log of node ${id}: poolctl status`
  if (code !== 'POSTGRES_UNREACHABLE' && code !== 'POSTGRES_CONNECTION_LOST') return 'poolctl status'
  return primary
    ? `start the server of node ${id}, the primary; when it stays dead: poolctl promote NODE --failover --dry-run`
    : `poolctl recovery ${id} --dry-run`
}

export const SERVER_REACH: readonly Check[] = [serverAnswers, serverLogin, passfile, serverRights]

/** A first cluster file from what a running pgpool says of itself. Pure: text in, text out. */
import type {PoolNode} from '../../cluster/pool-node.js'

export type InitFacts = {
  cluster: string
  /** How SSH reaches pgpool, or `local`. */
  pgpoolHost: string
  /** `host` and `passfile` null: what the cluster file's defaults say. */
  pcp: {host: string | null; port: number; user: string; passfile: string | null; via: 'ssh' | 'tcp' | 'socket'}
  config: string
  /** Text of pgpool.conf. */
  pgpoolConf: string
  nodes: readonly PoolNode[]
  /** PostgreSQL's programs by node, where they were seen on its host or named by a flag. */
  programs: ReadonlyMap<number, string>
  /** Why there is none for a node; a node in neither was not asked, since it has no data directory to ask with. */
  unseen: ReadonlyMap<number, string>
  /** As it was logged in with; null: `~/.ssh/config` and ssh's own defaults. */
  ssh: {user: string | null; port: number | null; identity: string | null; knownHosts: string | null}
  /** libpq's password file, where it is not `~/.pgpass`. */
  passfile: string | null
}

export type InitResult = {
  yaml: string
  /** What could not be found out and stands in the file as a guess, by node. */
  open: {node: number; what: string}[]
  /** Settings that nothing was asked for and that stand in the file as assumed. */
  assumed: string[]
}

/** A backend that has data on a machine: unused slots and nodes without a host are not in the file. */
export type Backend = {id: number; host: string; port: number; data: string | null; slot: string | null}

export function backendsOf(nodes: readonly PoolNode[], settings: ReadonlyMap<string, string>): Backend[] {
  return nodes
    .filter((node) => node.status !== 'unused' && node.hostname !== '')
    .map((node) => ({
      id: Number(node.id),
      // A socket directory as hostname means that the server runs beside pgpool.
      host: node.hostname.startsWith('/') ? 'local' : node.hostname,
      port: node.port,
      data: settings.get(`backend_data_directory${node.id}`) || null,
      slot: slotNamed(settings.get(`backend_application_name${node.id}`), Number(node.id)),
    }))
}

/** Null: poolctl's own name. pgpool finds a standby in pg_stat_replication by this name, so an existing one is kept. */
function slotNamed(name: string | undefined, id: number): string | null {
  return name !== undefined && /^[a-z0-9_]{1,63}$/.test(name) && name !== `poolctl_node_${id}` ? name : null
}

const DATA_GUESS = '/var/lib/postgresql/data'
const BIN_GUESS = '/usr/lib/postgresql/bin'

/**
 * Values are written as JSON strings, which YAML reads as they are: a path may hold a colon, a quote or a hash. What is not
 * known is filled with a guess, so that the file can be used for all that does not need it; a comment marks it.
 */
export function clusterFileText(facts: InitFacts): InitResult {
  const settings = parsePgpoolConf(facts.pgpoolConf)
  const open: InitResult['open'] = []
  const nodes = backendsOf(facts.nodes, settings).flatMap((backend) => nodeLines(backend, facts, open))
  const yaml = [
    '# Written by poolctl init from what pgpool said. Check it with: poolctl config show --origin',
    `cluster: ${quoted(facts.cluster)}`,
    'pgpool:',
    ...pgpoolLines(facts, settings),
    'nodes:',
    ...nodes,
    ...sshLines(facts.ssh),
    'postgres:',
    '  # Assumed: a superuser, and the role that standbys replicate with. Passwords stand in password files, never here.',
    '  user: postgres',
    '  replicationUser: repl',
    ...(facts.passfile === null ? [] : [`  passfile: ${quoted(facts.passfile)}`]),
    '',
  ].join('\n')
  return {yaml, open, assumed: ['pgpool[0].service', 'nodes[].service', 'postgres.user', 'postgres.replicationUser']}
}

function pgpoolLines({pgpoolHost, pcp, config}: InitFacts, settings: ReadonlyMap<string, string>): string[] {
  const port = settings.get('port') ?? '9999'
  const endpoint = [
    ...(pcp.host === null ? [] : [`host: ${quoted(pcp.host)}`]),
    `port: ${pcp.port}`,
    `user: ${quoted(pcp.user)}`,
    ...(pcp.passfile === null ? [] : [`passfile: ${quoted(pcp.passfile)}`]),
    `via: ${pcp.via}`,
  ]
  return [
    `  - host: ${quoted(pgpoolHost)}`,
    `    pcp: {${endpoint.join(', ')}}`,
    `    port: ${/^\d+$/.test(port) ? port : '9999'}`,
    `    config: ${quoted(config)}`,
    '    # Assumed: the systemd unit. Or {start: [..], stop: [..], reload: [..]} with the commands of this site.',
    '    service: pgpool2',
  ]
}

function nodeLines(backend: Backend, {programs, unseen}: InitFacts, open: InitResult['open']): string[] {
  const {id, host, port, data, slot} = backend
  const seen = programs.get(id)
  const bin = seen ?? (data === null ? null : debianPrograms(data))
  const unknown = (key: string, why: string): string[] => {
    open.push({node: id, what: `${key}: ${why}`})
    // One line whatever the reason holds: what follows a line break would be YAML.
    return [`    # TO CHECK: ${key} is a guess: ${why.replaceAll(/\s+/g, ' ')}`]
  }
  return [
    `  - id: ${id}`,
    `    host: ${quoted(host)}`,
    `    port: ${port}`,
    ...(data === null ? unknown('data', 'pgpool.conf has no data directory for it') : []),
    `    data: ${quoted(data ?? DATA_GUESS)}`,
    ...(seen === undefined ? unknown('bin', unseen.get(id) ?? "PostgreSQL's programs were not looked for") : []),
    `    bin: ${quoted(bin ?? BIN_GUESS)}`,
    ...(slot === null ? [] : [`    slot: ${quoted(slot)}`]),
    '    # Assumed: pg_ctl starts and stops it. Or a systemd unit, or {start: [..], stop: [..]}.',
    '    service: pg_ctl',
  ]
}

function sshLines(ssh: InitFacts['ssh']): string[] {
  const lines = [
    ...(ssh.user === null ? [] : [`  user: ${quoted(ssh.user)}`]),
    ...(ssh.port === null ? [] : [`  port: ${ssh.port}`]),
    ...(ssh.identity === null ? [] : [`  identity: ${quoted(ssh.identity)}`]),
    ...(ssh.knownHosts === null ? [] : [`  knownHosts: ${quoted(ssh.knownHosts)}`]),
  ]
  return lines.length === 0 ? [] : ['ssh:', ...lines]
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

/** Debian keeps the data of 15/main in /var/lib/postgresql/15/main and its programs in /usr/lib/postgresql/15/bin. */
function debianPrograms(data: string): string | null {
  const match = /^\/var\/lib\/postgresql\/(\d+(?:\.\d+)?)\//.exec(data)
  return match?.[1] === undefined ? null : `/usr/lib/postgresql/${match[1]}/bin`
}

/** Where packages put the programs of a major version: Debian, the PGDG RPMs, Alpine and FreeBSD ports, sources. */
export function programPlaces(major: string): string[] {
  return [
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    `/usr/libexec/postgresql${major}`,
    '/usr/local/bin',
    '/usr/local/pgsql/bin',
    '/usr/bin',
  ]
}

/** pgpool.conf as pgpool reads it: `name = value`, `#` starts a comment outside quotes, the last value wins. */
export function parsePgpoolConf(text: string): Map<string, string> {
  const settings = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z_][\w.]*)\s*(?:=|\s)\s*(?:'((?:[^'\\]|\\.|'')*)'|([^\s#']+))/.exec(line)
    if (match?.[1] === undefined) continue
    const quotedValue = match[2]?.replaceAll("''", "'").replaceAll(/\\(.)/g, '$1')
    settings.set(match[1], quotedValue ?? match[3] ?? '')
  }
  return settings
}

/** Text of a cluster file to `ClusterFile`: YAML, schema, cross-checks, defaults. */
import {createHash} from 'node:crypto'
import {homedir, userInfo} from 'node:os'
import {dirname, isAbsolute, join, normalize, resolve} from 'node:path'
import {LineCounter, parseDocument} from 'yaml'
import type {z} from 'zod'
import type {ClusterFile, NodeConfig, PgpoolConfig, PostgresAccess, Service, SshDefaults} from '../cluster-file.js'
import {nodeId} from '../node-id.js'
import {dotted, invalidFile, placeOf, type Path, type Problem} from './problems.js'
import {clusterFileSchema, type WrittenClusterFile, type WrittenService} from './schema.js'
import {parseDuration, parseSize} from './units.js'

export type ParsedClusterFile = {
  file: ClusterFile
  /** Line of each written key, by the file's own spelling (`nodes[0].port`). A key that is not here has its default. */
  lines: ReadonlyMap<string, number>
}

/** What the defaults depend on besides the file. Tests pass their own. */
export type Surroundings = {home: string; user: string; pcpPassfile: string | null}

export function surroundings(env: NodeJS.ProcessEnv = process.env): Surroundings {
  const home = env['HOME'] ?? homedir()
  return {home, user: userInfo().username, pcpPassfile: env['PCPPASSFILE'] ?? null}
}

/**
 * Throws `ConfigError` with every problem. `path` is absolute and is what errors and `ClusterFile.path` say.
 */
export function parseClusterFile(text: string, path: string, around: Surroundings = surroundings()): ParsedClusterFile {
  const counter = new LineCounter()
  const document = parseDocument(text, {lineCounter: counter, prettyErrors: false, uniqueKeys: true})
  if (document.errors.length > 0) {
    throw invalidFile(
      path,
      document.errors.map((error) => {
        const place = counter.linePos(error.pos[0])
        return {line: place.line, column: place.col, text: `not YAML: ${error.message.split('\n')[0] ?? ''}`}
      }),
    )
  }
  const raw: unknown = document.toJS()
  const checked = clusterFileSchema.safeParse(raw)
  const at = (where: Path, problem: string, atKey = false): Problem => ({
    ...placeOf(document, counter, where, atKey),
    text: where.length === 0 ? problem : `${dotted(where)} ${problem}`,
  })
  const problems = checked.success ? [] : checked.error.issues.flatMap((issue) => describeIssue(issue, raw, at))
  problems.push(...crossChecks(raw).map(({where, text: problem}) => at(where, problem)))
  if (!checked.success || problems.length > 0) throw invalidFile(path, problems)
  const hash = createHash('sha256').update(text).digest('hex')
  return {
    file: fillIn(checked.data, path, hash, around),
    lines: inNodeOrder(
      writtenLines(raw, [], (where) => placeOf(document, counter, where, true).line),
      checked.data.nodes.map((node) => node.id),
    ),
  }
}

type Issue = z.core.$ZodIssue

function describeIssue(
  issue: Issue,
  raw: unknown,
  at: (where: Path, problem: string, atKey?: boolean) => Problem,
): Problem[] {
  const where = issue.path.filter((part): part is string | number => typeof part !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => at([...where, key], 'is not a setting poolctl knows', true))
  }
  const value = valueAt(raw, where)
  if (value === undefined) return [at(where, 'is missing')]
  if (issue.code === 'invalid_type') return [at(where, `must be ${article(issue.expected)}, not ${kindOf(value)}`)]
  return [at(where, issue.message)]
}

function article(expected: string): string {
  if (expected === 'object') return 'a map'
  if (expected === 'array' || expected === 'tuple') return 'a list'
  if (expected === 'string') return 'text'
  return expected === 'int' || expected === 'number' ? 'a whole number' : expected
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return typeof value === 'number' || typeof value === 'boolean' ? `the ${typeof value} ${value}` : 'text'
}

function valueAt(raw: unknown, where: Path): unknown {
  let value = raw
  for (const part of where) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string | number, unknown>)[part]
  }
  return value
}

/**
 * What no single value shows: two nodes with one number, or two that are the same server. Works on the raw value, so that
 * these are reported together with what the schema found.
 */
function crossChecks(raw: unknown): {where: Path; text: string}[] {
  const nodes = valueAt(raw, ['nodes'])
  if (!Array.isArray(nodes)) return []
  const found: {where: Path; text: string}[] = []
  const seen = new Map<string, number>()
  const once = (key: string, where: Path, what: string, index: number): void => {
    const first = seen.get(key)
    if (first === undefined) seen.set(key, index)
    else found.push({where, text: `repeats ${what} of nodes[${first}]`})
  }
  nodes.forEach((node: unknown, index) => {
    if (typeof node !== 'object' || node === null) return
    const {id, host, address, port, data} = node as Record<string, unknown>
    if (typeof id === 'number') once(`id ${id}`, ['nodes', index, 'id'], `the id ${id}`, index)
    const reached = typeof address === 'string' ? address : host
    if (typeof reached !== 'string') return
    const server = `${reached} port ${typeof port === 'number' ? port : 5432}`
    once(
      `server ${server}`,
      ['nodes', index, address === undefined ? 'host' : 'address'],
      `the address ${server}`,
      index,
    )
    if (typeof host === 'string' && typeof data === 'string') {
      once(`data ${host} ${normalize(data)}`, ['nodes', index, 'data'], `the data directory ${data} on ${host}`, index)
    }
  })
  return found
}

function fillIn(written: WrittenClusterFile, path: string, hash: string, around: Surroundings): ClusterFile {
  const local = (text: string): string => localPath(text, dirname(path), around.home)
  const maxLag = parseSize(written.limits?.maxLag ?? '16MB')
  const stepTimeout = parseDuration(written.limits?.stepTimeout ?? '10m')
  if (maxLag === null || stepTimeout === null) throw new Error('limits passed the schema and cannot be read')
  return {
    name: written.cluster,
    path,
    hash,
    pgpool: written.pgpool.map((pgpool) => fillPgpool(pgpool, around, local)),
    nodes: written.nodes.map(fillNode).toSorted((a, b) => a.id - b.id),
    ssh: fillSsh(written.ssh ?? {}, local),
    postgres: fillPostgres(written.postgres ?? {}, local),
    limits: {maxLagBytes: maxLag, stepTimeoutMs: stepTimeout},
    ...(written.upgrade && {upgrade: {settings: settingTexts(written.upgrade.settings)}}),
  }
}

/** As postgresql.conf has them. */
function settingTexts(written: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  const text = (value: string | number | boolean): string =>
    typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)
  return Object.fromEntries(Object.entries(written).map(([name, value]) => [name, text(value)]))
}

function fillSsh(written: NonNullable<WrittenClusterFile['ssh']>, local: (text: string) => string): SshDefaults {
  return {
    user: written.user ?? null,
    port: written.port ?? null,
    identity: written.identity === undefined ? null : local(written.identity),
    knownHosts: written.knownHosts === undefined ? null : local(written.knownHosts),
    transport: written.transport ?? 'ssh2',
    peerIdentity: written.peerIdentity ?? null,
    peerKnownHosts: written.peerKnownHosts ?? null,
  }
}

function fillPostgres(
  written: NonNullable<WrittenClusterFile['postgres']>,
  local: (text: string) => string,
): PostgresAccess {
  return {
    user: written.user ?? 'postgres',
    database: written.database ?? 'postgres',
    passfile: written.passfile === undefined ? null : local(written.passfile),
    replicationUser: written.replicationUser ?? 'repl',
    replicationPassfile: written.replicationPassfile ?? null,
  }
}

/** `local` is a way to run, not a name that resolves: as an address it means this machine. */
function addressOf(host: string): string {
  return host === 'local' ? '127.0.0.1' : host
}

function fillPgpool(
  written: WrittenClusterFile['pgpool'][number],
  around: Surroundings,
  local: (text: string) => string,
): PgpoolConfig {
  const via = written.pcp.via ?? (written.host === 'local' ? 'tcp' : 'ssh')
  const pcpHost = {ssh: '127.0.0.1', tcp: addressOf(written.host), socket: '/var/run/postgresql'}[via]
  return {
    host: written.host,
    pcp: {
      host: written.pcp.host ?? pcpHost,
      port: written.pcp.port ?? 9898,
      user: written.pcp.user,
      passfile: local(written.pcp.passfile ?? around.pcpPassfile ?? '~/.pcppass'),
      via,
    },
    address: written.address ?? addressOf(written.host),
    port: written.port ?? 9999,
    config: written.config ?? '/etc/pgpool2/pgpool.conf',
    service: serviceOf(written.service ?? 'pgpool2'),
    sshPort: written.sshPort ?? null,
  }
}

function fillNode(written: WrittenClusterFile['nodes'][number]): NodeConfig {
  const data = written.data.length > 1 ? written.data.replace(/\/+$/, '') : written.data
  return {
    id: nodeId(written.id),
    host: written.host,
    address: written.address ?? addressOf(written.host),
    port: written.port ?? 5432,
    data,
    bin: written.bin,
    config: written.config ?? null,
    service: serviceOf(written.service ?? 'pg_ctl'),
    work: written.work ?? `${data}.poolctl`,
    slot: written.slot ?? `poolctl_node_${written.id}`,
    sshPort: written.sshPort ?? null,
    ...(written.upgrade && {
      upgrade: {
        bin: written.upgrade.bin ?? null,
        data: written.upgrade.data ?? null,
        config: written.upgrade.config ?? null,
        service: written.upgrade.service === undefined ? null : serviceOf(written.upgrade.service),
      },
    }),
  }
}

function serviceOf(written: WrittenService): Service {
  if (typeof written === 'object') {
    return {kind: 'commands', start: written.start, stop: written.stop, reload: written.reload ?? null}
  }
  return written === 'pg_ctl' ? {kind: 'pg_ctl'} : {kind: 'systemd', unit: written}
}

/** `~/x` below the home directory; a relative path below the directory of the cluster file, wherever poolctl is run. */
export function localPath(text: string, base: string, home: string): string {
  if (text === '~') return home
  if (text.startsWith('~/')) return join(home, text.slice(2))
  return isAbsolute(text) ? normalize(text) : resolve(base, text)
}

function writtenLines(value: unknown, path: Path, lineOf: (path: Path) => number): Map<string, number> {
  const found = new Map<string, number>()
  if (typeof value !== 'object' || value === null) return found
  for (const [key, inner] of Object.entries(value)) {
    const where = [...path, Array.isArray(value) ? Number(key) : key]
    if (!Array.isArray(value)) found.set(dotted(where), lineOf(where))
    for (const [name, line] of writtenLines(inner, where, lineOf)) found.set(name, line)
  }
  return found
}

/** `ClusterFile.nodes` ascends by id whatever the order in the file, so the lines are renumbered the same way. */
function inNodeOrder(lines: ReadonlyMap<string, number>, ids: readonly number[]): Map<string, number> {
  const rank = new Map(ids.toSorted((a, b) => a - b).map((id, index) => [id, index]))
  return new Map(
    [...lines].map(([key, line]) => {
      const match = /^nodes\[(\d+)\](.*)$/.exec(key)
      const id = ids[Number(match?.[1])]
      return match && id !== undefined ? [`nodes[${rank.get(id) ?? 0}]${match[2] ?? ''}`, line] : [key, line]
    }),
  )
}

/**
 * Sessions with one server (or with pgpool): the only file that loads `pg`, and only when the first session is opened, because
 * loading it costs more than a whole `--help`. Everything that node-postgres would take from the environment in its own way
 * (TLS words, password, options, application name) is given explicitly, so that libpq's meaning holds.
 */
import type {Client, Connection} from 'pg'
import type {PgpoolConfig, PostgresAccess} from '../cluster/cluster-file.js'
import {AuthenticationRefused} from '../lib/errors.js'
import {Secret} from '../lib/secret.js'
import {sqlState, translate, type Phase} from './errors.js'
import {passfilePath, readPassfile} from './passfile.js'
import type {Query} from './queries.js'
import {tlsAttempts, type TlsAttempt} from './tls.js'

export type Target = {
  /** For messages: `node 1 (10.0.0.11:5432)`. */
  who: string
  host: string
  port: number
  user: string
  database: string
  /** As in the cluster file; null: PGPASSFILE or ~/.pgpass. */
  passfile: string | null
  /** In place of every file, for a login that is not our own. */
  password?: Secret
  applicationName: string
  /** Settings of the session from its first moment on. Empty through pgpool, so that its pool can reuse connections. */
  settings: Readonly<Record<string, string>>
  connectMs: number
}

/** pgpool as its clients reach it. */
export function pgpoolTarget(pgpool: PgpoolConfig, access: PostgresAccess, connectMs: number): Target {
  const {address: host, port} = pgpool
  const {user, database, passfile} = access
  const who = `pgpool (${endpoint(host, port)})`
  return {who, host, port, user, database, passfile, applicationName: 'poolctl', settings: {}, connectMs}
}

/**
 * What holds for poolctl's own sessions. `search_path`: no object of a user is ever called by a name of ours.
 * `synchronous_commit`: with the only synchronous standby under repair, a commit would wait for it for ever.
 * `default_transaction_read_only`: sites switch it on to stop clients during the very work we do. `jit`: compiling the facts
 * query takes longer than running it.
 */
const OWN_SETTINGS = {
  search_path: 'pg_catalog',
  synchronous_commit: 'local',
  default_transaction_read_only: 'off',
  jit: 'off',
  client_min_messages: 'warning',
} as const

/**
 * How long a call may take, by what it is. `statementMs` is the server's own limit (0: none); `guardMs` is ours, later than
 * that, for a server or network that no longer answers at all.
 */
export type CallKind = {statementMs: number; lockMs: number; guardMs: number}

export function serverTarget(
  node: {id: number; address: string; port: number},
  access: PostgresAccess,
  options: {kind: CallKind; connectMs: number; applicationName?: string; database?: string},
): Target {
  return {
    who: `node ${node.id} (${endpoint(node.address, node.port)})`,
    host: node.address,
    port: node.port,
    user: access.user,
    database: options.database ?? access.database,
    passfile: access.passfile,
    applicationName: options.applicationName ?? 'poolctl',
    settings: {
      ...OWN_SETTINGS,
      statement_timeout: String(options.kind.statementMs),
      lock_timeout: String(options.kind.lockMs),
    },
    connectMs: options.connectMs,
  }
}

/** `10.0.0.1:5432`, `[fd00::1]:5432`. */
export function endpoint(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export type Call = {
  phase: Exclude<Phase, 'connect'>
  /** To stand after "could not". */
  doing: string
  /** The session is given up when there is no answer by then. */
  withinMs: number
}

/** One session. Calls made at the same time run one after another. */
export class Session {
  readonly #client: Client
  readonly #who: string
  #alive = true
  #tail: Promise<unknown> = Promise.resolve()

  constructor(client: Client, who: string) {
    this.#client = client
    this.#who = who
    const ended = (): void => {
      this.#alive = false
    }
    // An idle session that the server ends (57P01) raises `error` here; without a listener that would end the process.
    client.on('error', ended)
    client.on('end', ended)
  }

  /** False as soon as the server ended the session or the socket closed. */
  alive(): boolean {
    return this.#alive
  }

  /** @throws Unreachable, OutcomeUnknown (phase `change`, answer lost), ActFailed: see errors.ts. */
  async query<Row>(query: Query<Row>, values: readonly unknown[], call: Call): Promise<Row[]> {
    const run = this.#tail.then(() => this.#run(query, values, call))
    this.#tail = run.catch(() => undefined)
    return run
  }

  async #run<Row>(query: Query<Row>, values: readonly unknown[], call: Call): Promise<Row[]> {
    const guard = setTimeout(() => this.#cut(), call.withinMs)
    try {
      const result = await this.#client.query(query.text, [...values])
      return result.rows as Row[]
    } catch (error) {
      // A FATAL while we waited is answered before the socket closes: the session is over now, not a moment later.
      if ((error as {severity?: unknown}).severity === 'FATAL' || sqlState(error) === null) this.#alive = false
      throw translate(error, {who: this.#who, phase: call.phase, doing: call.doing})
    } finally {
      clearTimeout(guard)
    }
  }

  #cut(): void {
    this.#alive = false
    connectionOf(this.#client).stream.destroy(timedOut())
  }

  /** Says good-bye, for a second at most. Never throws. */
  async close(): Promise<void> {
    if (this.#alive) {
      this.#alive = false
      const timer = setTimeout(() => connectionOf(this.#client).stream.destroy(), 1000)
      await this.#client.end().catch(() => undefined)
      clearTimeout(timer)
    }
    this.destroy()
  }

  /** Drops the socket at once, without a word to the server. */
  destroy(): void {
    this.#alive = false
    connectionOf(this.#client).stream.destroy()
  }
}

/**
 * Opens a session.
 * @throws Unreachable, AuthenticationRefused, ConfigError (PGSSLMODE and its files).
 */
export async function openSession(target: Target): Promise<Session> {
  const deadline = performance.now() + target.connectMs
  const attempts = await tlsAttempts(target.host, process.env)
  const password = passwordOf(target)
  for (const [index, attempt] of attempts.entries()) {
    const result = await attemptConnect(target, attempt, password, deadline - performance.now())
    if (result.kind === 'connected') return new Session(result.client, target.who)
    const last = index === attempts.length - 1
    if (last || !result.refusedAsSuch) {
      throw translate(result.error, {who: target.who, phase: 'connect', doing: 'connect'})
    }
  }
  throw new Error('tlsAttempts returned no attempt')
}

type Attempted =
  | {kind: 'connected'; client: Client}
  /** `refusedAsSuch`: the server does not do TLS, or pg_hba.conf has no line for this way; the other way may be let in. */
  | {kind: 'failed'; error: unknown; refusedAsSuch: boolean}

async function attemptConnect(
  target: Target,
  {ssl}: TlsAttempt,
  password: () => Promise<string>,
  withinMs: number,
): Promise<Attempted> {
  const {Client} = await import('pg')
  const client = new Client({
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    password,
    ssl,
    sslnegotiation: 'postgres',
    application_name: target.applicationName,
    // A blank rather than nothing: nothing would let node-postgres read PGOPTIONS.
    options: startupOptions(target.settings) || ' ',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  })
  // Until Session listens, an error after the first one (the server closes behind a refused login) must find a listener.
  const ignore = (): void => undefined
  client.on('error', ignore)
  let answer: number | undefined
  const timer = setTimeout(() => connectionOf(client).stream.destroy(timedOut()), Math.max(1, withinMs))
  try {
    const connecting = client.connect()
    // The byte that answers the request for TLS; `N` is a server that was built or configured without.
    if (ssl) {
      connectionOf(client).stream.once('data', (bytes: Buffer) => {
        answer = bytes[0]
      })
    }
    await connecting
    return {kind: 'connected', client}
  } catch (error) {
    connectionOf(client).stream.destroy()
    return {kind: 'failed', error, refusedAsSuch: answer === 'N'.charCodeAt(0) || sqlState(error) === '28000'}
  } finally {
    clearTimeout(timer)
  }
}

/** The password that our own sessions with a node would give; null: there is none, or none is needed. */
export async function superuserPassword(
  node: {address: string; port: number},
  access: PostgresAccess,
): Promise<Secret | null> {
  const given = process.env['PGPASSWORD']
  if (given) return new Secret(given)
  const key = {host: node.address, port: node.port, database: access.database, user: access.user}
  return readPassfile(passfilePath(access.passfile, process.env), key)
}

/** Asked only when the server wants a password, so that `trust` and `peer` need no file. PGPASSWORD goes first, as in libpq. */
function passwordOf(target: Target): () => Promise<string> {
  return async () => {
    if (target.password) return target.password.reveal()
    const given = process.env['PGPASSWORD']
    if (given) return given
    const path = passfilePath(target.passfile, process.env)
    const secret = await readPassfile(path, target)
    if (secret) return secret.reveal()
    throw new AuthenticationRefused({
      code: 'POSTGRES_PASSWORD_MISSING',
      message: `${target.who} asks for the password of ${target.user} and there is none`,
      detail: `${path} does not exist or has no line for ${endpoint(target.host, target.port)}, database ${target.database}, user ${target.user}.`,
      hint: 'Add the line host:port:database:user:password to that file (postgres.passfile in the cluster file).',
    })
  }
}

/** The startup packet's `options`: a backslash before what would split it (manual 34.1.2). */
function startupOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, String.raw`\$&`)}`)
    .join(' ')
}

/** Public in JavaScript since node-postgres 6, missing from its types. The stream is another one after TLS has begun. */
function connectionOf(client: Client): Connection {
  return (client as unknown as {connection: Connection}).connection
}

function timedOut(): Error {
  return Object.assign(new Error('no answer in time'), {code: 'ETIMEDOUT'})
}

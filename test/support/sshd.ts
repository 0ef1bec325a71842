/** A real sshd of our own on a 127.x address, run as the postgres user, with keys made for it. */
import {execFileSync, spawn, type ChildProcess} from 'node:child_process'
import {chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {connect} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

const setpriv = ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups']

/** `words` as the postgres user when we are root (PostgreSQL refuses root), else as ourselves. */
export function asPostgres(words: readonly string[]): string[] {
  return process.getuid?.() === 0 ? [...setpriv, ...words] : [...words]
}

export function runAsPostgres(words: readonly string[], input = ''): string {
  const [program, ...args] = asPostgres(words)
  return execFileSync(program!, args, {input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'], cwd: '/'})
}

/** A directory that the postgres user owns. Its name is short: a Unix socket path may not be long. */
export function postgresDirectory(prefix: string): string {
  const path = mkdtempSync(join(tmpdir(), prefix))
  if (process.getuid?.() === 0) {
    const [uid, gid] = runAsPostgres(['sh', '-c', 'id -u; id -g']).trim().split('\n').map(Number)
    chownSync(path, uid!, gid!)
  }
  chmodSync(path, 0o700)
  return path
}

export type Sshd = {
  address: string
  port: number
  user: string
  /** Private key that may log in, readable by the postgres user too. */
  identity: string
  knownHosts: string
  directory: string
  /** Type and base64 of the host key. */
  hostKey: string
  pid: number
  /** Pids of the processes that serve one connection each. */
  sessions(): number[]
  /** Kills what serves the connections, as a broken line would end them; what they started lives on. */
  cut(): void
  stop(): Promise<void>
}

export type SshdOptions = {address: string; port: number; lines?: string[]; hostKeyTypes?: string[]}

export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const {address, port} = options
  const directory = postgresDirectory('pssh-')
  const identity = join(directory, 'id')
  const knownHosts = join(directory, 'known_hosts')
  const keygen = (type: string, file: string): string =>
    runAsPostgres(['ssh-keygen', '-q', '-t', type, '-N', '', '-f', file])
  keygen('ed25519', identity)
  const types = options.hostKeyTypes ?? ['ed25519']
  for (const type of types) keygen(type, join(directory, `host_${type}`))
  const hostKey = readFileSync(join(directory, `host_${types[0]!}.pub`), 'utf8')
    .split(' ')
    .slice(0, 2)
    .join(' ')
  runAsPostgres(['cp', `${identity}.pub`, join(directory, 'authorized_keys')])
  runAsPostgres(['tee', knownHosts], `[${address}]:${port} ${hostKey.trim()}\n`)
  const config = [
    `ListenAddress ${address}`,
    `Port ${port}`,
    ...types.map((type) => `HostKey ${directory}/host_${type}`),
    `AuthorizedKeysFile ${directory}/authorized_keys`,
    `PidFile ${directory}/pid`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    ...(options.lines ?? []),
  ]
  writeFileSync(join(directory, 'config'), `${config.join('\n')}\n`, {mode: 0o644})
  const [program, ...args] = asPostgres(['/usr/sbin/sshd', '-D', '-e', '-f', join(directory, 'config')])
  const child = spawn(program!, args, {stdio: ['ignore', 'ignore', 'pipe'], detached: true, cwd: '/'})
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  await listening(address, port, child, () => log)
  const user = runAsPostgres(['id', '-un']).trim()
  return {
    ...{address, port, user, identity, knownHosts, directory, hostKey: hostKey.trim(), pid: child.pid!},
    sessions: () => childrenOf(child.pid!),
    cut: () => cut(child.pid!),
    stop: () => stop(child, directory),
  }
}

async function listening(address: string, port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${log()}`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({host: address, port})
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`sshd does not listen: ${log()}`)
}

export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid)
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return null
  }
}

/** sshd serves a connection in two processes, a monitor and below it the one that has the socket. */
function cut(listener: number): void {
  for (const monitor of childrenOf(listener)) {
    const serving = childrenOf(monitor).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sshd')
    for (const pid of [...serving, monitor]) signal(pid, 'SIGKILL')
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended with its connection.
  }
}

async function stop(child: ChildProcess, directory: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const sessions = childrenOf(child.pid!)
  child.kill('SIGTERM')
  await ended
  for (const pid of sessions) signal(pid, 'SIGTERM')
  rmSync(directory, {recursive: true, force: true})
}

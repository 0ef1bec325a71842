/** Keys and passwords of one lab, made anew each time; each file readable by the one user that needs it. */
import {randomBytes} from 'node:crypto'
import {chown, copyFile, mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {labPaths, type LabSpec} from './spec.js'
import {capture, runAsServer} from './run.js'

export type Passwords = Record<'postgres' | 'repl' | 'pgpool' | 'app' | 'pcpadmin', string>

export function newPasswords(): Passwords {
  const one = (): string => randomBytes(18).toString('base64url')
  return {postgres: one(), repl: one(), pgpool: one(), app: one(), pcpadmin: one()}
}

/** The directories, each for one of the two users. */
export async function makeDirectories(spec: LabSpec): Promise<void> {
  const paths = labPaths(spec.directory)
  await mkdir(paths.operator, {mode: 0o700})
  for (const directory of [paths.servers, paths.proxy, ...spec.nodes.map((node) => node.directory)]) {
    await mkdir(directory, {mode: directory === paths.servers ? 0o700 : 0o755})
    await giveToServers(spec, directory)
  }
  await mkdir(join(paths.proxy, 'run'), {mode: 0o755})
  await giveToServers(spec, join(paths.proxy, 'run'))
}

/** A file that only the server user may read (pgpool, PostgreSQL and ssh refuse others). */
export async function writeForServers(spec: LabSpec, path: string, text: string, mode = 0o600): Promise<void> {
  await writeFile(path, text, {mode})
  await giveToServers(spec, path)
}

export async function giveToServers({user}: LabSpec, path: string): Promise<void> {
  if (user.uid !== null && user.gid !== null) await chown(path, user.uid, user.gid)
}

/** One key for the operator, one for the nodes among themselves, one host key for all hosts of the lab. */
export async function makeKeys(spec: LabSpec, keygen: string): Promise<void> {
  const paths = labPaths(spec.directory)
  const make = ['-q', '-t', 'ed25519', '-N', '', '-C']
  await Promise.all([
    capture(keygen, [...make, 'poolctl-lab-operator', '-f', paths.identity]),
    runAsServer(spec, keygen, [...make, 'poolctl-lab-peer', '-f', paths.peerIdentity]),
    runAsServer(spec, keygen, [...make, 'poolctl-lab-host', '-f', paths.hostKey]),
  ])
  const [operator, peer, host] = await Promise.all(
    [paths.identity, paths.peerIdentity, paths.hostKey].map((path) => readFile(`${path}.pub`, 'utf8')),
  )
  await writeForServers(spec, paths.authorizedKeys, `${operator ?? ''}${peer ?? ''}`)
  const [type = '', key = ''] = (host ?? '').split(' ')
  const known = [spec.proxy.address, ...spec.nodes.map(({address}) => address)]
    .map((address) => `[${address}]:${spec.ports.ssh} ${type} ${key}\n`)
    .join('')
  await writeFile(paths.knownHosts, known, {mode: 0o600})
  await copyFile(paths.knownHosts, paths.peerKnownHosts)
  await giveToServers(spec, paths.peerKnownHosts)
}

/** Password files in the formats of libpq and of the pcp tools. */
export async function writePassfiles(spec: LabSpec, passwords: Passwords): Promise<void> {
  const paths = labPaths(spec.directory)
  const users = ['postgres', 'app', 'pgpool', 'repl'] as const
  const hosts = [...spec.nodes.map(({address}) => address), spec.proxy.address]
  const lines = hosts.flatMap((host) => users.map((user) => `${host}:*:*:${user}:${passwords[user]}\n`))
  await writeFile(paths.passfile, lines.join(''), {mode: 0o600})
  await writeForServers(spec, paths.replicationPassfile, lines.join(''))
  await writeForServers(spec, paths.superuserPassword, `${passwords.postgres}\n`)
  const pcp = `${spec.proxy.address}:${spec.ports.pcp}:pcpadmin:${passwords.pcpadmin}\n`
  await writeFile(paths.pcpPassfile, pcp, {mode: 0o600})
}

/** Which cluster file: `--config`, $POOLCTL_CONFIG, ./poolctl.yaml, the user's, the system's (design §4). */
import {readFile} from 'node:fs/promises'
import {homedir} from 'node:os'
import {join, resolve} from 'node:path'
import {ConfigError, messageOf} from '../../lib/errors.js'
import {parseClusterFile, surroundings, type ParsedClusterFile} from './parse.js'

export type Candidate = {path: string; because: string; named: boolean}

/** In the order they are tried. One that was named (flag or environment) ends the search, there or not. */
export function candidates(flag: string | undefined, env: NodeJS.ProcessEnv, cwd: string): Candidate[] {
  if (flag !== undefined) return [{path: resolve(cwd, flag), because: '--config', named: true}]
  const fromEnv = env['POOLCTL_CONFIG']
  if (fromEnv) return [{path: resolve(cwd, fromEnv), because: '$POOLCTL_CONFIG', named: true}]
  const userConfig = env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? homedir(), '.config')
  return [
    {path: resolve(cwd, 'poolctl.yaml'), because: 'current directory', named: false},
    {path: join(userConfig, 'poolctl', 'poolctl.yaml'), because: 'user configuration', named: false},
    {path: '/etc/poolctl/poolctl.yaml', because: 'system configuration', named: false},
  ]
}

export type FoundClusterFile = ParsedClusterFile & {because: string}

/** Null when none was named and none is there. Throws `ConfigError` when one is there and cannot be used. */
export async function findClusterFile(
  flag: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): Promise<FoundClusterFile | null> {
  for (const candidate of candidates(flag, env, cwd)) {
    const text = await read(candidate)
    if (text !== null) {
      return {...parseClusterFile(text, candidate.path, surroundings(env)), because: candidate.because}
    }
  }
  return null
}

/** As `findClusterFile`, for commands that cannot work without one. */
export async function requireClusterFile(
  flag: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): Promise<FoundClusterFile> {
  const found = await findClusterFile(flag, env, cwd)
  if (found) return found
  throw new ConfigError({
    code: 'CLUSTER_FILE_MISSING',
    message: 'no cluster file was found',
    detail: `Looked for ${candidates(flag, env, cwd)
      .map((c) => c.path)
      .join(', ')}.`,
    hint: 'Write one with: poolctl init, or name one with --config FILE.',
  })
}

async function read(candidate: Candidate): Promise<string | null> {
  try {
    return await readFile(candidate.path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (!candidate.named && (code === 'ENOENT' || code === 'ENOTDIR')) return null
    throw new ConfigError({
      code: code === 'ENOENT' ? 'CLUSTER_FILE_MISSING' : 'CLUSTER_FILE_UNREADABLE',
      message: `cluster file ${candidate.path} ${code === 'ENOENT' ? 'does not exist' : 'cannot be read'}`,
      detail: `It was named by: ${candidate.because}. The system says: ${messageOf(error)}.`,
      hint: 'Name another with --config FILE, or write one with: poolctl init',
      cause: error,
    })
  }
}

/** The entry of the program: finds the command, runs it, and answers for everything that is not a command's own. */
import {readFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {Config} from '@oclif/core/config'
import {PoolctlError, UsageError} from '../lib/errors.js'
import {reportFailure} from './failure.js'
import {nearest} from './nearest.js'
import {openTerminal} from './terminal.js'
import {asPoolctlError} from './usage.js'

/**
 * Runs `argv` and sets `process.exitCode`; the process ends by itself once the streams are flushed, because ending it here
 * would cut off what a pipe has not yet taken. `importMetaUrl` is that of bin/run.js, one level below the package.
 */
export async function main(importMetaUrl: string, argv: string[] = process.argv.slice(2)): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', quietWhenClosed)
  const terminal = openTerminal(argv)
  try {
    await dispatch(join(dirname(fileURLToPath(importMetaUrl)), '..'), argv)
  } catch (error) {
    if (isExitRequest(error)) {
      process.exitCode = error.oclif.exit
      return
    }
    reportFailure(terminal, 'command', asPoolctlError(error, ''))
  }
}

/** A reader such as `head` that has seen enough is no failure, and there is nobody left to tell. */
function quietWhenClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

function isExitRequest(error: unknown): error is {oclif: {exit: number}} {
  return error instanceof Error && !(error instanceof PoolctlError) && (error as {code?: unknown}).code === 'EEXIT'
}

async function dispatch(root: string, argv: string[]): Promise<void> {
  if (await runKnownCommand(root, argv)) return
  const config = await loadConfig(root)
  if (argv[0] === '--version' || argv[0] === 'version') {
    process.stdout.write(`${config.userAgent}\n`)
    return
  }
  if (wantsHelp(argv)) return showHelp(config, argv)
  const {id, rest} = findCommand((name) => config.findCommand(name) !== undefined, argv)
  if (id !== null) {
    await config.runCommand(id, rest)
    return
  }
  const words = argv.filter((word) => !word.startsWith('-'))
  if (words.length > 0 && words.every((_, index) => config.findTopic(words.slice(0, index + 1).join(':')))) {
    return showHelp(config, words)
  }
  throw unknownCommand(config, words)
}

/**
 * The short way for our own commands: oclif loads its configuration and every plugin twice for one command, which costs more
 * than the command itself. A command needs of it the name and an empty list of plugins. False: nothing was run.
 */
async function runKnownCommand(root: string, argv: readonly string[]): Promise<boolean> {
  if (wantsHelp(argv)) return false
  const manifest = await readManifest(root)
  const {id, rest} = findCommand((name) => manifest?.commands[name] !== undefined, argv)
  if (id === null) return false
  const module = (await import(new URL(`../commands/${id.replaceAll(':', '/')}.js`, import.meta.url).href)) as {
    default: CommandClass
  }
  const config = new Config({root})
  // The root plugin is asked for hooks before every parse; this program has none.
  Object.assign(config, {root, bin: 'poolctl', name: 'poolctl', rootPlugin: {name: 'poolctl', root, hooks: {}}})
  module.default.id = id
  await new module.default(rest, config).execute()
  return true
}

type CommandClass = {id: string; new (argv: string[], config: Config): {execute(): Promise<unknown>}}

/** Null before the first build: then oclif looks for itself. */
async function readManifest(root: string): Promise<{commands: Record<string, unknown>} | null> {
  try {
    return JSON.parse(await readFile(join(root, 'oclif.manifest.json'), 'utf8')) as {commands: Record<string, unknown>}
  } catch {
    return null
  }
}

async function loadConfig(root: string): Promise<Config> {
  const pjson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Config['pjson']
  return Config.load({root, pjson: {...pjson, oclif: {...pjson.oclif, helpClass: './dist/cli/help.js'}}})
}

function wantsHelp(argv: readonly string[]): boolean {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  return argv.length === 0 || own.includes('--help')
}

async function showHelp(config: Config, argv: string[]): Promise<void> {
  const {default: PoolctlHelp} = await import('./help.js')
  await new PoolctlHelp(config).showHelp(argv.filter((word) => !word.startsWith('-')))
}

/** The longest run of leading words that names a command: `op resume 42` is `op:resume` with `42`. */
function findCommand(
  known: (id: string) => boolean,
  argv: readonly string[],
): {id: string; rest: string[]} | {id: null; rest: null} {
  const firstFlag = argv.findIndex((word) => word.startsWith('-'))
  const words = firstFlag < 0 ? argv : argv.slice(0, firstFlag)
  for (let length = Math.min(words.length, 3); length > 0; length -= 1) {
    const id = words.slice(0, length).join(':')
    if (known(id)) return {id, rest: argv.slice(length)}
  }
  return {id: null, rest: null}
}

function unknownCommand(config: Config, words: readonly string[]): UsageError {
  const typed = words.slice(0, 2).join(' ')
  const known = config.commands.filter((command) => !command.hidden).map((command) => command.id.replaceAll(':', ' '))
  const close = nearest(typed, known) ?? nearest(words[0] ?? '', known)
  return new UsageError({
    code: 'COMMAND_UNKNOWN',
    message:
      words.length === 0 ? 'no command was given' : `unknown command "${close === null ? (words[0] ?? '') : typed}"`,
    hint: close === null ? 'List the commands with: poolctl --help' : `Did you mean: poolctl ${close}`,
  })
}

/** `--no-wait`, and what is left once clients are served: the operation goes on in a process of its own, which outlives this terminal. */
import {spawn, type ChildProcess} from 'node:child_process'
import {openSync, closeSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {fileURLToPath} from 'node:url'
import {lastHolder} from '../journal/summary.js'
import {EXIT} from '../lib/errors.js'
import type {OperationReport} from '../report/operation.js'
import type {PerformBody} from './body.js'
import type {PerformFlags} from './session.js'
import {openJournal, stateDirectory} from './state.js'
import {packageFile} from '../lib/package-file.js'

const RUN = fileURLToPath(packageFile('bin/run.js'))

/** Exit 9, not 0: nothing was observed yet. */
export async function startInBackground(
  operation: string,
  report: OperationReport,
  around: Pick<PerformBody, 'cluster' | 'warnings'>,
  flags: PerformFlags,
): Promise<PerformBody> {
  const log = await goOnInBackground(operation, flags)
  return {
    ...around,
    data: {...report, operation, outcome: 'unknown'},
    exitCode: EXIT.unknown,
    error: {
      code: 'NOT_WAITED_FOR',
      message: `${operation} goes on in the background`,
      detail: `Its output is in ${log}.`,
      hint: `Follow it with: poolctl op watch ${operation}`,
      changed: 'partial',
      resume: null,
    },
  }
}

/**
 * Starts `op resume OPERATION` detached: its record is open and its locks are taken under its id, and a resume from the first step is
 * a run. Returns the file that its output goes to, once it has the record or has ended: who follows it from then on sees it at work.
 */
export async function goOnInBackground(operation: string, flags: PerformFlags): Promise<string> {
  const log = join(stateDirectory(), 'operations', operation, 'output.log')
  const output = openSync(log, 'a', 0o600)
  try {
    const child = spawn(process.execPath, [RUN, 'op', 'resume', operation, '--no-input', ...passedOn(flags)], {
      detached: true,
      stdio: ['ignore', output, output],
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    await takenOver(operation, child)
    child.unref()
  } finally {
    closeSync(output)
  }
  return log
}

const TAKEN_OVER_MS = 30_000

async function takenOver(operation: string, child: ChildProcess): Promise<void> {
  const {journal} = await openJournal()
  const limit = Date.now() + TAKEN_OVER_MS
  while (child.exitCode === null && child.signalCode === null && Date.now() < limit) {
    if (lastHolder(await journal.read(operation))?.pid === child.pid) return
    await sleep(50)
  }
}

/** No value in it is a secret: passwords come from files, in the child as here. */
function passedOn(flags: PerformFlags): string[] {
  return (['timeout', 'host', 'port', 'username'] as const).flatMap((name) => {
    const value = flags[name]
    return value === undefined ? [] : [`--${name}`, value]
  })
}

/**
 * The claim on a record: `holder.N.json` beside it, the highest N counts. Taking over means creating N+1, which only one
 * process can; the highest file is never removed, so that a process that looked too early cannot take a number again.
 */
import {link, readFile, readdir, rename, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {Locked} from '../lib/errors.js'
import type {Holder} from '../ports/journal.js'
import {syncDirectory, writeSynced} from './files.js'
import {processStart, type HolderRecord, type LivenessCheck} from './holder.js'

const HOLDER_FILE = /^holder\.(\d+)\.json$/

export type Claim = {
  /** Throws `Locked` when another process has taken the record over: this one must not write to it again. */
  check(): Promise<void>
  release(): Promise<void>
}

/** The newest holder record of an operation's directory; `number` 0 when it never had one. */
export async function newestHolder(directory: string): Promise<{number: number; record: HolderRecord | null}> {
  const numbers = (await readdir(directory)).flatMap((name) => Number(HOLDER_FILE.exec(name)?.[1] ?? []))
  const number = Math.max(0, ...numbers)
  if (number === 0) return {number, record: null}
  const record = JSON.parse(await readFile(holderFile(directory, number), 'utf8')) as HolderRecord
  return {number, record}
}

export async function takeClaim(
  directory: string,
  operation: string,
  holder: Holder,
  options: {isAlive: LivenessCheck; takeOver: boolean},
): Promise<Claim> {
  const {number, record} = await newestHolder(directory)
  if (record && !record.released) {
    const liveness = await options.isAlive(record)
    if (liveness === 'alive' || (liveness === 'elsewhere' && !options.takeOver))
      throw heldBy(operation, record.holder, liveness)
  }
  const mine: HolderRecord = {holder, processStart: await processStart(holder.pid), released: false}
  if (!(await publish(directory, number + 1, mine))) {
    const winner = await newestHolder(directory)
    throw heldBy(operation, winner.record?.holder ?? holder, 'alive')
  }
  for (let old = number; old > 0 && old > number - 10; old -= 1) await rm(holderFile(directory, old), {force: true})
  return claimOf(directory, operation, number + 1, mine)
}

/** Notes who had a record that came from elsewhere, so that reopening it asks for `takeOver`. */
export async function noteHolder(directory: string, record: HolderRecord): Promise<void> {
  const {number} = await newestHolder(directory)
  await publish(directory, number + 1, record)
}

function claimOf(directory: string, operation: string, number: number, mine: HolderRecord): Claim {
  return {
    async check() {
      const newest = await newestHolder(directory)
      if (newest.number !== number) throw heldBy(operation, newest.record?.holder ?? mine.holder, 'alive')
    },
    async release() {
      const temporary = await temporaryFile(directory, {...mine, released: true})
      await rename(temporary, holderFile(directory, number))
      await syncDirectory(directory)
    },
  }
}

/** Creates the holder file of that number with its whole content at once; false when it exists. */
async function publish(directory: string, number: number, record: HolderRecord): Promise<boolean> {
  const temporary = await temporaryFile(directory, record)
  try {
    await link(temporary, holderFile(directory, number))
    await syncDirectory(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, {force: true})
  }
}

async function temporaryFile(directory: string, record: HolderRecord): Promise<string> {
  const path = join(directory, `.holder-${process.pid}-${Math.random().toString(16).slice(2)}`)
  await writeSynced(path, `${JSON.stringify(record)}\n`)
  return path
}

function holderFile(directory: string, number: number): string {
  return join(directory, `holder.${number}.json`)
}

function heldBy(operation: string, holder: Holder, liveness: 'alive' | 'elsewhere'): Locked {
  const who = `${holder.user}@${holder.host}, pid ${holder.pid}, since ${holder.since}`
  return new Locked({
    code: 'OPERATION_HELD',
    message: `operation ${operation} is held by ${who}`,
    detail:
      liveness === 'alive'
        ? 'That process is running.'
        : `Whether that process still runs can only be seen on ${holder.host}.`,
    hint:
      liveness === 'alive'
        ? `watch it: poolctl op watch ${operation}`
        : `when you know that it is gone: poolctl op unlock ${operation}, then poolctl op resume ${operation}`,
  })
}

/**
 * Who has a record, and whether that process still lives. Judged by proof (boot id, pid, start time of the process), never
 * by age: a suspended laptop keeps its record.
 */
import {readFile} from 'node:fs/promises'
import {hostname, userInfo} from 'node:os'
import type {Holder} from '../ports/journal.js'

export type Liveness =
  | 'alive'
  /** Proved: another boot of this host, no such process, or another process under that number. */
  | 'dead'
  /** On another machine, where nothing can be proved from here. */
  | 'elsewhere'

/** `processStart` is field 22 of /proc/PID/stat, in clock ticks since boot; null when it was not known. */
export type HolderRecord = {holder: Holder; processStart: string | null; released: boolean}

export type LivenessCheck = (record: HolderRecord) => Promise<Liveness>

/** This process as a holder. */
export async function thisHolder(now: Date): Promise<Holder> {
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim()
  return {user: userInfo().username, host: hostname(), pid: process.pid, bootId, since: now.toISOString()}
}

/** Null when there is no such process, or no /proc. */
export async function processStart(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  // The command name, field 2, may hold spaces and parentheses: count from the last one (proc(5)).
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields?.[19] ?? null
}

/** Judges holders from where `here` runs. */
export function livenessFrom(here: Holder): LivenessCheck {
  return async ({holder, processStart: recorded}) => {
    if (holder.host !== here.host) return 'elsewhere'
    if (holder.bootId !== here.bootId) return 'dead'
    const current = await processStart(holder.pid)
    if (current === null) return 'dead'
    // Without a recorded start time a process of that number may or may not be it; believing it dead could run two.
    return recorded === null || recorded === current ? 'alive' : 'dead'
  }
}

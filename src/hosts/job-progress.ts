/** What job-state.sh printed, as a JobState. */
import type {JobState} from '../ports/host.js'
import {nulPairs} from './fields.js'
import {tail} from './machine.js'

const STDERR_LINES = 20

export function jobStateFrom(output: Buffer): JobState {
  const pairs = nulPairs(output)
  const one = (key: string): string | null => pairs.get(key)?.[0] ?? null
  const state = one('state')
  const stderrTail = tail(lastParts(one('stderr') ?? ''), STDERR_LINES)
  const outputs = pairs.get('out') ?? []
  const status = /^\d+$/.exec(one('status')?.trim() ?? '')
  if (state === 'ended' && status)
    return {state, exitStatus: Number(status[0]), wireBytes: wireBytes(outputs), stderrTail}
  // One that could not write how it ended is as good as killed.
  if (state === 'ended' || state === 'lost') return {state: 'lost', stderrTail}
  if (state !== 'running') return {state: 'absent'}
  const lastLine = one('phase')?.trim() ?? ''
  // rsync tells its wire bytes only at its end: a sum over some workers would look like all.
  return {state, ...progress(one('total'), outputs, stderrTail), wireBytes: null, lastLine}
}

function progress(
  total: string | null,
  outputs: readonly string[],
  stderr: string,
): {bytesDone: number | null; bytesTotal: number | null} {
  if (total !== null) return {bytesDone: sum(outputs.map(transferred)), bytesTotal: Number(total)}
  const rewind = rewindProgress(stderr)
  return {bytesDone: rewind?.done ?? null, bytesTotal: rewind?.total ?? null}
}

/** Programs redraw a progress line with carriage returns; only what was drawn last counts. */
function lastParts(text: string): string {
  return text
    .split('\n')
    .map((line) => line.split('\r').filter(Boolean).at(-1) ?? '')
    .join('\n')
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0)
}

/** Bytes of files gone through so far, from `--info=progress2`: `  1,234,567  12%  100.00MB/s  0:00:01`. */
function transferred(output: string): number {
  const ended = /^Total transferred file size: ([\d,]+) bytes/m.exec(output)?.[1]
  const drawn = [...output.matchAll(/([\d,]+)\s+\d+%\s/g)].at(-1)?.[1]
  return Number((ended ?? drawn ?? '0').replaceAll(',', ''))
}

/** From `--stats`; null when a transfer has not ended. */
export function wireBytes(outputs: readonly string[]): number | null {
  if (outputs.length === 0) return null
  const counted = outputs.map((output) => {
    const sent = /^Total bytes sent: ([\d,]+)/m.exec(output)?.[1]
    const received = /^Total bytes received: ([\d,]+)/m.exec(output)?.[1]
    return sent === undefined || received === undefined
      ? null
      : Number(sent.replaceAll(',', '')) + Number(received.replaceAll(',', ''))
  })
  return counted.includes(null) ? null : sum(counted.filter((value) => value !== null))
}

/** `pg_rewind --progress`: `  1234/5678 kB (21%) copied`. */
function rewindProgress(stderr: string): {done: number; total: number} | null {
  const match = /(\d+)\/(\d+) kB \(\d+%\)/.exec(stderr)
  return match ? {done: Number(match[1]) * 1024, total: Number(match[2]) * 1024} : null
}

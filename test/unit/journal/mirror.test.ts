/** Copies on the hosts: waited for before the act, and no reason to stop when a host does not answer. */
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {copyToHosts, mirrored, type RecordHost} from '../../../src/journal/mirror.js'
import {MemoryJournal} from '../../support/fake-journal.js'
import {OPERATION} from './record-bench.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A host that keeps what it was sent; `answer` says when it answers. */
function hostThat(name: string, answer: () => Promise<void>): RecordHost & {got: string[]} {
  const got: string[] = []
  return {
    name,
    got,
    saveRecord: (operation, ndjson) => {
      got.push(`${operation} ${ndjson.split('\n').length - 1}`)
      return answer()
    },
  }
}

type Warning = [host: string, message: string]

function warnings(): {told: Warning[]; warn: (host: string, error: unknown) => void} {
  const told: Warning[] = []
  return {told, warn: (host, error) => void told.push([host, (error as Error).message])}
}

const never = (): Promise<void> => new Promise(() => undefined)
const journal = (): MemoryJournal => new MemoryJournal(OPERATION, () => new Date(0))

describe('a mirrored record', () => {
  test('has an intent on the host before append resolves, after it is on this disk', async () => {
    const own = journal()
    const order: string[] = []
    let arrive = (): void => undefined
    const writer = mirrored(own, (ndjson) => {
      order.push(`sent ${ndjson === own.text ? 'what is on disk' : 'something else'}`)
      return new Promise((resolve) => (arrive = resolve))
    })
    const appended = writer.append({type: 'intent', step: 'a'}).then((entry) => order.push(`appended ${entry.seq}`))
    await vi.advanceTimersByTimeAsync(5000)
    expect(order).toEqual(['sent what is on disk'])
    arrive()
    await appended
    expect(order).toEqual(['sent what is on disk', 'appended 1'])
    expect(writer.entries).toEqual(own.entries)
  })

  test('does not copy what could not be written here', async () => {
    const own = journal()
    own.append = () => Promise.reject(new Error('disk full'))
    const copy = vi.fn(() => Promise.resolve())
    await expect(mirrored(own, copy).append({type: 'intent', step: 'a'})).rejects.toThrow('disk full')
    expect(copy).not.toHaveBeenCalled()
  })
})

describe('copies to several hosts', () => {
  test('survive a host that does not answer: one wait, one warning, and the others get every entry', async () => {
    const dead = hostThat('db1', never)
    const live = hostThat('db2', () => Promise.resolve())
    const {told, warn} = warnings()
    const writer = mirrored(journal(), copyToHosts(OPERATION, [dead, live], warn))
    const ends: string[] = []
    void writer.append({type: 'intent', step: 'a'}).then(() => ends.push('first'))
    await vi.advanceTimersByTimeAsync(9999)
    expect([ends, told]).toEqual([[], []])
    await vi.advanceTimersByTimeAsync(1)
    const warning: Warning = ['db1', 'the copy of the record was not written within 10 s']
    expect([ends, told]).toEqual([['first'], [warning]])
    await writer.append({type: 'intent', step: 'b'})
    await writer.append({type: 'intent', step: 'c'})
    expect(told).toEqual([warning])
    expect(live.got).toEqual([`${OPERATION} 1`, `${OPERATION} 2`, `${OPERATION} 3`])
    // The first copy is still under way: a second one could be overtaken by it.
    expect(dead.got).toEqual([`${OPERATION} 1`])
  })

  test('are sent again to a host that failed, and waited for once one has arrived', async () => {
    const answers: (() => Promise<void>)[] = [() => Promise.reject(new Error('no route to host'))]
    const host = hostThat('db1', () => (answers.shift() ?? (() => Promise.resolve()))())
    const {told, warn} = warnings()
    const writer = mirrored(journal(), copyToHosts(OPERATION, [host], warn))
    await writer.append({type: 'intent', step: 'a'})
    expect(told).toEqual([['db1', 'no route to host']])
    await writer.append({type: 'intent', step: 'b'})
    await vi.advanceTimersByTimeAsync(0)
    answers.push(never)
    const third = writer.append({type: 'intent', step: 'c'}).then(() => 'resolved')
    await vi.advanceTimersByTimeAsync(9999)
    expect(await Promise.race([third, Promise.resolve('waiting')])).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    expect(await third).toBe('resolved')
    expect(host.got).toEqual([`${OPERATION} 1`, `${OPERATION} 2`, `${OPERATION} 3`])
    expect(told).toEqual([['db1', 'no route to host']])
  })
})

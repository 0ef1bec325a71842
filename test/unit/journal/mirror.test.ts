/** Copies on the hosts: never more than a step behind, and no reason to stop when a host does not answer. */
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {copyToHosts, mirrored, stepBeyond, type RecordHost} from '../../../src/journal/mirror.js'
import type {JournalEntry, NewEntry} from '../../../src/ports/journal.js'
import {FAKE_HOLDER, MemoryJournal} from '../../support/fake-journal.js'
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

const intent = (step: string): NewEntry => ({type: 'intent', step})
const result = (step: string, outcome: 'done' | 'already' = 'done'): NewEntry => ({
  type: 'done',
  step,
  outcome,
  because: 'seen',
  seconds: 1,
  result: null,
})

/** A host whose copies arrive when the test says so. */
function slowHost(): RecordHost & {got: string[]; arrive(): void} {
  const answers: (() => void)[] = []
  const host = hostThat('db1', () => new Promise((resolve) => answers.push(resolve)))
  return Object.assign(host, {arrive: () => answers.shift()?.()})
}

describe('a mirrored record', () => {
  test('lets an act begin while its intent is on its way to the host', async () => {
    const host = slowHost()
    const writer = mirrored(journal(), copyToHosts(OPERATION, [host], warnings().warn))
    await writer.append(intent('a'))
    expect({got: host.got, entries: writer.entries.length}).toEqual({got: [`${OPERATION} 1`], entries: 1})
  })

  test('writes no intent before the intent of the step before it is on the host', async () => {
    const host = slowHost()
    const own = journal()
    const writer = mirrored(own, copyToHosts(OPERATION, [host], warnings().warn))
    await writer.append(intent('a'))
    await writer.append(result('a'))
    const next = writer.append(intent('b'))
    await vi.advanceTimersByTimeAsync(5000)
    expect(own.entries.map(({type}) => type)).toEqual(['intent', 'done'])
    host.arrive()
    await next
    expect(own.entries.map(({type}) => type)).toEqual(['intent', 'done', 'intent'])
    // The result of `a` goes with the intent of `b`.
    expect(host.got).toEqual([`${OPERATION} 1`, `${OPERATION} 3`])
  })

  test.each<[string, NewEntry[]]>([
    ['an undo', [{type: 'undoing', step: 'a'}]],
    ['a failure', [{type: 'failed', step: 'a', code: 'X', message: 'x', unknown: false}]],
    ['the intent after a step that was so already', [result('a', 'already'), intent('b')]],
  ])('waits for the host before %s', async (_, entries) => {
    const host = slowHost()
    const writer = mirrored(journal(), copyToHosts(OPERATION, [host], warnings().warn))
    const last = entries.reduce(
      (before, entry) => before.then(() => writer.append(entry)).then(() => undefined),
      Promise.resolve<undefined>(undefined),
    )
    const state = last.then(() => 'written')
    await vi.advanceTimersByTimeAsync(5000)
    expect(await Promise.race([state, Promise.resolve('waiting')])).toBe('waiting')
    // One for what stands before the entry, where that is waited for, and one for the entry.
    host.arrive()
    await vi.advanceTimersByTimeAsync(0)
    host.arrive()
    await vi.advanceTimersByTimeAsync(0)
    expect(await Promise.race([state, Promise.resolve('waiting')])).toBe('written')
  })

  test('is on the host to its last entry when it is let go', async () => {
    const host = slowHost()
    const writer = mirrored(journal(), copyToHosts(OPERATION, [host], warnings().warn))
    await writer.append(intent('a'))
    await writer.append(result('a'))
    const released = writer.release()
    host.arrive()
    await vi.advanceTimersByTimeAsync(0)
    host.arrive()
    await released
    expect(host.got).toEqual([`${OPERATION} 1`, `${OPERATION} 2`])
  })

  test('does not copy what could not be written here', async () => {
    const own = journal()
    own.append = () => Promise.reject(new Error('disk full'))
    const host = hostThat('db1', () => Promise.resolve())
    const writer = mirrored(own, copyToHosts(OPERATION, [host], warnings().warn))
    await expect(writer.append(intent('a'))).rejects.toThrow('disk full')
    expect(host.got).toEqual([])
  })
})

describe('a record taken up from a copy', () => {
  const opened = {
    type: 'opened',
    operation: OPERATION,
    verb: 'recovery',
    cluster: 'shop',
    clusterFile: '',
    plan: {steps: [{id: 'a'}, {id: 'b'}]},
    holder: FAKE_HOLDER,
  } as const
  test.each<[string, NewEntry[], string | null]>([
    ['the first step', [opened], 'a'],
    ['the next step', [opened, intent('a')], 'b'],
    ['the next step', [opened, intent('a'), result('a')], 'b'],
    ['nothing after the last step', [opened, intent('b')], null],
    ['nothing during an undo', [opened, intent('a'), {type: 'undoing', step: 'a'}], null],
    ['nothing without a plan', [], null],
  ])('takes for begun %s', (_, entries, step) => {
    const numbered = entries.map((entry, index) => ({seq: index + 1, at: '2026-11-25T16:42:10.000Z', ...entry}))
    expect(stepBeyond(numbered as JournalEntry[])).toBe(step)
  })
})

describe('copies to several hosts', () => {
  test('survive a host that does not answer: one wait, one warning, and the others get every entry', async () => {
    const dead = hostThat('db1', never)
    const live = hostThat('db2', () => Promise.resolve())
    const {told, warn} = warnings()
    const writer = mirrored(journal(), copyToHosts(OPERATION, [dead, live], warn))
    const ends: string[] = []
    await writer.append(intent('a'))
    void writer.append(intent('b')).then(() => ends.push('second'))
    await vi.advanceTimersByTimeAsync(9999)
    expect([ends, told]).toEqual([[], []])
    await vi.advanceTimersByTimeAsync(1)
    const warning: Warning = ['db1', 'the copy of the record was not written within 10 s']
    expect([ends, told]).toEqual([['second'], [warning]])
    await writer.append(intent('c'))
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
    await writer.append(intent('a'))
    await vi.advanceTimersByTimeAsync(0)
    expect(told).toEqual([['db1', 'no route to host']])
    await writer.append(intent('b'))
    await vi.advanceTimersByTimeAsync(0)
    answers.push(never)
    await writer.append(intent('c'))
    const fourth = writer.append(intent('d')).then(() => 'resolved')
    await vi.advanceTimersByTimeAsync(9999)
    expect(await Promise.race([fourth, Promise.resolve('waiting')])).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    expect(await fourth).toBe('resolved')
    expect(host.got).toEqual([`${OPERATION} 1`, `${OPERATION} 2`, `${OPERATION} 3`])
    expect(told).toEqual([['db1', 'no route to host']])
  })
})

import {describe, expect, test} from 'vitest'
import {checkOperationId, newOperationId} from '../../../src/journal/operation-id.js'
import {UsageError} from '../../../src/lib/errors.js'
import {journalOf, refusal, stateDirectory} from './record-bench.js'

const at = (text: string): Date => new Date(text)

describe('an operation id', () => {
  test('names the verb, the UTC second and four hexadecimal digits', () => {
    const id = newOperationId('recovery', at('2026-11-25T17:42:10.999+01:00'), () => 0xf3a)
    expect(id).toBe('recovery-20261125-164210-0f3a')
  })

  test('sorts by time within a verb, over the turn of a year and of a digit', () => {
    const times = ['2026-09-30T09:59:59Z', '2026-09-30T10:00:00Z', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z']
    const ids = times.map((time, index) => newOperationId('promote', at(time), () => 0xffff - index))
    expect(ids.toSorted()).toEqual(ids)
  })

  test('is different for two operations of the same second', () => {
    const ids = Array.from({length: 20}, () => newOperationId('promote', at('2026-11-25T16:42:10Z')))
    expect(new Set(ids).size).toBeGreaterThan(15)
  })

  test.each(['recovery', 'Pool Fence', 'op/../x', 'node-info'])('of the verb %j passes its own check', (verb) => {
    const id = newOperationId(verb, at('2026-11-25T16:42:10Z'))
    expect(checkOperationId(id)).toBe(id)
  })

  test.each(['', '..', '../x', 'a/b', 'a b', 'A', '-a', '1', '.a', 'a\n', 'a$(id)', "a'", 'é', `a${'b'.repeat(80)}`])(
    'is refused as %j, because it becomes part of paths',
    (text) => {
      expect(() => checkOperationId(text)).toThrow(UsageError)
      expect(() => checkOperationId(text)).toThrow(`"${text}" is not the id of an operation`)
    },
  )

  test('is checked by every way into the records', async () => {
    const journal = journalOf(await stateDirectory())
    const ways = [
      journal.create('../x'),
      journal.read('../x'),
      journal.reopen('../x', {takeOver: true}),
      journal.adopt('../x', ''),
    ]
    const codes = await Promise.all(ways.map(async (way) => (await refusal(way)).code))
    expect(codes).toEqual(Array.from({length: 4}, () => 'OPERATION_ID_INVALID'))
  })
})

import {describe, expect, test} from 'vitest'
import {bench} from './step-bench.js'

/** A primary whose answers come one after another; the last one stays. */
function drain(answers: string[][], limitMs: number) {
  let asked = 0
  const openTransactions = (): Promise<string[]> => {
    const answer = answers[Math.min(asked, answers.length - 1)] ?? []
    asked += 1
    return Promise.resolve(answer)
  }
  return bench('drain-clients', {on: 0, limitMs}, {ports: {postgres: {0: {openTransactions}}}})
}

describe('letting open transactions end', () => {
  test('takes no time where none is open', async () => {
    expect(await drain([[]], 10_000).act()).toEqual({open: 0, cutOff: 0, waitedSeconds: 0})
  })

  test('waits for those that were open at its start, and not for later ones', async () => {
    const {act, told} = drain([['7 1', '8 1'], ['7 1', '8 1'], ['8 1', '9 2'], ['9 2']], 10_000)
    expect(await act()).toEqual({open: 2, cutOff: 0, waitedSeconds: 0.4})
    expect(told).toEqual(['2 of 2 transactions are still open', '1 of 2 transactions are still open'])
  })

  test('goes on when its time is up, and says how many are cut off', async () => {
    expect(await drain([['7 1']], 1000).act()).toEqual({open: 1, cutOff: 1, waitedSeconds: 1})
  })
})

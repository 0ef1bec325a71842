import {expect, test} from 'vitest'
import type {EngineEvent} from '../../../src/engine/events.js'
import {lineProgress} from '../../../src/output/progress.js'

const about = {operation: 'attach-1', sequence: 1, at: '2026-11-25T16:42:10Z'}

test('off a terminal: one line a change, and a sign of life no more often than every 30 s', async () => {
  let now = 0
  const lines: string[] = []
  const progress = lineProgress({say: (text) => lines.push(text)}, () => now)
  const at = (ms: number, event: Parameters<typeof progress.sink>[0] extends infer E ? E : never): void => {
    now = ms
    progress.sink(event)
  }
  const seen = (observation: string): EngineEvent => ({
    ...about,
    type: 'step.progress',
    step: 'attach-node',
    observation,
  })
  const steps = [{id: 'attach-node', title: 'Attach node 1', host: null}]
  at(0, {...about, type: 'op.started', verb: 'attach', cluster: 'shop', steps, resumed: false})
  at(500, {...about, type: 'step.started', step: 'attach-node', title: 'Attach node 1', host: 'db1', undoing: false})
  at(1000, seen('pgpool says down'))
  at(20_000, seen('pgpool says down'))
  at(31_000, seen('pgpool\u001b[2J says down'))
  at(40_000, seen('pgpool says down'))
  at(62_000, {
    ...about,
    type: 'step.done',
    step: 'attach-node',
    seconds: 61.5,
    outcome: 'done',
    because: 'pgpool says up',
  })
  at(62_100, {...about, type: 'op.done', outcome: 'completed', exitCode: 0})
  await progress.end()
  expect(lines).toEqual([
    '[0:00] running attach attach-1, 1 steps',
    '[0:00] begin: Attach node 1 (db1)',
    '[0:31] still: Attach node 1, pgpool\\x1b[2J says down',
    '[1:02] done: attach-node in 61.5 s, pgpool says up',
    '[1:02] completed, exit code 0',
  ])
})

test('a promise is shown before each step, when it changes, and as a sign of life', async () => {
  let now = 0
  const lines: string[] = []
  const progress = lineProgress({say: (text) => lines.push(text)}, () => now)
  const at = (ms: number, event: EngineEvent): void => {
    now = ms
    progress.sink(event)
  }
  const begin = (step: string): EngineEvent => ({
    ...about,
    ...{type: 'step.started', step, title: step, host: null, undoing: false},
  })
  const asked = (step: string, verdict: 'go' | 'hold', gone: number): EngineEvent => ({
    ...about,
    ...{type: 'deadline', step, verdict, observation: `${verdict}: ${gone} s gone`},
  })
  at(0, begin('stop-primary'))
  at(0, asked('stop-primary', 'go', 0))
  at(5000, asked('stop-primary', 'go', 5))
  at(6000, begin('pg-upgrade'))
  at(6000, asked('pg-upgrade', 'go', 6))
  at(11_000, asked('pg-upgrade', 'go', 11))
  at(36_000, asked('pg-upgrade', 'go', 36))
  at(41_000, asked('pg-upgrade', 'hold', 41))
  await progress.end()
  expect(lines).toEqual([
    '[0:00] begin: stop-primary',
    '[0:00] go: 0 s gone',
    '[0:06] begin: pg-upgrade',
    '[0:06] go: 6 s gone',
    '[0:36] go: 36 s gone',
    '[0:41] hold: 41 s gone',
  ])
})

/** What the first Ctrl-C does to a step: waited for when it must end, broken off and made safe when it can be tried again. */
import {afterEach, expect, test} from 'vitest'
import {handleInterrupts, type InterruptHandling} from '../../../src/cli/interrupt.js'
import type {Plan} from '../../../src/engine/plan.js'
import {runPlan} from '../../../src/engine/run.js'
import type {RunResult} from '../../../src/engine/setup.js'
import type {StepCode} from '../../../src/engine/step.js'
import {plainClock} from '../../support/fake-clock.js'
import {MemoryJournal} from '../../support/fake-journal.js'

let handling: InterruptHandling
afterEach(() => handling.dispose())

const PLAN: Plan = {
  schema: 'poolctl.plan/v1',
  verb: 'recovery',
  cluster: 'shop',
  createdAt: '2026-11-25T16:42:10Z',
  toolVersion: '0.1.0',
  fingerprint: 'sha256:0',
  request: {},
  reasons: {},
  steps: ['long', 'next'].map((id) => ({
    id,
    kind: id,
    host: null,
    title: id,
    input: {},
    undo: null,
    irreversible: false,
    holdsUntil: null,
  })),
  locks: [],
}

const next: StepCode<null> = {
  probe: () => Promise.resolve({state: 'pending', because: 'not yet'}),
  act: () => Promise.resolve(undefined),
  verify: () => Promise.resolve({state: 'done', because: 'so'}),
}

/** Ctrl-C comes while the first step acts; `log` is what the step was asked to do. */
async function interrupted(
  act: StepCode<null>['act'],
  log: string[],
  makeSafe?: () => Promise<void>,
): Promise<{result: RunResult; said: string[]; journal: string[]}> {
  const said: string[] = []
  const clock = plainClock()
  const journal = new MemoryJournal('recovery-1', () => clock.now())
  handling = handleInterrupts('recovery-1', (text) => said.push(text))
  const long: StepCode<null> = {
    ...next,
    async act(context) {
      log.push('act')
      process.emit('SIGINT')
      return act(context)
    },
    ...(makeSafe === undefined ? {} : {makeSafe}),
  }
  const result = await runPlan<null>({
    plan: PLAN,
    catalog: new Map([
      ['long', long],
      ['next', next],
    ]),
    world: null,
    journal,
    clock,
    sink: () => undefined,
    stepTimeoutMs: 60_000,
    interrupts: handling.interrupts,
    onFailure: 'rollback',
  })
  return {result, said, journal: journal.entries.map((entry) => `${entry.type} ${'step' in entry ? entry.step : ''}`)}
}

/** Never ends by itself. */
const copying: StepCode<null>['act'] = async ({signal}) => {
  for (;;) {
    signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a step that can be broken off is, is made safe, and stays begun for a resume', async () => {
  const log: string[] = []
  const {result, said, journal} = await interrupted(copying, log, () => {
    log.push('made safe')
    return Promise.resolve()
  })
  expect(log).toEqual(['act', 'made safe'])
  expect(result.outcome).toEqual({kind: 'interrupted', signal: 'SIGINT', before: 'long'})
  expect(journal).toEqual(['intent long'])
  expect(said).toEqual([
    'SIGINT: stopping once the current step has ended; a copy or a wait is broken off. Once more to leave at once (operation recovery-1)',
  ])
})

test('making safe that fails does not hide that the operation was interrupted', async () => {
  const {result, journal} = await interrupted(copying, [], () => Promise.reject(new Error('host out of reach')))
  expect(result.outcome).toEqual({kind: 'interrupted', signal: 'SIGINT', before: 'long'})
  expect(journal).toEqual(['intent long'])
})

test('a step that fails by itself at that moment has failed, and is rolled back', async () => {
  const {result} = await interrupted(
    () => Promise.reject(new Error('disk full')),
    [],
    () => Promise.resolve(),
  )
  expect(result.outcome).toMatchObject({kind: 'rolled-back', failure: {step: 'long', message: 'disk full'}})
})

test('any other step is waited for, and the next is not begun', async () => {
  const {result, journal} = await interrupted(({signal}) => {
    signal.throwIfAborted()
    return Promise.resolve(undefined)
  }, [])
  expect(result.outcome).toEqual({kind: 'interrupted', signal: 'SIGINT', before: 'next'})
  expect(journal).toEqual(['intent long', 'done long'])
})

import {describe, expect, it} from 'vitest'
import {crashing, parseCrashPlace} from '../../../src/cli/crash-point.js'
import type {Plan, PlannedStep} from '../../../src/engine/plan.js'
import type {StepCode, StepContext} from '../../../src/engine/step.js'
import {UsageError} from '../../../src/lib/errors.js'

const step = (id: string): PlannedStep => ({
  id,
  kind: 'attach-node',
  host: null,
  title: id,
  input: {node: 1},
  undo: null,
  irreversible: false,
  holdsUntil: null,
})

const plan: Plan = {
  schema: 'poolctl.plan/v1',
  verb: 'promote',
  cluster: 'shop',
  createdAt: '2026-11-25T16:42:10.000Z',
  toolVersion: '0.1.0',
  fingerprint: '',
  request: {},
  reasons: {},
  steps: [step('attach-0'), step('attach-1')],
  locks: [],
}

type Act = StepCode<null>['act']

function codeWith(act: Act): StepCode<null> {
  const seen = () => Promise.resolve({state: 'pending', because: 'not yet'} as const)
  return {probe: seen, act, verify: seen}
}

function contextOf(id: string): StepContext<null> {
  const planned = plan.steps.find((candidate) => candidate.id === id)
  if (!planned) throw new Error(`no step ${id}`)
  return {
    world: null,
    operation: 'promote-1',
    input: planned.input,
    result: () => ({}),
    begun: () => false,
    held: new Map(),
    observe: () => undefined,
    signal: new AbortController().signal,
  }
}

/** Starts the act of a step under `text` and returns what happened, in order, once the process would be dead. */
async function die(text: string, id: string, act: (log: string[], context: StepContext<null>) => Promise<void>) {
  const log: string[] = []
  const died = new Promise<string>((resolve) => {
    const code = codeWith(async (context) => {
      await act(log, context)
      return {}
    })
    const {catalog} = crashing({plan, catalog: new Map([['attach-node', code]])}, text, () => {
      log.push('killed')
      resolve('killed')
    })
    void catalog
      .get('attach-node')
      ?.act(contextOf(id))
      .then(() => resolve('returned'))
  })
  return {end: await died, log}
}

describe('crashing on request', () => {
  it('leaves the run as it is when nothing is asked for', () => {
    const catalog = new Map([['attach-node', codeWith(() => Promise.resolve({}))]])
    expect(crashing({plan, catalog}, undefined)).toEqual({catalog})
    expect(crashing({plan, catalog}, '')).toEqual({catalog})
  })

  it('reads a point and a step, and a time for the inside of an act', () => {
    expect(parseCrashPlace('after-act:copy-data')).toEqual({point: 'after-act', step: 'copy-data', afterMs: null})
    expect(parseCrashPlace('during-act:copy-data')).toEqual({point: 'during-act', step: 'copy-data', afterMs: null})
    expect(parseCrashPlace('during-act:copy-data:250')).toEqual({point: 'during-act', step: 'copy-data', afterMs: 250})
  })

  it.each(['copy-data', 'in-act:copy-data', 'after-act:', 'after-act:copy-data:250', 'after-act:copy data:x'])(
    'refuses %j, because a crash that does not come proves nothing',
    (text) => {
      expect(() => parseCrashPlace(text)).toThrow(UsageError)
    },
  )

  it('dies at its point of its step and at no other', async () => {
    const deaths: string[] = []
    const {crash} = crashing({plan, catalog: new Map()}, 'after-act:attach-1', () => deaths.push('killed'))
    await crash?.('after-act', 'attach-0')
    await crash?.('after-done', 'attach-1')
    expect(deaths).toEqual([])
    const end = crash?.('after-act', 'attach-1')
    expect(deaths).toEqual(['killed'])
    const first = await Promise.race([end, new Promise((resolve) => setImmediate(resolve, 'still waiting'))])
    expect(first).toBe('still waiting')
  })

  it('dies at what the act first observes', async () => {
    const {end, log} = await die('during-act:attach-1', 'attach-1', (seen, context) => {
      seen.push('sent')
      context.observe('waiting')
      return new Promise(() => undefined)
    })
    expect({end, log}).toEqual({end: 'killed', log: ['sent', 'killed']})
  })

  it('dies after the time that was asked for, whatever is observed before', async () => {
    const {end, log} = await die('during-act:attach-1:20', 'attach-1', (seen, context) => {
      context.observe('waiting')
      seen.push('observed')
      return new Promise(() => undefined)
    })
    expect({end, log}).toEqual({end: 'killed', log: ['observed', 'killed']})
  })

  it('dies with an act that is over before its time', async () => {
    const {end, log} = await die('during-act:attach-1:60000', 'attach-1', (seen) => {
      seen.push('acted')
      return Promise.resolve()
    })
    expect({end, log}).toEqual({end: 'killed', log: ['acted', 'killed']})
  })

  it('lets another step of the same kind live, also with an equal input', async () => {
    const {end, log} = await die('during-act:attach-1', 'attach-0', (seen) => {
      seen.push('acted')
      return Promise.resolve()
    })
    expect({end, log}).toEqual({end: 'returned', log: ['acted']})
  })
})

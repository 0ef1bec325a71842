/** Forward: what is journalled, in which order, and how an operation ends when a step fails or cannot be seen. */
import {describe, expect, test} from 'vitest'
import {ActFailed, AuthenticationRefused, OutcomeUnknown, Refused, Unreachable} from '../../../src/lib/errors.js'
import {
  OPERATION,
  ToyOperation,
  closed,
  done,
  failed,
  intent,
  plain,
  toggle,
  turnOn,
  undoing,
  undone,
  type ToyCode,
} from './toy.js'

const boom = new ActFailed({code: 'BOOM', message: 'boom', detail: 'It said boom.', hint: 'look at it.'})
const lost = new OutcomeUnknown({code: 'REPLY_LOST', message: 'no answer came'})
const throwing = (error: Error) => (): Promise<never> => Promise.reject(error)

const failingAt = (change: Partial<ToyCode>): ToyOperation =>
  new ToyOperation({a: {code: toggle('a')}, b: {code: toggle('b', change)}, c: {code: toggle('c')}})

describe('a plan that runs through', () => {
  test('has each intent on record before its act, each proof after it, and is closed', async () => {
    const seen: string[] = []
    const op = new ToyOperation({
      a: {
        code: toggle('a', {
          act: ({world}) => {
            turnOn(world, 'a')
            return Promise.resolve({slot: 's1'})
          },
        }),
      },
      b: {
        host: 'db1',
        code: toggle('b', {
          act: (context) => {
            const {world, input, operation} = context
            seen.push(
              JSON.stringify({
                input,
                operation,
                a: context.result('a'),
                begun: ['a', 'b', 'c'].map((id) => context.begun(id)),
              }),
            )
            context.observe('12 MB behind')
            world.clock.advance(1500)
            turnOn(world, 'b')
            return Promise.resolve(undefined)
          },
        }),
        input: {node: 2},
      },
    })
    const result = await op.go('run')
    expect(op.journal).toEqual([
      intent('a'),
      done('a', {result: {slot: 's1'}}),
      intent('b'),
      done('b', {seconds: 1.5}),
      closed('completed', 0),
    ])
    expect(op.world.calls).toEqual(['act a', 'verify a', 'act b', 'verify b'])
    expect(seen).toEqual([
      JSON.stringify({input: {node: 2}, operation: OPERATION, a: {slot: 's1'}, begun: [true, true, false]}),
    ])
    const report = {outcome: 'done', host: null}
    expect(result).toEqual({
      outcome: {kind: 'completed'},
      steps: [
        {...report, id: 'a', kind: 'a', title: 'turn a on', seconds: 0, because: 'a is on'},
        {...report, id: 'b', kind: 'b', title: 'turn b on', seconds: 1.5, because: 'b is on', host: 'db1'},
      ],
      results: new Map([['a', {slot: 's1'}]]),
      seconds: 1.5,
    })
  })

  test('tells what it does in numbered events', async () => {
    const op = new ToyOperation({a: {code: toggle('a')}})
    await op.go('run')
    const at = '2026-11-25T16:42:10.000Z'
    const head = (sequence: number): object => ({operation: OPERATION, sequence, at})
    const steps = [{id: 'a', title: 'turn a on', host: null}]
    expect(op.events).toEqual([
      {...head(1), type: 'op.started', verb: 'toy', cluster: 'shop', steps, resumed: false},
      {...head(2), type: 'step.started', step: 'a', title: 'turn a on', host: null, undoing: false},
      {...head(3), type: 'step.done', step: 'a', seconds: 0, outcome: 'done', because: 'a is on'},
      {...head(4), type: 'op.done', outcome: 'completed', exitCode: 0},
    ])
  })

  test('does not act where it is so already, and has no intent to undo', async () => {
    const op = failingAt({act: throwing(boom)})
    op.world.on = ['a']
    expect((await op.go('run')).outcome.kind).toBe('rolled-back')
    expect(op.journal).toEqual([
      done('a', {outcome: 'already'}),
      intent('b'),
      failed('b', 'BOOM', 'boom'),
      undoing('b'),
      undone('b'),
      closed('rolled-back', 7),
    ])
    expect(op.world).toMatchObject({calls: ['act b', 'undo b'], on: ['a']})
  })

  test('needs code for every kind of step before the first one runs', async () => {
    const op = new ToyOperation({a: {code: toggle('a')}, b: {code: toggle('b'), kind: 'of-a-later-version'}})
    await expect(op.go('run')).rejects.toMatchObject({
      code: 'PLAN_STEP_UNKNOWN',
      exitCode: 6,
      message: 'this version of poolctl does not know the step kind "of-a-later-version" of step "b"',
    })
    expect(op.world.calls).toEqual([])
  })
})

describe('a step that fails', () => {
  test('has everything that was begun undone, last first, and says why in its own words', async () => {
    const op = failingAt({act: throwing(boom)})
    const result = await op.go('run')
    expect(op.journal).toEqual([
      intent('a'),
      done('a'),
      intent('b'),
      failed('b', 'BOOM', 'boom'),
      undoing('b'),
      undone('b'),
      undoing('a'),
      undone('a'),
      closed('rolled-back', 7),
    ])
    expect(plain(result)).toEqual({
      kind: 'rolled-back',
      failure: {
        code: 'BOOM',
        message: 'boom',
        detail: 'It said boom.',
        hint: `look at it; what was done and undone: poolctl op show ${OPERATION}`,
        step: 'b',
        exitCode: 7,
        changed: 'none',
        resume: undefined,
      },
    })
    expect(result.steps.map(({id, outcome}) => [id, outcome])).toEqual([
      ['a', 'undone'],
      ['b', 'undone'],
      ['c', 'not-run'],
    ])
    expect(op.world.on).toEqual([])
  })

  test('reported success without effect, is not believed', async () => {
    const op = failingAt({act: () => Promise.resolve(undefined)})
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'rolled-back',
      failure: {
        code: 'STEP_WITHOUT_EFFECT',
        message: 'step "b" reported success, but it is not so',
        detail: 'b is off',
      },
    })
  })

  test('with an undo that fails is incomplete; the other undos still run, and a rollback can be tried again', async () => {
    const op = failingAt({act: throwing(boom), undo: throwing(new Error('no answer from db1'))})
    const result = await op.go('run')
    const head = [intent('a'), done('a'), intent('b'), failed('b', 'BOOM', 'boom')]
    expect(op.journal).toEqual([
      ...head,
      undoing('b'),
      {type: 'undo-failed', step: 'b', message: 'no answer from db1'},
      undoing('a'),
      undone('a'),
      closed('incomplete', 8),
    ])
    expect(plain(result)).toMatchObject({
      kind: 'incomplete',
      undoFailures: [{step: 'b', message: 'no answer from db1'}],
      failure: {
        code: 'BOOM',
        exitCode: 8,
        changed: 'partial',
        hint: `look at it; to try going back again: poolctl op rollback ${OPERATION}`,
      },
    })
    op.mend('b', toggle('b'))
    expect(plain(await op.go('rollback'))).toMatchObject({kind: 'rolled-back', failure: {code: 'BOOM', step: 'b'}})
    // What was undone is not undone twice.
    expect(op.world.calls).toEqual(['undo b'])
  })

  test('is left as it is when that was asked for', async () => {
    const op = failingAt({act: throwing(boom)})
    expect(plain(await op.go('run', {onFailure: 'leave'}))).toMatchObject({
      kind: 'incomplete',
      undoFailures: [],
      failure: {
        hint: `look at it; to go on: poolctl op resume ${OPERATION}; to go back: poolctl op rollback ${OPERATION}`,
        resume: `poolctl op resume ${OPERATION}`,
      },
    })
    expect(op.journal).toEqual([intent('a'), done('a'), intent('b'), failed('b', 'BOOM', 'boom')])
    expect(op.world.on).toEqual(['a'])
  })

  test.each([
    ['a refusal', new Refused({code: 'NO', message: 'no'}), false, 6],
    ['a server out of reach', new Unreachable({code: 'GONE', message: 'gone'}), true, 5],
    ['a login refused', new AuthenticationRefused({code: 'WHO', message: 'who'}), true, 4],
    // Nothing was sent, so nothing can be going on or half done.
    ['an answer lost', new OutcomeUnknown({code: 'LOST', message: 'lost'}), true, 7],
    ['a failed look', new ActFailed({code: 'LOOK', message: 'look'}), false, 7],
    ['a bug', new TypeError('x is undefined'), false, 1],
  ] as const)(
    'before anything was begun (%s) keeps its exit code: nothing was changed',
    async (_, error, unknown, exit) => {
      const op = new ToyOperation({a: {code: toggle('a', {probe: throwing(error)})}})
      const code = 'code' in error ? error.code : 'UNEXPECTED'
      expect(plain(await op.go('run'))).toMatchObject({
        kind: 'rolled-back',
        failure: {code, message: error.message, exitCode: exit, changed: 'none'},
      })
      expect(op.journal).toEqual([failed('a', code, error.message, unknown), closed('rolled-back', exit)])
      expect(op.world.calls).toEqual([])
    },
  )
})

describe('an act whose answer was lost', () => {
  const acting =
    (id: string): ToyCode['act'] =>
    ({world}) => {
      turnOn(world, id)
      return Promise.reject(lost)
    }

  test('is looked for in the world and not repeated', async () => {
    const op = failingAt({act: acting('b')})
    expect((await op.go('run')).outcome).toEqual({kind: 'completed'})
    expect(op.journal.slice(2, 4)).toEqual([intent('b'), done('b')])
    expect(op.world.calls.filter((call) => call.endsWith('b'))).toEqual(['act b', 'verify b'])
  })

  test('is looked for again while it may still be going on', async () => {
    let looks = 0
    const op = failingAt({
      act: throwing(lost),
      verify: ({world}) => {
        looks += 1
        if (looks === 3) turnOn(world, 'b')
        const on = world.on.includes('b')
        return Promise.resolve(on ? {state: 'done', because: 'b is on'} : {state: 'pending', because: 'b is off'})
      },
    })
    expect((await op.go('run')).outcome).toEqual({kind: 'completed'})
    expect(op.journal.slice(2, 4)).toEqual([intent('b'), done('b', {seconds: 3})])
    const shown = op.events.flatMap((event) => (event.type === 'step.progress' ? [event.observation] : []))
    expect(shown).toEqual(['looking again: b is off', 'looking again: b is off'])
  })

  test('that had no effect after 15 s failed, and is undone', async () => {
    const op = failingAt({act: throwing(lost)})
    expect(plain(await op.go('run'))).toMatchObject({kind: 'rolled-back', failure: {code: 'REPLY_LOST', step: 'b'}})
    expect(op.world.calls.filter((call) => call.endsWith('b'))).toEqual([
      'act b',
      ...Array.from({length: 5}, () => 'verify b'),
      'undo b',
    ])
    expect(op.events.find((event) => event.type === 'step.failed')).toMatchObject({step: 'b', seconds: 15})
  })

  test('and cannot be seen is unknown: nothing is undone, nothing is closed, and a resume looks before it acts', async () => {
    const blind = throwing(new Unreachable({code: 'BLIND', message: 'cannot see b'}))
    const op = failingAt({act: acting('b'), verify: blind})
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'unknown',
      failure: {
        code: 'REPLY_LOST',
        step: 'b',
        exitCode: 9,
        changed: 'partial',
        hint: `to go on: poolctl op resume ${OPERATION}`,
        resume: `poolctl op resume ${OPERATION}`,
      },
    })
    const head = [intent('a'), done('a'), intent('b'), failed('b', 'REPLY_LOST', 'no answer came', true)]
    expect(op.journal).toEqual(head)
    expect(op.world.calls.filter((call) => call.startsWith('undo'))).toEqual([])
    op.mend('b', toggle('b'))
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.world.calls).toEqual(['act c', 'verify c'])
    expect(op.journal.slice(4)).toEqual([
      {type: 'taken-over', holder: expect.anything() as unknown, way: 'resume'},
      done('b', {outcome: 'already'}),
      intent('c'),
      done('c'),
      closed('completed', 0),
    ])
  })
})

describe('what cannot be seen', () => {
  test.each([
    [
      'says so',
      (): ReturnType<ToyCode['probe']> => Promise.resolve({state: 'unknown', because: 'no answer'}),
      'STEP_NOT_OBSERVABLE',
    ],
    ['throws that it is out of reach', throwing(new Unreachable({code: 'GONE', message: 'no answer'})), 'GONE'],
  ] as const)('before the act (%s) stops the operation before its intent', async (_, probe, code) => {
    const op = failingAt({probe})
    expect(plain(await op.go('run'))).toMatchObject({kind: 'unknown', failure: {code, step: 'b', exitCode: 9}})
    expect(op.journal.slice(0, 2)).toEqual([intent('a'), done('a')])
    expect(op.journal.slice(2)).toMatchObject([{type: 'failed', step: 'b', code, unknown: true}])
    expect(op.world.calls).toEqual(['act a', 'verify a'])
  })

  test('after an act that answered is looked at again, then unknown', async () => {
    const verify = (): ReturnType<ToyCode['verify']> => Promise.resolve({state: 'unknown', because: 'no answer'})
    const op = failingAt({verify})
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'unknown',
      failure: {
        code: 'STEP_NOT_OBSERVABLE',
        message: 'step "b" reported success, but that cannot be seen',
        detail: 'no answer',
      },
    })
    expect(op.world.calls.filter((call) => call === 'verify b').length).toBe(5)
    expect(op.world.on).toEqual(['a', 'b'])
  })
})

/** After a crash: where a resume begins, what a rollback undoes, and when it must not. */
import {describe, expect, test} from 'vitest'
import {ActFailed, Unreachable} from '../../../src/lib/errors.js'
import type {StepContext} from '../../../src/engine/step.js'
import {
  OPERATION,
  ToyOperation,
  closed,
  done,
  failed,
  intent,
  plain,
  takenOver,
  toggle,
  turnOn,
  undoing,
  undone,
  type Toy,
  type ToyCode,
} from './toy.js'

const three = (): ToyOperation =>
  new ToyOperation({a: {code: toggle('a')}, b: {code: toggle('b')}, c: {code: toggle('c')}})

describe('a resume', () => {
  test.each([
    ['before-intent b', ['act b', 'verify b', 'act c', 'verify c']],
    ['after-intent b', ['act b', 'verify b', 'act c', 'verify c']],
    // Done and not journalled: only the world knows.
    ['after-act b', ['act c', 'verify c']],
    ['after-done b', ['act c', 'verify c']],
  ])('after a crash %s repeats what the world lacks, and nothing else', async (place, calls) => {
    const op = three()
    await op.die('run', place)
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.world.calls).toEqual(calls)
    expect(op.events[0]).toMatchObject({type: 'op.started', resumed: true})
  })

  test('does not ask again about a step that is journalled as done', async () => {
    const op = three()
    await op.die('run', 'after-done b')
    op.world.on = []
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.world.on).toEqual(['c'])
  })

  test('goes on with an incomplete operation, and again when that fails', async () => {
    const op = three()
    op.mend('b', toggle('b', {act: () => Promise.reject(new ActFailed({code: 'BOOM', message: 'boom'}))}))
    expect((await op.go('run', {onFailure: 'leave'})).outcome.kind).toBe('incomplete')
    expect((await op.go('resume', {onFailure: 'leave'})).outcome.kind).toBe('incomplete')
    op.mend('b', toggle('b'))
    expect((await op.go('resume', {onFailure: 'leave'})).outcome).toEqual({kind: 'completed'})
    expect(op.world.calls).toEqual(['act b', 'verify b', 'act c', 'verify c'])
  })

  test.each([
    ['completed', 'resume', 'cannot resume'],
    ['completed', 'rollback', 'cannot roll back'],
    ['rolled-back', 'resume', 'cannot resume'],
    ['rolled-back', 'rollback', 'cannot roll back'],
  ] as const)('of an operation that is %s is refused, as is a rollback (%s)', async (end, way, words) => {
    const op = three()
    if (end === 'completed') await op.go('run')
    else {
      await op.die('run', 'after-done a')
      await op.go('rollback')
    }
    await expect(op.go(way)).rejects.toMatchObject({
      code: 'OPERATION_CLOSED',
      exitCode: 6,
      message: `${words} ${OPERATION}: it is ${end}`,
    })
    expect(op.world.calls).toEqual([])
  })
})

describe('what a step has left on a machine that did not answer', () => {
  const LEFT = ['proxy2 cannot be asked']
  /** Done, whether or not `far` is on; says what is left while it is off. */
  const near = (): ToyCode =>
    toggle('b', {
      probe: ({world}) =>
        Promise.resolve(
          world.on.includes('b')
            ? {state: 'done', because: 'b is on', result: {left: world.on.includes('far') ? [] : LEFT}}
            : {state: 'pending', because: 'b is off'},
        ),
      act: ({world}) => {
        turnOn(world, 'b')
        return Promise.resolve({left: world.on.includes('far') ? [] : LEFT})
      },
    })
  const withLeft = (): ToyOperation =>
    new ToyOperation({a: {code: toggle('a')}, b: {code: near(), irreversible: true}, c: {code: toggle('c')}})

  test('completes the operation as one with follow-ups, and a resume does that part alone', async () => {
    const op = withLeft()
    const {outcome, results} = await op.go('run')
    expect([outcome, results.get('b'), op.journal.at(-1)]).toEqual([
      {kind: 'completed'},
      {left: LEFT},
      closed('completed', 13),
    ])
    expect(op.events.at(-1)).toMatchObject({type: 'op.done', exitCode: 13})
    const before = op.journal.length
    op.world.on.push('far')
    const resumed = await op.go('resume')
    expect(resumed.outcome).toEqual({kind: 'completed'})
    expect(resumed.steps.map(({id, outcome: end}) => `${id} ${end}`)).toEqual(['a done', 'b already', 'c done'])
    expect(op.journal.slice(before)).toEqual([
      takenOver('resume'),
      done('b', {outcome: 'already', result: {left: []}}),
      closed('completed', 0),
    ])
    await expect(op.go('resume')).rejects.toMatchObject({code: 'OPERATION_CLOSED'})
  })

  test('is left again while the machine is away, and is never rolled back', async () => {
    const op = withLeft()
    await op.go('run')
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.journal.at(-1)).toEqual(closed('completed', 13))
    await expect(op.go('rollback')).rejects.toMatchObject({code: 'OPERATION_CLOSED'})
    expect(op.world.on).toEqual(['a', 'b', 'c'])
  })

  test('is still left when a resume fails at it or dies in it, and nothing else is undone or repeated', async () => {
    const op = withLeft()
    await op.go('run')
    op.mend(
      'b',
      toggle('b', {
        probe: () => Promise.resolve({state: 'pending', because: 'far is off'}),
        act: () => Promise.reject(new ActFailed({code: 'BOOM', message: 'boom'})),
      }),
    )
    const {outcome} = await op.go('resume')
    expect(outcome).toMatchObject({
      kind: 'incomplete',
      failure: {code: 'BOOM', resume: `poolctl op resume ${OPERATION}`},
    })
    await op.die('resume', 'after-intent b')
    expect(op.world.calls).toEqual([])
    op.mend('b', near())
    op.world.on.push('far')
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect([op.world.calls, op.journal.at(-1), op.world.on]).toEqual([
      [],
      closed('completed', 0),
      ['a', 'b', 'c', 'far'],
    ])
  })
})

describe('a step that holds what dies with the process', () => {
  const hold = (onAbandon: () => void = () => undefined): ToyCode => {
    const look = ({held}: StepContext<Toy>): ReturnType<ToyCode['probe']> =>
      Promise.resolve(
        held.has('session') ? {state: 'done', because: 'session is open'} : {state: 'pending', because: 'no session'},
      )
    return toggle('hold', {
      probe: look,
      verify: look,
      act: ({held}) => {
        const abandon = (): Promise<void> => {
          onAbandon()
          return Promise.resolve()
        }
        held.set('session', {abandon})
        return Promise.resolve(undefined)
      },
    })
  }
  const plan = (code = hold()): ToyOperation =>
    new ToyOperation({
      a: {code: toggle('a')},
      hold: {code, holdsUntil: 'copy'},
      work: {code: toggle('work')},
      copy: {code: toggle('copy')},
      b: {code: toggle('b')},
    })
  const held = done('hold', {because: 'session is open'})

  test('is done again on resume while the step that it holds for is open, and what lies between is asked again', async () => {
    const op = plan()
    await op.die('run', 'after-intent copy')
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.world.calls).toEqual(['act hold', 'verify hold', 'act copy', 'verify copy', 'act b', 'verify b'])
    expect(op.journal).toEqual([
      intent('a'),
      done('a'),
      intent('hold'),
      held,
      intent('work'),
      done('work'),
      intent('copy'),
      takenOver('resume'),
      intent('hold'),
      held,
      done('work', {outcome: 'already'}),
      intent('copy'),
      done('copy'),
      intent('b'),
      done('b'),
      closed('completed', 0),
    ])
  })

  test('is not done again once that step is done', async () => {
    const op = plan()
    await op.die('run', 'after-done copy')
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.world.calls).toEqual(['act b', 'verify b'])
  })

  test('still has later steps undone that were begun before it was done again', async () => {
    const op = plan()
    await op.die('run', 'after-act copy')
    await op.die('resume', 'after-done hold')
    expect((await op.go('rollback')).outcome.kind).toBe('rolled-back')
    expect(op.world.calls).toEqual(['undo copy', 'undo work', 'undo hold', 'undo a'])
    expect(op.world.on).toEqual([])
  })

  test.each([
    ['is let go at the end of a process', null, 1],
    ['is not let go by a process that was killed', 'after-act work', 0],
  ])('%s', async (_, place, times) => {
    let abandoned = 0
    const op = plan(hold(() => (abandoned += 1)))
    if (place === null) await op.go('run')
    else await op.die('run', place)
    expect(abandoned).toBe(times)
  })
})

describe('a rollback', () => {
  test('undoes what was begun, last first, and says that it was asked for', async () => {
    const op = three()
    await op.die('run', 'after-intent b')
    expect(plain(await op.go('rollback'))).toEqual({
      kind: 'rolled-back',
      failure: {
        code: 'ROLLED_BACK_ON_REQUEST',
        message: `${OPERATION} was rolled back on request`,
        detail: undefined,
        hint: `what was done and undone: poolctl op show ${OPERATION}`,
        step: 'b',
        exitCode: 7,
        changed: 'none',
        resume: undefined,
      },
    })
    expect(op.journal).toEqual([
      intent('a'),
      done('a'),
      intent('b'),
      takenOver('rollback'),
      undoing('b'),
      undone('b'),
      undoing('a'),
      undone('a'),
      closed('rolled-back', 7),
    ])
  })

  test('repeats an undo that a crash cut off, and none that is journalled', async () => {
    const op = three()
    await op.die('run', 'after-act c')
    await op.die('rollback', 'after-undo b')
    expect((await op.go('rollback')).outcome.kind).toBe('rolled-back')
    expect(op.world.calls).toEqual(['undo b', 'undo a'])
  })
})

describe('past the point of no return', () => {
  const boom = new ActFailed({code: 'BOOM', message: 'boom'})
  const plan = (): ToyOperation =>
    new ToyOperation({
      a: {code: toggle('a')},
      point: {code: toggle('point'), irreversible: true},
      c: {code: toggle('c', {act: () => Promise.reject(boom)})},
    })

  test('a failure is no reason to go back: incomplete, nothing undone, and a resume completes it', async () => {
    const op = plan()
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'incomplete',
      undoFailures: [],
      failure: {code: 'BOOM', hint: `to go on: poolctl op resume ${OPERATION}`, changed: 'partial', exitCode: 8},
    })
    expect(op.journal.slice(-2)).toEqual([failed('c', 'BOOM', 'boom'), closed('incomplete', 8)])
    expect(op.world.on).toEqual(['a', 'point'])
    op.mend('c', toggle('c'))
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
  })

  test.each(['after-act point', 'after-done point', 'after-intent c'])(
    'a rollback is refused after a crash %s, with what was seen and the way on',
    async (place) => {
      const op = plan()
      await op.die('run', place)
      await expect(op.go('rollback')).rejects.toMatchObject({
        code: 'PAST_POINT_OF_NO_RETURN',
        exitCode: 6,
        message: `step "point" of ${OPERATION} is done and cannot be undone`,
        detail: 'point is on',
        changed: 'partial',
        resume: `poolctl op resume ${OPERATION}`,
      })
      expect(op.world).toMatchObject({on: ['a', 'point'], calls: []})
    },
  )

  test('a step that was begun and did not happen is before it', async () => {
    const op = plan()
    await op.die('run', 'after-intent point')
    expect((await op.go('rollback')).outcome.kind).toBe('rolled-back')
    expect(op.world.on).toEqual([])
  })

  test('a step that was begun and cannot be seen is neither: unknown, and nothing is undone', async () => {
    const op = plan()
    await op.die('run', 'after-act point')
    const blind = new Unreachable({code: 'BLIND', message: 'no answer from node 1'})
    op.mend('point', toggle('point', {probe: () => Promise.reject(blind)}))
    expect(plain(await op.go('rollback'))).toMatchObject({
      kind: 'unknown',
      failure: {
        code: 'POINT_OF_NO_RETURN_UNKNOWN',
        message: 'cannot see whether step "point", which cannot be undone, has happened',
        detail: 'no answer from node 1',
        exitCode: 9,
        resume: `poolctl op resume ${OPERATION}`,
      },
    })
    expect(op.world).toMatchObject({on: ['a', 'point'], calls: []})
  })

  test('an irreversible act that failed although it happened is not undone around', async () => {
    const op = new ToyOperation({
      a: {code: toggle('a')},
      point: {
        irreversible: true,
        code: toggle('point', {
          act: ({world}) => {
            turnOn(world, 'point')
            return Promise.reject(boom)
          },
        }),
      },
    })
    expect((await op.go('run')).outcome.kind).toBe('incomplete')
    expect(op.world.on).toEqual(['a', 'point'])
  })
})

/** Time and the operator: deadlines of acts, looks and undos, and what the first and the second Ctrl-C do. */
import {describe, expect, test} from 'vitest'
import {ActFailed} from '../../../src/lib/errors.js'
import type {Interrupts} from '../../../src/engine/run.js'
import {ToyOperation, closed, done, intent, plain, takenOver, toggle, turnOn, type Toy, type ToyCode} from './toy.js'

const HOUR = 3_600_000
const never = (): Promise<never> => new Promise(() => undefined)

/** The engine sets its alarm once the call is under way, so time passes only after that. */
async function work(world: Toy, signal?: AbortSignal): Promise<undefined> {
  await Promise.resolve()
  await world.clock.sleep(HOUR, signal)
  return undefined
}

/** Time passes and nothing answers, deaf to every signal. */
async function deaf({world}: {world: Toy}): Promise<never> {
  await work(world)
  return never()
}

const two = (b: Partial<ToyCode>): ToyOperation => new ToyOperation({a: {code: toggle('a')}, b: {code: toggle('b', b)}})

describe('the deadline of an act', () => {
  test('ends one that listens; without effect it failed and is undone', async () => {
    const op = two({act: ({world, signal}) => work(world, signal)})
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'rolled-back',
      failure: {
        code: 'STEP_DEADLINE',
        message: 'step "b" did not end within 600 s',
        detail: 'Seen afterwards: b is off. the deadline of the step has passed.',
        hint: expect.stringContaining('limits.stepTimeout in the cluster file sets the deadline; ') as string,
        step: 'b',
        exitCode: 7,
      },
    })
    expect(op.world.on).toEqual([])
  })

  test('leaves one that does not listen unknown: it may still act behind our back, so nothing is undone', async () => {
    const op = two({act: deaf})
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'unknown',
      failure: {code: 'STEP_DEADLINE', detail: 'Seen afterwards: b is off.', step: 'b', exitCode: 9},
    })
    expect(op.world.calls).not.toContain('undo b')
    expect(op.world.on).toEqual(['a'])
  })

  test('is no failure when the world shows that it is done', async () => {
    const op = two({
      act: (context) => {
        turnOn(context.world, 'b')
        return deaf(context)
      },
    })
    expect((await op.go('run')).outcome).toEqual({kind: 'completed'})
    expect(op.journal.slice(2)).toEqual([intent('b'), done('b', {seconds: 3605}), closed('completed', 0)])
  })

  test.each([
    [60_000, 'rolled-back'],
    [2 * HOUR, 'completed'],
    [null, 'completed'],
  ])('is its own when it has one (%s ms for an hour of work: %s)', async (deadlineMs, kind) => {
    const op = two({
      deadlineMs,
      act: async ({world, signal}) => {
        await work(world, signal)
        turnOn(world, 'b')
        return undefined
      },
    })
    expect((await op.go('run')).outcome.kind).toBe(kind)
  })

  test('bounds a look, which then saw nothing', async () => {
    const op = two({probe: deaf})
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'unknown',
      failure: {code: 'STEP_NOT_OBSERVABLE', detail: 'no answer within 600 s'},
    })
  })

  test('bounds an undo, which then failed; the next one still runs', async () => {
    const boom = new ActFailed({code: 'BOOM', message: 'boom'})
    const op = two({act: () => Promise.reject(boom), undo: deaf})
    expect(plain(await op.go('run'))).toMatchObject({
      kind: 'incomplete',
      undoFailures: [{step: 'b', message: 'undo did not end within 600 s'}],
    })
    expect(op.world.on).toEqual([])
  })
})

type Hand = {interrupts: Interrupts; first: () => void; second: () => void}

function hand(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Hand {
  const first = new AbortController()
  const second = new AbortController()
  const interrupts: Interrupts = {requested: null, onFirst: first.signal, onSecond: second.signal}
  return {
    interrupts,
    first: () => {
      interrupts.requested = signal
      first.abort(new Error('first Ctrl-C'))
    },
    second: () => second.abort(new Error('second Ctrl-C')),
  }
}

describe('a run that another process is to go on with', () => {
  test('stops between two steps with the record open, exit 13, and a resume does the rest', async () => {
    const interrupts: Interrupts = {requested: null, onSecond: new AbortController().signal}
    const op = new ToyOperation({
      a: {
        code: toggle('a', {
          act: ({world}) => {
            interrupts.requested = 'hand-over'
            turnOn(world, 'a')
            return Promise.resolve(undefined)
          },
        }),
      },
      b: {code: toggle('b')},
    })
    const {outcome} = await op.go('run', {interrupts})
    expect(outcome).toEqual({kind: 'handed-over', before: 'b'})
    expect(op.journal).toEqual([intent('a'), done('a')])
    expect(op.events.at(-1)).toMatchObject({outcome: 'handed-over', exitCode: 13})
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.journal.slice(2)).toEqual([takenOver('resume'), intent('b'), done('b'), closed('completed', 0)])
  })
})

describe('the first Ctrl-C', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '(%s) finishes the step, begins no other, and a resume goes on',
    async (signal) => {
      const {interrupts, first} = hand(signal)
      const op = new ToyOperation({
        a: {
          code: toggle('a', {
            act: ({world}) => {
              first()
              turnOn(world, 'a')
              return Promise.resolve(undefined)
            },
          }),
        },
        b: {code: toggle('b')},
      })
      const {outcome} = await op.go('run', {interrupts})
      expect(outcome).toEqual({kind: 'interrupted', signal, before: 'b'})
      expect(op.journal).toEqual([intent('a'), done('a')])
      expect(op.events.at(-1)).toMatchObject({outcome: 'interrupted', exitCode: signal === 'SIGINT' ? 130 : 143})
      expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
      expect(op.world.calls).toEqual(['act b', 'verify b'])
      expect(op.journal.slice(2)).toEqual([takenOver('resume'), intent('b'), done('b'), closed('completed', 0)])
    },
  )

  test('breaks off a step that can be made safe; its intent stays open, and a resume repeats it', async () => {
    const {interrupts, first} = hand()
    const op = two({
      act: ({world, signal}) => {
        first()
        return work(world, signal)
      },
      makeSafe: () => Promise.resolve(),
    })
    expect((await op.go('run', {interrupts})).outcome).toEqual({kind: 'interrupted', signal: 'SIGINT', before: 'b'})
    expect(op.world.calls).toEqual(['act a', 'verify a', 'act b', 'makeSafe b'])
    expect(op.journal).toEqual([intent('a'), done('a'), intent('b')])
    op.mend('b', toggle('b'))
    expect((await op.go('resume')).outcome).toEqual({kind: 'completed'})
    expect(op.world.calls).toEqual(['act b', 'verify b'])
  })

  test('says what could not be broken off, and leaves that to the resume as well', async () => {
    const {interrupts, first} = hand()
    const op = two({
      act: ({signal}) => {
        first()
        return Promise.reject(signal.reason as Error)
      },
      makeSafe: () => Promise.reject(new Error('no answer from db1')),
    })
    expect((await op.go('run', {interrupts})).outcome.kind).toBe('interrupted')
    const shown = op.events.flatMap((event) => (event.type === 'step.progress' ? [event.observation] : []))
    expect(shown).toEqual(['breaking it off', 'not broken off: no answer from db1'])
  })

  test('does not stop the way back', async () => {
    const {interrupts, first} = hand()
    const op = two({
      act: () => {
        first()
        return Promise.reject(new ActFailed({code: 'BOOM', message: 'boom'}))
      },
    })
    expect((await op.go('run', {interrupts})).outcome.kind).toBe('rolled-back')
    expect(op.world.on).toEqual([])
  })
})

describe('the second Ctrl-C', () => {
  test('leaves at once, in the middle of an act, without another look', async () => {
    const {interrupts, first, second} = hand()
    const op = two({
      act: async () => {
        await Promise.resolve()
        first()
        second()
        return never()
      },
    })
    expect((await op.go('run', {interrupts})).outcome).toEqual({kind: 'interrupted', signal: 'SIGINT', before: 'b'})
    expect(op.world.calls).toEqual(['act a', 'verify a', 'act b'])
    expect(op.journal).toEqual([intent('a'), done('a'), intent('b')])
  })

  test('leaves the way back, which a rollback then ends', async () => {
    const {interrupts, first, second} = hand()
    const op = two({
      act: () => Promise.reject(new ActFailed({code: 'BOOM', message: 'boom'})),
      undo: async () => {
        await Promise.resolve()
        first()
        second()
        return never()
      },
    })
    expect((await op.go('run', {interrupts})).outcome).toEqual({kind: 'interrupted', signal: 'SIGINT', before: 'b'})
    expect(op.journal.at(-1)).toEqual({type: 'undoing', step: 'b'})
    op.mend('b', toggle('b'))
    expect(plain(await op.go('rollback'))).toMatchObject({kind: 'rolled-back', failure: {code: 'BOOM', step: 'b'}})
    expect(op.world.calls).toEqual(['undo b', 'undo a'])
  })
})

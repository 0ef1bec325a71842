/** Every place where a process can die, then on or back, over a toy plan: a rule of the engine, whatever the steps are. */
import {describe, expect, test} from 'vitest'
import {crashMatrixOf, type Ending, type Universe} from '../../support/fake-crash-matrix.js'
import {plainClock} from '../../support/fake-clock.js'
import {toggle, toyPlan, type Toy, type ToyCode} from './toy.js'

/** `session` lives on the server as long as its client does. */
type Site = {on: string[]; session: boolean; copied: 'no' | 'in session' | 'void'}

type World = Toy & {site: Site}

const PLAN = toyPlan({a: {}, hold: {holdsUntil: 'copy'}, copy: {}, b: {}, point: {irreversible: true}, c: {}})

const site = (context: {world: Toy}): Site => (context.world as World).site

function holding(): ToyCode {
  const look: ToyCode['probe'] = (context) =>
    Promise.resolve(
      site(context).session && context.held.has('session')
        ? {state: 'done', because: 'session is open'}
        : {state: 'pending', because: 'no session of ours'},
    )
  return toggle('hold', {
    probe: look,
    verify: look,
    act: (context) => {
      site(context).session = true
      context.held.set('session', true)
      return Promise.resolve(undefined)
    },
    undo: (context) => {
      site(context).session = false
      return Promise.resolve()
    },
  })
}

/** Counts only when the session that it began in is open at its end. */
function copying(): ToyCode {
  const look: ToyCode['probe'] = (context) =>
    Promise.resolve(
      site(context).copied === 'in session' && context.held.has('session')
        ? {state: 'done', because: 'copied'}
        : {state: 'pending', because: `copied: ${site(context).copied}`},
    )
  return toggle('copy', {
    probe: look,
    verify: look,
    act: (context) => {
      site(context).copied = site(context).session ? 'in session' : 'void'
      return Promise.resolve(undefined)
    },
    undo: (context) => {
      site(context).copied = 'no'
      return Promise.resolve()
    },
  })
}

const CATALOG = new Map<string, ToyCode>([
  ...['a', 'b', 'point', 'c'].map((id) => [id, toggle(id)] as const),
  ['hold', holding()],
  ['copy', copying()],
])

function allowed({on, copied}: Site, {way, outcome}: Ending): string[] {
  const whole = on.join(' ') === 'a b point c' && copied === 'in session'
  const untouched = on.length === 0 && copied === 'no'
  switch (outcome.kind) {
    case 'completed':
      return whole && way !== 'rollback' ? [] : [`not whole: ${on.join(' ')}, ${copied}`]
    case 'rolled-back':
      return untouched && way === 'rollback' ? [] : [`not as before: ${on.join(' ')}, ${copied}`]
    case 'refused':
      return refusal(on, outcome.code, way)
    case 'incomplete':
    case 'unknown':
    case 'handed-over':
    case 'interrupted':
      return [`nothing failed, and it ended ${outcome.kind}`]
  }
}

function refusal(on: string[], code: string, way: Ending['way']): string[] {
  if (code === 'PAST_POINT_OF_NO_RETURN' && way === 'rollback') return on.includes('point') ? [] : ['refused too early']
  // Killed after its last entry: there is nothing left to go on with.
  if (code === 'OPERATION_CLOSED') return on.length === 0 || on.includes('c') ? [] : ['closed too early']
  return [`refused: ${code}`]
}

function universe(change: Record<string, ToyCode> = {}): Universe<Site, Toy> {
  return {
    site: {on: [], session: false, copied: 'no'},
    plan: PLAN,
    catalog: new Map([...CATALOG, ...Object.entries(change)]),
    open: (own) => {
      const clock = plainClock()
      const world: World = {
        site: own,
        calls: [],
        clock,
        get on() {
          return own.on
        },
        set on(value) {
          own.on = value
        },
      }
      return {world, clock}
    },
    kill: (own) => {
      own.session = false
    },
    allowed,
  }
}

describe('a toy plan that is killed anywhere', () => {
  test('is whole after a resume and untouched after a rollback', async () => {
    const report = await crashMatrixOf(universe())
    expect(report.violations).toEqual([])
    const {endings} = report
    expect(endings['undisturbed completed']).toBe(1)
    // 6 steps with 4 places each: all of them go on.
    expect(endings['resume completed']).toBeGreaterThanOrEqual(24)
    // From a place before the point of no return, and from between each act and its journal entry past it.
    expect(endings['rollback rolled-back']).toBeGreaterThan(18)
    expect(endings['rollback refused']).toBe(2 + 4)
    expect(Object.keys(endings).sort()).toEqual([
      'resume completed',
      'rollback refused',
      'rollback rolled-back',
      'undisturbed completed',
    ])
  })

  test.each<[string, Record<string, ToyCode>, string]>([
    ['an undo that does nothing', {b: toggle('b', {undo: () => Promise.resolve()})}, 'not as before: b'],
    [
      'a probe that does not look',
      {a: toggle('a', {probe: () => Promise.resolve({state: 'done', because: 'I believe so'})})},
      'not whole: b point c',
    ],
    [
      'a hold that is believed without a look',
      {hold: {...holding(), probe: () => Promise.resolve({state: 'done', because: 'I believe so'})}},
      'not as before',
    ],
  ])('is found out when it has %s', async (_, change, words) => {
    const {violations} = await crashMatrixOf(universe(change))
    expect(violations.filter((violation) => violation.includes(words)).length).toBeGreaterThan(0)
  })
})

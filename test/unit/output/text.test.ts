/** What an operator reads: whole screens, at 100 columns. */
import {describe, expect, test} from 'vitest'
import type {Plan, PlannedStep} from '../../../src/engine/plan.js'
import type {StepReport} from '../../../src/engine/outcome.js'
import {displayWidth} from '../../../src/output/table.js'
import {factsText} from '../../../src/output/text/facts.js'
import {operationText} from '../../../src/output/text/operation.js'
import {performText} from '../../../src/output/text/perform.js'
import {planText} from '../../../src/output/text/plan.js'
import {bytesText, secondsText, withUnits} from '../../../src/lib/human.js'
import type {OperationReport} from '../../../src/report/operation.js'

const STYLE = {columns: 100, color: false, wide: false}

function step(id: string, title: string, more: Partial<PlannedStep> = {}): PlannedStep {
  return {id, kind: id, host: null, title, input: {}, undo: null, irreversible: false, holdsUntil: null, ...more}
}

function plan(verb: string, reasons: Plan['reasons'], steps: PlannedStep[]): Plan {
  return {
    schema: 'poolctl.plan/v1',
    verb,
    cluster: 'shop',
    createdAt: '2026-11-25T16:42:10Z',
    toolVersion: '0.1.0',
    fingerprint: 'sha256:477b917e965d0000',
    request: {node: 2},
    reasons,
    steps,
    locks: [0, 2],
  }
}

const RUNGS = [
  {
    method: 'start',
    enough: false,
    taken: false,
    reason: 'an earlier copy was broken off (its control file is set aside)',
  },
  {
    method: 'rewind',
    enough: false,
    taken: false,
    reason:
      "it holds WAL that the primary's history does not have, and its own WAL back to the fork at 0/9201BE8 is gone",
  },
  {method: 'delta', enough: true, taken: true, reason: 'the old files are reused, only differences are sent'},
  {method: 'full', enough: true, taken: false, reason: 'a whole copy is always enough'},
]

const RECOVERY = plan('recovery', {method: 'delta', rungs: RUNGS, source: 0, bytesThere: 280_293_376}, [
  step('set-data-aside', 'move the old directory aside (kept until the new one is proved)', {
    host: 'db2',
    undo: 'the old directory is put back',
  }),
  step('await-routing', 'see pgpool send reads to it', {irreversible: true}),
  step('clean-up', 'remove what was set aside', {host: 'db2'}),
])

describe('a plan', () => {
  test('shows the ladder as a table, figures with units, and what is gone for good where it goes', () => {
    expect(planText(RECOVERY, STYLE)).toBe(`Plan: recovery in cluster shop (sha256:477b917e965d)
  method              delta
  recovered from      node 0
  the primary's data  267 MB

  METHOD  TAKEN  REASON
  start   no     an earlier copy was broken off (its control file is set aside)
  rewind  no     it holds WAL that the primary's history does not have, and its own WAL back to the
                 fork at 0/9201BE8 is gone
  delta   yes    the old files are reused, only differences are sent
  full    no     not needed (a whole copy is always enough)

  1. move the old directory aside (kept until the new one is proved) (db2)
     undo: the old directory is put back
  2. see pgpool send reads to it
  3. remove what was set aside (db2)
     the old copy is gone after this`)
  })

  test('draws the point of no return at the promotion, and says of a clean-up without an old copy nothing', () => {
    const steps = [
      step('promote-standby', 'promote node 1', {irreversible: true}),
      step('clean-up', 'remove what was set aside'),
    ]
    expect(
      planText(plan('promote', {}, steps), STYLE)
        .split('\n')
        .slice(2),
    ).toEqual([
      '---- POINT OF NO RETURN: what is above can be taken back ----',
      '  1. promote node 1',
      '     no way back from here on',
      '  2. remove what was set aside',
    ])
  })

  test('says of each act where it runs, what is typed there, what it sends and how long it takes', () => {
    const fast = "PGDATA='/srv/a b' /usr/bin/pg_ctl stop -m fast -w"
    const acts = {
      stop: {
        hosts: ['db1', 'db2'],
        commands: [
          {host: 'db1', line: fast},
          {host: 'db2', line: fast},
        ],
        bytes: null,
        seconds: 2.5,
      },
      link: {
        hosts: ['db1', 'db2'],
        commands: [{host: 'db1', line: `rsync ${'x'.repeat(100)}`}],
        bytes: 83_886_080,
        seconds: null,
      },
    }
    const reasons = {
      from: 13,
      forecast: {seconds: null, servedSeconds: 41, outageSeconds: 24, steps: {stop: 2.5}, basis: 'rehearsal r'},
      secondsFrom: 'rehearsal r',
      acts,
      checked: {findings: []},
    }
    const steps = [
      step('stop', 'stop all', {undo: 'started again'}),
      step('link', 'link them'),
      step('note', 'note it'),
    ]
    expect(planText(plan('upgrade-run', reasons, steps), STYLE)).toBe(
      `Plan: upgrade-run in cluster shop (sha256:477b917e965d)
  from          13
  forecast      until clients are served 41.0 s, outage seconds 24.0 s
  seconds from  rehearsal r

  1. stop all (db1, db2; about 2.5 s)
     undo: started again
     db1, db2$ PGDATA='/srv/a b' /usr/bin/pg_ctl stop -m fast -w
  2. link them (db1, db2; not measured)
     db1$ rsync ${'x'.repeat(100)}
     sends 80 MB at most
  3. note it`,
    )
  })

  test('names each node of what is told node by node', () => {
    const facts = {
      streaming: [1, 2],
      bytesOnWire: {1: 4_194_304, 2: null},
      leftOut: [{node: 3, because: 'its disk is full'}],
    }
    expect(factsText(facts, STYLE)).toBe(`  streaming              node 1, node 2
  sent over the network  node 1 4 MB
  left out               node 3, because its disk is full`)
  })

  test('lists what became of the settings of each node, and nothing where they stay as they were', () => {
    const changes = [
      {
        node: 0,
        name: 'stats_temp_directory',
        text: 'removed in 15',
        file: 'postgresql.conf',
        kind: 'removed',
        since: 15,
      },
    ]
    expect(factsText({from: 13, changes}, STYLE)).toBe(`  from  13

  NODE  SETTING               CHANGE         FILE
     0  stats_temp_directory  removed in 15  postgresql.conf`)
    expect(factsText({from: 17, changes: []}, STYLE)).toBe('  from  17')
  })

  test.each([['proxy1'], ['proxy1', 'proxy2', 'proxy3']])(
    'shows the change of pgpool.conf line by line: %s %s %s',
    (...pools) => {
      const long = `+failover_command = '"/etc/pgpool2/failover.sh" %d "%h" %p "%D" %m "%H" %r "%R" %M %P "%N" %S and more than 100'`
      const diff = pools.map((pool) => ({pool, lines: [`-# ${pool}`, long, '+']}))
      const blocks = pools.map((pool) => `  pgpool.conf of ${pool}:\n    -# ${pool}\n    ${long}\n    +`)
      expect(factsText({mode: 'streaming', diff}, STYLE)).toBe(['  mode  streaming', ...blocks].join('\n\n'))
      expect(factsText({mode: 'streaming', diff: []}, STYLE)).toBe('  mode  streaming')
    },
  )

  test('lists candidates in a table: what stands against each, or that nothing does', () => {
    const rules = (lag: string, ok: boolean): {rule: string; ok: boolean; seen: string}[] => [
      {rule: 'server answers', ok: true, seen: 'yes'},
      {rule: 'lag within limit', ok, seen: lag},
    ]
    const candidates = [
      {node: 1, fit: true, rules: rules('512 B of 16777216 B', true)},
      {node: 2, fit: false, rules: rules('33554432 B of 16777216 B', false)},
    ]
    expect(factsText({oldPrimary: 0, candidates}, STYLE)).toBe(`  old primary  node 0

  CANDIDATE  FIT  WHY
  node 1     yes  all 2 rules hold; lag 512 B of 16 MB
  node 2     no   not "lag within limit" (32 MB of 16 MB)`)
  })
})

function report(more: Partial<OperationReport>): OperationReport {
  return {
    operation: 'recovery-1',
    verb: 'recovery',
    dryRun: false,
    plan: RECOVERY,
    steps: [],
    outcome: 'completed',
    before: null,
    after: null,
    seconds: 137.4,
    outage: null,
    facts: {},
    followUps: [],
    ...more,
  }
}

function ran(id: string, more: Partial<StepReport>): StepReport {
  return {id, kind: id, host: null, title: id, seconds: null, outcome: 'not-run', because: null, ...more}
}

describe('a report', () => {
  test('says in words what was seen, sent and proved, and what clients noticed', () => {
    const text = operationText(
      report({
        steps: [
          ran('copy-data', {host: 'db2', outcome: 'done', seconds: 97.7, because: 'the copy ended well'}),
          ran('await-streaming', {
            outcome: 'done',
            seconds: 0.42,
            because:
              'streams from node 0 on timeline 1, 33554432 bytes behind; this sentence goes on beyond the hundredth column',
          }),
        ],
        outage: {writesStoppedSeconds: 2.31, readsStoppedSeconds: 0, acknowledgedWrites: 979, lostWrites: 0},
        facts: {
          node: 2,
          method: 'delta',
          rungs: RUNGS.slice(2, 3),
          bytesOnWire: 1_610_612_736,
          verified: {rowSeen: true, relationFiles: 'present', timeline: 1, controlState: 'in archive recovery'},
          stepsRun: 2,
        },
      }),
      STYLE,
    )
    expect(text).toBe(`STEP             HOST  OUTCOME        TIME  SEEN
copy-data        db2   done     1 min 38 s  the copy ended well
await-streaming  -     done          0.4 s  streams from node 0 on timeline 1, 32 MB behind; this
                                            sentence goes on beyond the hundredth column

recovery: done, and seen to be so (2 min 17 s)

  node                   node 2
  method                 delta
  sent over the network  1.5 GB
  proved                 a row written on the primary was read, relation files present, timeline 1,
                         control file in archive recovery
  steps run              2

  METHOD  TAKEN  REASON
  delta   yes    the old files are reused, only differences are sent

writes stopped 2.3 s, 0 of 979 acknowledged writes lost

operation recovery-1`)
    expect(Math.max(...text.split('\n').map(displayWidth))).toBeLessThanOrEqual(100)
  })

  test('calls a step that the operator broke off begun, and not unknown', () => {
    const steps = [ran('copy-data', {outcome: 'unknown', because: 'begun'}), ran('end-backup', {})]
    const lines = (outcome: OperationReport['outcome']): string[] =>
      operationText(report({steps, outcome}), STYLE).split('\n').slice(1, 3)
    expect([lines('interrupted'), lines('unknown')]).toEqual([
      ['copy-data   -     begun       -  begun', 'end-backup  -     not run     -  -'],
      ['copy-data   -     unknown     -  begun', 'end-backup  -     not run     -  -'],
    ])
  })
})

test('refusals are a table when there are several, and the error itself when there is one', () => {
  const refusal = {
    code: 'NO_PRIMARY',
    node: null,
    message: 'no running primary that pgpool agrees with, so there is nothing to recover from',
    detail: 'd',
    hint: 'h',
    override: null,
  }
  const other = {
    ...refusal,
    code: 'TARGET_IS_LIVE_PRIMARY',
    node: 2,
    message: 'node 2 is running as a second primary',
    override: '--discard-second-primary',
  }
  expect(performText({verb: 'recovery', refusals: [refusal]}, STYLE)).toBe('')
  expect(performText({verb: 'recovery', refusals: [refusal, other]}, STYLE))
    .toBe(`CHECK                   NODE  LIFTED BY                 REFUSED BECAUSE
NO_PRIMARY                 -  nothing                   no running primary that pgpool agrees with,
                                                        so there is nothing to recover from
TARGET_IS_LIVE_PRIMARY     2  --discard-second-primary  node 2 is running as a second primary`)
})

test('bytes and seconds are said as people say them', () => {
  expect([0, 1023, 1024, 1536, 16_777_216, 280_293_376, 1_610_612_736].map(bytesText)).toEqual([
    '0 B',
    '1023 B',
    '1 kB',
    '1.5 kB',
    '16 MB',
    '267 MB',
    '1.5 GB',
  ])
  expect([0, 2.31, 59.94, 60, 137.4, 7500].map(secondsText)).toEqual([
    '0.0 s',
    '2.3 s',
    '59.9 s',
    '1 min 0 s',
    '2 min 17 s',
    '2 h 5 min',
  ])
  expect(withUnits('replay is 33554432 bytes behind, the limit is 512 B')).toBe(
    'replay is 32 MB behind, the limit is 512 B',
  )
})

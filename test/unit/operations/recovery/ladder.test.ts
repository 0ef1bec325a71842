import {describe, expect, test} from 'vitest'
import {climb, damage} from '../../../../src/operations/recovery/ladder.js'
import type {Method, RecoveryRequest} from '../../../../src/operations/recovery/request.js'
import type {ServerFacts} from '../../../../src/ports/postgres.js'
import {
  controlData,
  dataDirectory,
  emptyDirectory,
  ground,
  lsn,
  primaryControl,
  primaryFacts,
  recoveryFacts,
  type RecoveryChange,
} from '../../../support/builders.js'

type Change = {request?: Partial<RecoveryRequest>; facts?: RecoveryChange; server?: Partial<ServerFacts>}

const verdicts = (change: Change, method: Method): {enough: boolean; reason: string} => {
  const {enough, reason} = climb(ground(change)).find((rung) => rung.method === method)!
  return {enough, reason}
}
const taken = (change: Change): Method[] => climb(ground(change)).flatMap((rung) => (rung.taken ? [rung.method] : []))
const directory = (change: Parameters<typeof dataDirectory>[0]): RecoveryChange => ({
  target: {directory: dataDirectory(change)},
})

/** The primary was promoted to timeline 2 at this position; its WAL from segment 3 on is there. */
const promotedAt = (fork: string): {primary: ReturnType<typeof primaryFacts>} => ({
  primary: primaryFacts({history: [{timeline: 1, until: lsn(fork)}]}),
})
const onTimeline2 = {timeline: 2}

/** A former primary, stopped at `at`, with the primary on timeline 2 since 0/3800000. */
const former = (
  control: Parameters<typeof primaryControl>[0] = {},
  rest: Parameters<typeof dataDirectory>[0] = {},
): Change => ({
  server: onTimeline2,
  facts: {...promotedAt('0/3800000'), ...directory({control: primaryControl(control), standbySignal: false, ...rest})},
})

describe('the whole ladder', () => {
  test('a standby that stopped cleanly is only started, and every other rung says what it would have needed', () => {
    expect(climb(ground())).toEqual([
      {
        method: 'start',
        enough: true,
        taken: true,
        reason: "on the primary's history at 0/4000000, WAL is there, it stopped cleanly",
      },
      {method: 'rewind', enough: false, taken: false, reason: "nothing to rewind: it never left the primary's history"},
      {method: 'delta', enough: true, taken: false, reason: 'the old files are reused, only differences are sent'},
      {method: 'full', enough: true, taken: false, reason: 'a whole copy is always enough'},
    ])
  })

  test.each<[string, Change, Method]>([
    ['a former primary past the fork is rewound', former(), 'rewind'],
    ['a node whose WAL is gone is sent the differences', {facts: {primary: primaryFacts({walSegments: []})}}, 'delta'],
    ['an empty directory is filled', {facts: directory(emptyDirectory)}, 'full'],
    ['another major version is replaced', {facts: directory({pgVersion: '13', control: null})}, 'full'],
  ])('%s', (_, change, method) => {
    expect(taken(change)).toEqual([method])
  })

  test.each<Method>(['start', 'rewind', 'delta', 'full'])('--method %s is taken whatever the others say', (method) => {
    expect(taken({request: {method}})).toEqual([method])
  })
})

describe('start is refused', () => {
  test.each<[string, Change, string]>([
    ['on an empty directory', {facts: directory(emptyDirectory)}, 'the data directory is empty'],
    ['on no directory', {facts: directory({exists: false, control: null})}, 'the data directory is empty'],
    [
      'after a copy that was broken off',
      {facts: directory({control: null, controlAside: true})},
      'an earlier copy was broken off (its control file is set aside)',
    ],
    ['without a control file', {facts: directory({control: null})}, 'there is no readable control file'],
    [
      "on another cluster's data",
      {facts: directory({control: controlData({systemIdentifier: '1'})})},
      'it holds data of another cluster',
    ],
    [
      'on a copy that never became consistent',
      {facts: directory({backupLabel: true, control: controlData({backupStartLsn: lsn('0/3000028')})})},
      'it is a copy that never reached its consistent state',
    ],
    [
      'when it was promoted on its own',
      {
        server: onTimeline2,
        facts: {...promotedAt('0/3800000'), ...directory({control: primaryControl({timeline: 3})})},
      },
      "it was promoted on its own: timeline 3 is not in the primary's history",
    ],
    [
      'on a standby that went past the fork',
      {server: onTimeline2, facts: promotedAt('0/3FFFFFF')},
      "it went past 0/3FFFFFF, where the primary's timeline 2 began",
    ],
    [
      "on a primary that ended on the primary's own timeline",
      {facts: directory({control: primaryControl()})},
      'it ended as a primary ("shut down") on the primary\'s own timeline',
    ],
    [
      'on a killed primary, even when its last checkpoint lies before the fork',
      {
        server: onTimeline2,
        facts: {...promotedAt('0/4800000'), ...directory({control: primaryControl({state: 'in production'})})},
      },
      'it ended as a primary without a clean shutdown, so where its WAL ends is unknown',
    ],
    [
      'when the primary no longer has the WAL',
      {facts: {primary: primaryFacts({walSegments: ['000000010000000000000005']})}},
      'the primary no longer has WAL from 0/4000000 on (segment 000000010000000000000004)',
    ],
    [
      'when pages fail their checksum',
      {facts: {pages: {kind: 'damaged', badBlocks: 3, detail: 'base/5/16384'}}},
      '3 pages fail their checksum',
    ],
    [
      'when files are missing',
      {facts: {gaps: {missing: ['base/5/16384', 'base/5/16385'], otherSize: []}}},
      '2 relation files are missing, e.g. base/5/16384',
    ],
    [
      'when files have another size',
      {facts: {gaps: {missing: [], otherSize: ['base/5/16384']}}},
      '1 relation files have another size, e.g. base/5/16384',
    ],
  ])('%s', (_, change, reason) => {
    expect(verdicts(change, 'start')).toEqual({enough: false, reason})
  })

  test('on a second primary that still runs and was promoted to the same timeline number', () => {
    const facts = directory({
      control: primaryControl({state: 'in production', timeline: 2}),
      postmasterPid: 1002,
      standbySignal: false,
    })
    expect(verdicts({server: onTimeline2, facts: {...promotedAt('0/3800000'), ...facts}}, 'start')).toEqual({
      enough: false,
      reason: 'it ended as a primary ("in production") on the primary\'s own timeline',
    })
  })

  test('on a standby of another primary that got the same timeline number at another fork', () => {
    const facts: RecoveryChange = {
      ...promotedAt('0/3800000'),
      target: {
        directory: dataDirectory({control: controlData({timeline: 2, minRecoveryTimeline: 2})}),
        history: [{timeline: 1, until: lsn('0/3900000')}],
      },
    }
    expect(verdicts({server: onTimeline2, facts}, 'start')).toEqual({
      enough: false,
      reason: "it was promoted on its own: timeline 2 is not in the primary's history",
    })
  })
})

describe('start is enough', () => {
  test.each<[string, Change, string]>([
    [
      'on a killed standby whose pages were checked',
      {
        facts: {
          ...directory({control: controlData({state: 'in archive recovery'})}),
          pages: {kind: 'clean', files: 4, blocks: 9},
        },
      },
      "on the primary's history at 0/4000000, WAL is there, all pages pass their checksum",
    ],
    [
      'on a killed standby without checksums, which it says',
      {
        facts: {
          ...directory({control: controlData({state: 'in archive recovery'})}),
          pages: {kind: 'impossible', reason: 'no page checksums'},
        },
      },
      "on the primary's history at 0/4000000, WAL is there, pages not checked",
    ],
    [
      'on a standby that stopped exactly at the fork',
      {server: onTimeline2, facts: promotedAt('0/4000000')},
      "on the primary's history at 0/4000000, WAL is there, it stopped cleanly",
    ],
    [
      'on a former primary that stopped cleanly before the fork',
      {server: onTimeline2, facts: {...promotedAt('0/4000078'), ...directory({control: primaryControl()})}},
      "on the primary's history at 0/4000000, WAL is there, it stopped cleanly",
    ],
    [
      'whatever timeline the segment has its name from',
      {
        server: onTimeline2,
        facts: {
          primary: primaryFacts({
            history: [{timeline: 1, until: lsn('0/4000000')}],
            walSegments: ['000000020000000000000004'],
          }),
        },
      },
      "on the primary's history at 0/4000000, WAL is there, it stopped cleanly",
    ],
    [
      'on a running standby that has a label of its first start left',
      {
        facts: directory({
          backupLabel: true,
          postmasterPid: 1002,
          control: controlData({state: 'in archive recovery', backupStartLsn: lsn('0/3000028')}),
        }),
      },
      "on the primary's history at 0/4000000, WAL is there, pages not checked",
    ],
  ])('%s', (_, change, reason) => {
    expect(verdicts(change, 'start')).toEqual({enough: true, reason})
  })
})

describe('rewind', () => {
  const kept = (fork: string): string => `it left the primary's history at ${fork}; its own WAL back to there is kept`

  test.each<[string, Change, string]>([
    ['on a former primary past the fork', former(), kept('0/3800000')],
    ['with wal_log_hints instead of checksums', former({dataChecksums: false, walLogHints: true}), kept('0/3800000')],
    [
      'with WAL from exactly the segment of the fork',
      former({}, {oldestWalSegment: '000000010000000000000003'}),
      kept('0/3800000'),
    ],
    [
      'on a killed primary whose last checkpoint lies before the fork: pg_rewind ends its crash recovery and sees',
      {
        server: onTimeline2,
        facts: {...promotedAt('0/4800000'), ...directory({control: primaryControl({state: 'in production'})})},
      },
      "it may have gone past 0/4800000, where the primary's timeline began; its own WAL back to there is kept",
    ],
    [
      'on a node promoted on its own, back to where its own history says that it parted',
      {
        server: onTimeline2,
        facts: {
          ...promotedAt('0/3800000'),
          target: {
            directory: dataDirectory({control: primaryControl({timeline: 3})}),
            history: [{timeline: 1, until: lsn('0/3700000')}],
          },
        },
      },
      kept('0/3700000'),
    ],
  ])('is enough %s', (_, change, reason) => {
    expect(verdicts(change, 'rewind')).toEqual({enough: true, reason})
  })

  test.each<[string, Change, string]>([
    ['on an empty directory', {facts: directory(emptyDirectory)}, 'the data directory is empty'],
    [
      'on a standby before the fork',
      {server: onTimeline2, facts: promotedAt('0/4000000')},
      "nothing to rewind: it never left the primary's history",
    ],
    [
      "on a primary that ended on the primary's own timeline",
      {facts: directory({control: primaryControl()})},
      'same timeline as the primary: pg_rewind would see nothing to do',
    ],
    [
      'when the same timeline number was given twice',
      {
        server: onTimeline2,
        facts: {
          ...promotedAt('0/3800000'),
          target: {
            directory: dataDirectory({control: primaryControl({timeline: 2})}),
            history: [{timeline: 1, until: lsn('0/3900000')}],
          },
        },
      },
      'same timeline as the primary: pg_rewind would see nothing to do',
    ],
    [
      'without checksums and without wal_log_hints',
      former({dataChecksums: false}),
      'neither page checksums nor wal_log_hints: hint bits would be missed',
    ],
    [
      'with full_page_writes off on the primary',
      {...former(), server: {...onTimeline2, settings: {full_page_writes: 'off'}}},
      'full_page_writes is off on the primary',
    ],
    [
      'when files are missing, which pg_rewind would not notice',
      {...former(), facts: {...former().facts, gaps: {missing: ['base/5/16384'], otherSize: []}}},
      '1 relation files are missing, e.g. base/5/16384',
    ],
    [
      'when its own history file is gone',
      {
        server: onTimeline2,
        facts: {...promotedAt('0/3800000'), ...directory({control: primaryControl({timeline: 3})})},
      },
      'its own history file is missing, so the fork is unknown',
    ],
    [
      'when its own WAL starts after the fork',
      former({}, {oldestWalSegment: '000000010000000000000004'}),
      'its own WAL back to the fork at 0/3800000 is gone',
    ],
    ['when it has no WAL', former({}, {oldestWalSegment: null}), 'its own WAL back to the fork at 0/3800000 is gone'],
  ])('is refused %s', (_, change, reason) => {
    expect(verdicts(change, 'rewind')).toEqual({enough: false, reason})
  })
})

describe('delta', () => {
  test.each<[string, Change, string]>([
    ['on an empty directory', {facts: directory(emptyDirectory)}, 'there is no old data to reuse'],
    ['on no directory', {facts: directory({exists: false, control: null})}, 'there is no old data to reuse'],
    ['of another major', {facts: directory({pgVersion: '13'})}, 'the old data is of version 13, the primary of 15'],
    [
      'of an unknown version',
      {facts: directory({pgVersion: null})},
      'the old data is of version unknown, the primary of 15',
    ],
  ])('is refused %s', (_, change, reason) => {
    expect(verdicts(change, 'delta')).toEqual({enough: false, reason})
  })

  test('is enough on damaged data: differences are found whatever caused them', () => {
    const facts: RecoveryChange = {pages: {kind: 'damaged', badBlocks: 1, detail: 'x'}}
    expect(verdicts({facts}, 'delta').enough).toBe(true)
  })
})

test('nothing is called damaged when nothing was looked at, or all of it is well', () => {
  expect([
    damage(recoveryFacts({gaps: null, pages: null})),
    damage(recoveryFacts({pages: {kind: 'clean', files: 1, blocks: 1}})),
    damage(recoveryFacts({pages: {kind: 'impossible', reason: 'no checksums'}})),
  ]).toEqual([null, null, null])
})

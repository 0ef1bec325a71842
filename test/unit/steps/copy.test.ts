import {describe, expect, test} from 'vitest'
import {ActFailed, Unreachable} from '../../../src/lib/errors.js'
import type {JobState} from '../../../src/ports/host.js'
import type {BackupSession} from '../../../src/ports/postgres.js'
import {copyProgress} from '../../../src/steps/copy-data.js'
import {done, pending} from '../../../src/steps/context.js'
import {lsn} from '../../support/builders.js'
import {healthySite, nodeOf, type Site} from '../../support/fake-site.js'
import {bench, failureOf, type Bench} from './step-bench.js'

const both = {node: 2, on: 0}
const copyInput = {...both, jobs: 4, maxBytesPerSecond: null, compareSince: null, inPlace: false, tablespaces: []}

function stopped(): Site {
  const site = healthySite()
  nodeOf(site, 2).running = false
  nodeOf(site, 2).directory!.state = 'shut down in recovery'
  return site
}

function session(alive = true): BackupSession {
  return {
    startLsn: lsn('0/3000060'),
    timeline: 1,
    alive: () => alive,
    stop: () => Promise.resolve({stopLsn: lsn('0/3000100'), label: 'LABEL\n', tablespaceMap: ''}),
    abandon: () => Promise.resolve(),
  }
}

const holding = (one: BackupSession): Map<string, unknown> => new Map([['backup-session', one]])

describe('a backup', () => {
  test('is begun by a session that is held, and its start is the result', async () => {
    const {act, probe, verify, site} = bench('begin-backup', {...both, label: 'L'}, {site: stopped()})
    expect(await probe()).toEqual(pending('no backup session is held'))
    expect(await act()).toEqual({startLsn: '0/3000060', timeline: 1})
    expect(await verify()).toEqual(done('backup starts at 0/3000060'))
    expect(site.sessions).toEqual([{id: 1, node: 0, label: 'L', startLsn: 0x3000060, open: true}])
  })

  test('that is begun again ends what an earlier one still copies', async () => {
    const site = stopped()
    await bench('copy-data', copyInput, {site, held: holding(session())}).act()
    expect(Object.keys(nodeOf(site, 2).jobs)).toHaveLength(1)
    await bench('begin-backup', {...both, label: 'L'}, {site}).act()
    expect(nodeOf(site, 2).jobs).toEqual({})
  })

  test('is closed by its undo', async () => {
    const {act, undo, probe, site} = bench('begin-backup', {...both, label: 'L'}, {site: stopped()})
    await act()
    await undo()
    expect([await probe(), site.sessions[0]?.open]).toEqual([pending('no backup session is held'), false])
  })

  test('is ended once, with label and map as the server gave them', async () => {
    const held = holding(session())
    expect(await bench('end-backup', both, {held}).act()).toEqual({
      stopLsn: '0/3000100',
      label: 'LABEL\n',
      tablespaceMap: '',
    })
    expect(held.size).toBe(0)
  })

  test.each([
    ['that nobody holds', new Map<string, unknown>()],
    ['whose session has died', holding(session(false))],
  ])('%s cannot be ended', async (_, held) => {
    expect(await failureOf(bench('end-backup', both, {held}).act())).toEqual({
      code: 'BACKUP_SESSION_LOST',
      message: 'the session that held the backup on node 0 is gone',
      detail:
        'Without it the copy cannot be proved consistent, so it does not count. The primary is out of backup mode and serving.',
    })
  })
})

describe('the progress of a copy', () => {
  const running = (bytesDone: number | null, bytesTotal: number | null, lastLine = ''): string =>
    copyProgress({state: 'running', bytesDone, bytesTotal, wireBytes: null, lastLine}, 10_000)

  test.each([
    [running(null, null), 'listing files'],
    [running(null, null, 'base/5'), 'base/5'],
    [running(0, 0, 'base/5'), 'base/5'],
    [running(0, 1_600_000_000), '0 B of 1.5 GB'],
    [running(400_000_000, 1_600_000_000), '381 MB of 1.5 GB, about 30 s left'],
    [running(2_000_000_000, 1_600_000_000), '1.9 GB of 1.5 GB, about 0 s left'],
  ])('reads %s', (text, expected) => {
    expect(text).toBe(expected)
  })
})

describe('a copy', () => {
  /** A host whose looks at the job are answered one after the other; the last answer stays. */
  function looking(answers: (JobState | Error)[], alive = true): Bench {
    const jobState = (): Promise<JobState> => {
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    }
    const started = Promise.resolve()
    return bench('copy-data', copyInput, {
      held: holding(session(alive)),
      ports: {host: {2: {jobState, startJob: () => started, stopJob: () => started}}},
    })
  }
  const absent: JobState = {state: 'absent'}
  const ended = (exitStatus: number, stderrTail = ''): JobState => ({
    state: 'ended',
    exitStatus,
    wireBytes: 77,
    stderrTail,
  })
  const away = new Unreachable({code: 'HOST_UNREACHABLE', message: 'no answer from db2'})

  test('that ends well tells what went over the wire', async () => {
    expect(await looking([absent, ended(0)]).act()).toEqual({bytesOnWire: 77})
  })

  test('that has ended well counts when it is asked for again', async () => {
    expect(await looking([ended(0)]).probe()).toEqual(done('the copy ended well', {bytesOnWire: 77}))
  })

  test.each<[string, JobState[], {code: string; message: string; detail: string | undefined}]>([
    [
      'that fails is told in the words of its last lines',
      [absent, ended(11, 'no space')],
      {code: 'JOB_FAILED', message: 'the copy ended with status 11', detail: 'no space'},
    ],
    [
      'that fails without a word says so',
      [absent, ended(1)],
      {code: 'JOB_FAILED', message: 'the copy ended with status 1', detail: 'It wrote nothing to stderr.'},
    ],
    [
      'that was killed is lost',
      [absent, {state: 'lost', stderrTail: ''}],
      {code: 'JOB_LOST', message: 'the copy job on the host was killed', detail: undefined},
    ],
    [
      'that is not there any more has vanished',
      [absent],
      {code: 'JOB_LOST', message: 'the copy job vanished from the host', detail: undefined},
    ],
  ])('%s', async (_, answers, failure) => {
    expect(await failureOf(looking(answers).act())).toEqual(failure)
  })

  test('goes on while its host is out of reach for less than a minute', async () => {
    const {act, told} = looking([absent, away, away, ended(0)])
    expect(await act()).toEqual({bytesOnWire: 77})
    expect(told).toEqual([
      'host out of reach, the copy goes on there; asking again',
      'host out of reach, the copy goes on there; asking again',
    ])
  })

  test('is given up when its host is out of reach for longer', async () => {
    const {act, context} = looking([absent, away])
    const started = context.world.clock.monotonicMs()
    expect((await failureOf(act())).message).toBe('no answer from db2')
    expect(context.world.clock.monotonicMs() - started).toBeGreaterThan(60_000)
  })

  test('whose backup session is gone is not waited for', async () => {
    const running: JobState = {state: 'running', bytesDone: null, bytesTotal: null, wireBytes: null, lastLine: ''}
    expect((await failureOf(looking([absent, running], false).act())).code).toBe('BACKUP_SESSION_LOST')
  })
})

describe('the WAL of a copy', () => {
  const results = {
    'begin-backup': {startLsn: '0/3000060', timeline: 1},
    'end-backup': {stopLsn: '0/5000001', label: 'L', tablespaceMap: ''},
  }
  const segments = (names: string[]): {postgres: {0: {walSegments: () => Promise<string[]>}}} => ({
    postgres: {0: {walSegments: () => Promise.resolve(names)}},
  })
  const all = ['000000010000000000000003', '000000010000000000000004', '000000010000000000000005']

  test('is proved by the name of every segment from start to stop', async () => {
    const {act, verify} = bench('prove-wal', both, {results, ports: segments(all)})
    await act()
    expect(await verify()).toEqual(done('the primary holds all WAL from start to stop'))
  })

  test('that has a hole makes the copy worthless', async () => {
    const {act} = bench('prove-wal', both, {results, ports: segments([all[0]!, all[2]!])})
    expect(await failureOf(act())).toEqual({
      code: 'WAL_MISSING',
      message: 'WAL that the copy needs is gone from the primary: 000000010000000000000004',
      detail: 'The slot should have kept it; look at max_slot_wal_keep_size and at what removes files from pg_wal.',
    })
  })
})

describe('what was set aside', () => {
  test('the control file comes back when no copy was ever begun', async () => {
    const {act, undo, verify, site} = bench('set-control-aside', both, {site: stopped()})
    await act()
    expect(await verify()).toEqual(done('the directory cannot be started by accident'))
    await undo()
    expect([nodeOf(site, 2).directory?.control, nodeOf(site, 2).controlAside]).toEqual([true, null])
  })

  test('the control file stays away as soon as a copy was begun by any process, although its job is forgotten', async () => {
    const {act, undo, site} = bench('set-control-aside', both, {site: stopped(), begun: ['copy-data']})
    await act()
    await undo()
    expect(nodeOf(site, 2).directory?.control).toBe(false)
  })

  test('the old directory comes back whole', async () => {
    const site = stopped()
    const old = structuredClone(nodeOf(site, 2).directory)
    const {act, undo, verify} = bench('set-data-aside', both, {site})
    await act()
    expect([await verify(), nodeOf(site, 2).directory?.content]).toEqual([
      done('the old directory is whole, beside the new one'),
      'empty',
    ])
    await undo()
    expect([nodeOf(site, 2).directory, nodeOf(site, 2).dataAside]).toEqual([old, null])
  })
})

describe('the undo of a rewind', () => {
  test('makes the directory unstartable, also when an undo before it has already stopped the job', async () => {
    const {undo, site} = bench('rewind-data', both, {site: stopped()})
    await undo()
    await undo()
    expect(nodeOf(site, 2).directory?.control).toBe(false)
  })
})

test('an error of a server that does not start carries the last lines of its log', async () => {
  const failed = new ActFailed({
    code: 'COMMAND_FAILED',
    message: 'pg_ctl ended with status 1',
    detail: 'stopped waiting',
  })
  const ports = {
    host: {2: {startServer: () => Promise.reject(failed), serverLogTail: () => Promise.resolve('FATAL:  no')}},
  }
  expect(await failureOf(bench('start-server', {node: 2, stopOnUndo: true}, {site: stopped(), ports}).act())).toEqual({
    code: 'COMMAND_FAILED',
    message: 'pg_ctl ended with status 1',
    detail: 'stopped waiting\nServer log of node 2: FATAL:  no',
  })
})

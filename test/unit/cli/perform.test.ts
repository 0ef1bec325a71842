import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {continueOperation} from '../../../src/cli/continue-operation.js'
import {performIn} from '../../../src/cli/perform.js'
import type {Session} from '../../../src/cli/session.js'
import {openJournal} from '../../../src/cli/state.js'
import type {PerformBody} from '../../../src/cli/body.js'
import type {PoolNode} from '../../../src/cluster/pool-node.js'
import {attach} from '../../../src/operations/attach/attach.js'
import {detach} from '../../../src/operations/detach/detach.js'
import {promote} from '../../../src/operations/promote/promote.js'
import {poolRecovery} from '../../../src/operations/recovery/pool-driver.js'
import {recovery} from '../../../src/operations/recovery/recovery.js'
import {installScripts} from '../../../src/operations/scripts/install.js'
import {upgradeFinish, upgradeRollback} from '../../../src/operations/upgrade/follow.js'
import {upgradePrepare} from '../../../src/operations/upgrade/prepare.js'
import type {Pool} from '../../../src/ports/pool.js'
import type {OperationReport} from '../../../src/report/operation.js'
import {promoteRequest, recoveryRequest} from '../../support/builders.js'
import {fakeWorld} from '../../support/fake-cluster.js'
import {healthySite, type Site} from '../../support/fake-site.js'
import {replacing} from '../steps/step-bench.js'
import {capturedTerminal, type Captured} from './captured-terminal.js'

const DETACH_1 = {node: 1, drainMs: 0, allowPrimary: false, allowOutage: false}
const INSTALL = {jobs: 4, limitSeconds: 3600, hooks: false, hookPassfile: null, clientIdleLimit: null}
const UPGRADE = {to: 17, maxLagBytes: 1, accept: []}
let directory = ''
let site: Site
let captured: Captured

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-perform-'))
  vi.stubEnv('POOLCTL_STATE_DIR', join(directory, 'state'))
  site = healthySite()
  captured = capturedTerminal()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(directory, {recursive: true})
})

function session(): Session {
  return {world: fakeWorld(site), pcpOnly: false, [Symbol.asyncDispose]: () => Promise.resolve()}
}

function statuses(): string[] {
  return site.pool.nodes.map((node) => node.status)
}

function locks(): (string | null)[] {
  return [...Object.values(site.nodes).map((node) => node.lock), site.pool.lock].map((lock) => lock?.operation ?? null)
}

async function operations(): Promise<unknown[]> {
  const {journal} = await openJournal()
  return (await journal.list()).map(({verb, state, outcome}) => ({verb, state, outcome}))
}

describe('a detach', () => {
  test('with consent detaches, observes it, keeps a record here and on the host, and releases its locks', async () => {
    const body = await performIn(session(), detach, DETACH_1, {yes: true}, captured.terminal)
    const report = body.data as OperationReport
    expect({exit: body.exitCode, outcome: report.outcome, facts: report.facts, error: body.error}).toEqual({
      exit: 0,
      outcome: 'completed',
      facts: {seen: 'pgpool says down', cutOff: null},
      error: null,
    })
    expect(statuses()).toEqual(['up', 'down', 'up'])
    expect(report.after?.map((node) => node.status)).toEqual(['up', 'down', 'up'])
    expect(locks()).toEqual([null, null, null, null])
    expect(await operations()).toEqual([{verb: 'detach', state: 'closed', outcome: 'completed'}])
    expect(Object.keys(site.nodes[1]?.records ?? {})).toEqual([report.operation])
  })

  test('without consent exits 12 and leaves no trace', async () => {
    await expect(performIn(session(), detach, DETACH_1, {}, captured.terminal)).rejects.toMatchObject({exitCode: 12})
    expect([statuses(), locks(), await operations()]).toEqual([['up', 'up', 'up'], [null, null, null, null], []])
  })

  test('as a dry run changes nothing, asks nothing and shows the plan', async () => {
    const before = structuredClone({...site, file: null})
    const body = await performIn(session(), detach, DETACH_1, {'dry-run': true}, captured.terminal)
    const report = body.data as OperationReport
    expect([report.outcome, report.dryRun, report.plan.steps.map((s) => s.kind), body.exitCode]).toEqual([
      'planned',
      true,
      ['detach-node'],
      undefined,
    ])
    expect(structuredClone({...site, file: null})).toEqual(before)
    expect(await operations()).toEqual([])
  })

  test('of a node that is down already says so and exits 0', async () => {
    await performIn(session(), detach, DETACH_1, {yes: true}, captured.terminal)
    const body = await performIn(session(), detach, DETACH_1, {}, captured.terminal)
    const report = body.data as OperationReport
    expect([report.outcome, report.facts, body.exitCode]).toEqual([
      'nothing-to-do',
      {because: 'node 1 is detached, pgpool says down'},
      undefined,
    ])
  })

  test('that is refused reports every reason, exits 6 and names each override', async () => {
    site = healthySite(1)
    const body = await performIn(session(), detach, {...DETACH_1, node: 0}, {yes: true}, captured.terminal)
    expect([body.exitCode, body.error]).toEqual([
      6,
      {
        code: 'CHECKS_REFUSED',
        message: 'detach is refused by 2 checks; nothing was changed',
        detail: [
          'node 0 is the last one attached (LAST_ATTACHED_NODE)',
          '  Without it pgpool refuses every client.',
          '  Attach another node first: poolctl status',
          '  This check alone is lifted by --allow-outage.',
          'node 0 is the primary (NODE_IS_PRIMARY)',
          '  Detaching it cuts all sessions and makes pgpool fail over to the lowest attached node.',
          '  To move the primary first: poolctl promote NODE',
          '  This check alone is lifted by --allow-primary.',
        ].join('\n'),
        hint: null,
        changed: 'none',
        resume: null,
      },
    ])
    expect(statuses()).toEqual(['up'])
  })

  test('of a host locked by another operation exits 10, names the holder, and holds no lock itself', async () => {
    const other = {
      operation: 'recovery-1',
      verb: 'recovery',
      user: 'ann',
      host: 'ops1',
      pid: 7,
      since: '2026-11-25T16:00:00Z',
    }
    site.nodes[1]!.lock = other
    await expect(performIn(session(), detach, DETACH_1, {yes: true}, captured.terminal)).rejects.toMatchObject({
      exitCode: 10,
      message: 'db1 is locked by operation recovery-1',
      detail: 'recovery, started 2026-11-25T16:00:00Z by ann on ops1, process 7.',
    })
    expect(locks()).toEqual([null, 'recovery-1', null, null])
    expect(statuses()).toEqual(['up', 'up', 'up'])
  })

  test('works when the host of the node is dead', async () => {
    site.faults.push({kind: 'host-unreachable', node: 1}, {kind: 'server-unreachable', node: 1})
    const body = await performIn(session(), detach, DETACH_1, {yes: true}, captured.terminal)
    expect([body.exitCode, statuses()]).toEqual([0, ['up', 'down', 'up']])
  })

  test('prints one JSON event a line with --output ndjson', async () => {
    captured = capturedTerminal(['--output', 'ndjson'])
    await performIn(session(), detach, DETACH_1, {yes: true}, captured.terminal)
    const events = captured.out.map((line) => (JSON.parse(line) as {type: string}).type)
    expect([events[0], events.at(-2), events.at(-1), captured.err]).toEqual(['op.started', 'step.done', 'op.done', []])
  })
})

describe('a saved plan', () => {
  const file = (): string => join(directory, 'plan.json')
  const save = (): Promise<unknown> =>
    performIn(session(), detach, DETACH_1, {'dry-run': true, plan: file()}, captured.terminal)

  test('runs as long as the cluster is as it was', async () => {
    await save()
    const body = await performIn(session(), detach, DETACH_1, {yes: true, plan: file()}, captured.terminal)
    expect([body.exitCode, statuses()]).toEqual([0, ['up', 'down', 'up']])
  })

  test('is not overwritten', async () => {
    await save()
    await expect(save()).rejects.toMatchObject({exitCode: 2, code: 'PLAN_FILE_NOT_WRITTEN'})
  })

  test('is stale once the cluster has changed: exit 11, nothing changed', async () => {
    await save()
    await performIn(session(), detach, {...DETACH_1, node: 2}, {yes: true}, captured.terminal)
    await expect(
      performIn(session(), detach, DETACH_1, {yes: true, plan: file()}, captured.terminal),
    ).rejects.toMatchObject({exitCode: 11, code: 'PLAN_STALE'})
    expect(statuses()).toEqual(['up', 'up', 'down'])
  })

  test('is refused when a person edited it: exit 11', async () => {
    await save()
    await writeFile(file(), (await readFile(file(), 'utf8')).replace('"node": 1', '"node": 2'))
    await expect(
      performIn(session(), detach, DETACH_1, {yes: true, plan: file()}, captured.terminal),
    ).rejects.toMatchObject({exitCode: 11, message: `plan file ${file()} was edited after it was made`})
  })

  test('is refused for another request: exit 11', async () => {
    await save()
    await expect(
      performIn(session(), detach, {...DETACH_1, node: 2}, {yes: true, plan: file()}, captured.terminal),
    ).rejects.toMatchObject({exitCode: 11, message: `plan file ${file()} is for another request`})
  })
})

describe('when pgpool swallows the answer', () => {
  test('an attach whose reply is lost is looked at again, not guessed', async () => {
    site.pool.nodes[1]!.status = 'down'
    site.faults.push({kind: 'reply-lost', method: 'pool.attach', times: 1})
    const body = await performIn(session(), attach, {node: 1, allowLagBytes: null}, {}, captured.terminal)
    const report = body.data as OperationReport
    expect(['completed', 'unknown']).toContain(report.outcome)
    expect(body.exitCode).toBe(report.outcome === 'completed' ? 0 : 9)
    expect(locks().filter((lock) => lock !== null).length).toBe(report.outcome === 'completed' ? 0 : 2)
  })
})

test('an unknown operation cannot be resumed: exit 2, with the way to fetch it', () =>
  expect(continueOperation('attach-20261125-000000-0000', 'resume', {}, captured.terminal)).rejects.toMatchObject({
    exitCode: 2,
    code: 'OPERATION_UNKNOWN',
  }))

describe('a change of a cluster whose PostgreSQL nobody tried', () => {
  const newer = {...detach, serverVersions: () => [180_001, 190_000, 190_002]}

  test('is refused once for each major, and the flag that names it is said', async () => {
    const body = await performIn(session(), newer, DETACH_1, {yes: true}, captured.terminal)
    expect({exit: body.exitCode, code: body.error?.code, message: body.error?.message, hint: body.error?.hint}).toEqual(
      {
        exit: 6,
        code: 'VERSION_UNTESTED',
        message: 'PostgreSQL 19 is newer than 18, the newest that poolctl was tried with',
        hint:
          'Use a poolctl that knows it, or try the change on a copy of the cluster first.\n' +
          'This check alone is lifted by --allow-untested-version.',
      },
    )
    expect(statuses()).toEqual(['up', 'up', 'up'])
    expect(await operations()).toEqual([])
  })

  test('goes on with the flag, and warns', async () => {
    const flags = {yes: true, 'allow-untested-version': true}
    const body = await performIn(session(), newer, DETACH_1, flags, captured.terminal)
    expect({exit: body.exitCode, codes: body.warnings?.map(({code}) => code)}).toEqual({
      exit: 0,
      codes: ['VERSION_UNTESTED'],
    })
    expect(statuses()).toEqual(['up', 'down', 'up'])
  })

  test('stands beside what else is refused, and is not lifted by lifting that', async () => {
    const body = await performIn(session(), newer, {...DETACH_1, node: 0}, {yes: true}, captured.terminal)
    const {refusals} = body.data as {refusals: {code: string}[]}
    expect(refusals.map(({code}) => code)).toEqual(['NODE_IS_PRIMARY', 'VERSION_UNTESTED'])
  })
})

describe('a change through a pgpool that nobody tried', () => {
  const detachIt = {...DETACH_1, node: 2}
  const codes = (data: unknown): string[] => (data as {refusals: {code: string}[]}).refusals.map(({code}) => code)
  const longer = (node: PoolNode): PoolNode => ({...node, rawFields: Array<string>(14).fill('1')})

  const verbs: [string, () => Promise<PerformBody>][] = [
    ['detach', () => performIn(session(), detach, detachIt, {yes: true}, captured.terminal)],
    ['attach', () => performIn(session(), attach, {node: 1, allowLagBytes: null}, {}, captured.terminal)],
    ['promote', () => performIn(session(), promote, promoteRequest({node: 2}), {yes: true}, captured.terminal)],
    ['recovery', () => performIn(session(), recovery, recoveryRequest({node: 1}), {yes: true}, captured.terminal)],
    [
      'recovery --driver pgpool',
      () => performIn(session(), poolRecovery, recoveryRequest({node: 1}), {yes: true}, captured.terminal),
    ],
    ['scripts install', () => performIn(session(), installScripts, INSTALL, {yes: true}, captured.terminal)],
    ['upgrade prepare', () => performIn(session(), upgradePrepare, {...UPGRADE, safety: null}, {}, captured.terminal)],
    [
      'upgrade rollback',
      () => performIn(session(), upgradeRollback, {...UPGRADE, run: null}, {yes: true}, captured.terminal),
    ],
    [
      'upgrade finish',
      () => performIn(session(), upgradeFinish, {...UPGRADE, run: null}, {yes: true}, captured.terminal),
    ],
  ]

  test.each(verbs)('is refused: %s', async (_, act) => {
    site.pool.nodes[1]!.status = 'down'
    site.pool.version = '4.8.0'
    const before = structuredClone({...site, file: null})
    const body = await act()
    expect([body.exitCode, 'refusals' in body.data ? codes(body.data) : body.data.outcome]).toEqual([
      6,
      expect.arrayContaining(['POOL_VERSION_UNTESTED']),
    ])
    expect(structuredClone({...site, file: null, next: 0, nowMs: 0})).toMatchObject({nodes: before.nodes})
  })

  test('goes on with the flag that names it, and warns', async () => {
    site.pool.version = '4.8.0'
    const refused = await performIn(session(), detach, detachIt, {yes: true}, captured.terminal)
    expect([refused.error?.message, refused.error?.hint]).toEqual([
      'pgpool proxy1 (127.0.0.1:9898) is Pgpool-II 4.8.0, newer than 4.7, the newest that poolctl was tried with',
      'Use a poolctl that knows it, or try the change on a copy of the cluster first.\n' +
        'This check alone is lifted by --allow-untested-version.',
    ])
    const flags = {yes: true, 'allow-untested-version': true}
    const body = await performIn(session(), detach, detachIt, flags, captured.terminal)
    expect([body.exitCode, body.warnings?.map(({code}) => code)]).toEqual([0, ['POOL_VERSION_UNTESTED']])
    expect(statuses()).toEqual(['up', 'up', 'down'])
  })

  test('is refused when only the length of its rows tells it, as it is without a cluster file', async () => {
    const {world} = session()
    const pool = replacing<Pool>(world.pool, {nodeInfo: async () => (await world.pool.nodeInfo()).map(longer)})
    for (const pcpOnly of [false, true]) {
      const body = await performIn(
        {...session(), world: {...world, pool}, pcpOnly},
        detach,
        detachIt,
        {yes: true},
        captured.terminal,
      )
      expect([pcpOnly, body.exitCode, body.error?.code, body.error?.message]).toEqual([
        pcpOnly,
        6,
        'POOL_VERSION_UNTESTED',
        'pgpool proxy1 (127.0.0.1:9898) answers with 14 fields, more than any Pgpool-II up to 4.7, the newest that poolctl was tried with',
      ])
    }
  })

  test.each(['4.7.9', '3.7.26', undefined])('goes on as before where it says %s', async (version) => {
    if (version !== undefined) site.pool.version = version
    const body = await performIn(session(), detach, detachIt, {yes: true}, captured.terminal)
    expect([body.exitCode, body.warnings]).toEqual([0, []])
  })
})

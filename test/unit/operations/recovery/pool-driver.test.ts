/** When pgpool is let recover a node, what is refused before, and what the plan says of clients that are held back. */
import {describe, expect, test} from 'vitest'
import type {Decision} from '../../../../src/operations/operation.js'
import {poolRecovery} from '../../../../src/operations/recovery/pool-driver.js'
import {surveyPoolDriver, type PoolDriverFacts} from '../../../../src/operations/recovery/pool-driver-survey.js'
import {Unreachable} from '../../../../src/lib/errors.js'
import {parsePoolStatus, visibleSettings} from '../../../../src/pcp/pool-status.js'
import {poolStatusRequest} from '../../../../src/pcp/requests.js'
import type {Pool, PoolSession} from '../../../../src/ports/pool.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite} from '../../../support/fake-site.js'
import {readTranscript} from '../../../support/pcp-record.js'
import {complete} from '../../../support/pcp-reply.js'
import {replacing} from '../../steps/step-bench.js'
import {
  answering,
  controlData,
  dataDirectory,
  detached,
  nodeConfig,
  poolNode,
  recoveryFacts,
  recoveryRequest,
  silent,
  type RecoveryChange,
} from '../../../support/builders.js'

const SCRIPTS = ['recovery_1st_stage', 'recovery_2nd_stage', 'pgpool_remote_start'].map((name) => ({
  name,
  path: `/data/${name}`,
  wanted: 'a',
  installed: 'a',
}))

const SETTINGS = {
  recovery_1st_stage_command: 'recovery_1st_stage',
  recovery_2nd_stage_command: 'recovery_2nd_stage',
  recovery_user: 'postgres',
  recovery_timeout: '90',
  client_idle_limit_in_recovery: '0',
}

const DIRECTORY = {pool: 'proxy1', said: nodeConfig(2).data, written: nodeConfig(2).data}

type Own = Partial<Omit<PoolDriverFacts, keyof ReturnType<typeof recoveryFacts>>>

function facts(own: Own = {}, base: RecoveryChange = {}): PoolDriverFacts {
  return {
    ...recoveryFacts(base),
    mode: 'streaming',
    settings: SETTINGS,
    directory: DIRECTORY,
    scripts: SCRIPTS,
    extension: {available: true, installed: true, parameters: 7},
    callArguments: 7,
    freezes: true,
    clients: [{pool: 'proxy1', clients: 0}],
    watchdog: null,
    pools: 1,
    ...own,
  }
}

const decide = (own: Own = {}, base: RecoveryChange = {}): Decision =>
  poolRecovery.decide(recoveryRequest(), facts(own, base))

function refused(own: Own, base: RecoveryChange = {}): [string, string][] {
  const decision = decide(own, base)
  return decision.kind === 'refused' ? decision.refusals.map(({code, message}) => [code, message]) : []
}

const native: RecoveryChange = {
  clusteringMode: '2',
  pool: [poolNode(0), poolNode(1, {role: 'standby'}), poolNode(2, detached)],
  servers: [answering(0), answering(1, {inRecovery: false, receiver: null}), silent(2)],
}
const session = (pid: number, connected: boolean): PoolSession => ({
  pid,
  database: 'shop',
  user: 'app',
  backendId: null,
  backendPid: null,
  connected,
  status: null,
  clientHost: null,
})

function inputOf(decision: Decision, id: string): unknown {
  return decision.kind === 'planned' ? decision.plan.steps.find((step) => step.id === id)?.input : null
}

describe('a recovery by pgpool is refused', () => {
  test.each<[string, Own, RecoveryChange, [string, string][]]>([
    [
      'for a slot of pgpool without a host, which would have the scripts called with an empty directory',
      {},
      {pool: [poolNode(0), poolNode(1), poolNode(2, {hostname: ''})]},
      [['NODE_UNKNOWN_TO_POOL', 'pgpool has no node 2']],
    ],
    [
      'in a mode without online recovery',
      {mode: null},
      {clusteringMode: '5'},
      [['NO_RECOVERY_IN_MODE', 'pgpool has no online recovery in mode 5']],
    ],
    [
      'for the primary',
      {},
      {pool: [poolNode(0), poolNode(1), poolNode(2, {role: 'primary'})]},
      [['TARGET_IS_PRIMARY', 'node 2 is the primary that pgpool sends writes to']],
    ],
    [
      'without anything to copy from in native replication',
      {mode: 'native'},
      {...native, primary: null},
      [['NO_PRIMARY', 'no other attached node answers, so there is nothing to recover from']],
    ],
    [
      'when no member of the watchdog that answers leads it',
      {watchdog: {leader: null}, pools: 3},
      {},
      [['NO_WATCHDOG_LEADER', 'no pgpool that answers leads the watchdog with a quorum']],
    ],
    [
      'in native replication with several pgpools that do not watch each other',
      {mode: 'native', pools: 2},
      native,
      [
        [
          'POOLS_UNWATCHED',
          '2 pgpools run without watchdog: the second stage would hold the clients of one of them only',
        ],
      ],
    ],
    [
      'by an extension that takes fewer arguments than this pgpool gives',
      {extension: {available: true, installed: true, parameters: 6}},
      {},
      [['EXTENSION_TOO_OLD', 'this pgpool calls pgpool_recovery() with 7 arguments, and node 0 has it with 6']],
    ],
    [
      'while pgpool and its pgpool.conf would have the node recovered elsewhere',
      {directory: {...DIRECTORY, said: '/srv/13', written: '/srv/13'}},
      {},
      [
        [
          'POOL_DIRECTORY_OTHER',
          `pgpool would have node 2 recovered in /srv/13, the cluster file's directory of it is ${nodeConfig(2).data}`,
        ],
      ],
    ],
    [
      "by everything that is missing of the scripts at once, and a path in pgpool's setting",
      {
        mode: 'native',
        settings: {
          ...SETTINGS,
          recovery_1st_stage_command: '/etc/first.sh',
          recovery_2nd_stage_command: '',
          recovery_user: '',
        },
        scripts: SCRIPTS.map((script) =>
          script.name === 'recovery_2nd_stage' ? {...script, installed: null} : script,
        ),
        extension: {available: true, installed: false, parameters: null},
      },
      native,
      [
        [
          'RECOVERY_COMMAND_OTHER',
          "pgpool's recovery_1st_stage_command is /etc/first.sh, not poolctl's recovery_1st_stage",
        ],
        ['RECOVERY_COMMAND_OTHER', 'pgpool has no recovery_2nd_stage_command'],
        ['RECOVERY_USER_MISSING', 'pgpool has no recovery_user'],
        ['SCRIPTS_MISSING', 'node 0 lacks recovery_2nd_stage in its data directory'],
        ['EXTENSION_MISSING', 'node 0 lacks the extension pgpool_recovery'],
      ],
    ],
  ])('%s', (_title, own, base, expected) => {
    expect(refused(own, base)).toEqual(expected)
  })

  test.each<[string | null, string]>([
    ['/srv/14', "pgpool.conf of proxy1 has backend_data_directory2 = '/srv/14'."],
    [null, 'pgpool.conf of proxy1 could not be read, or has no backend_data_directory2.'],
  ])('with every way to put the directory right, where pgpool.conf says %s', (written, detail) => {
    const directory = {...DIRECTORY, said: '/srv/13', written}
    const told = [decide({directory}), decide({directory, mode: 'native'}, native)].map((decision) =>
      decision.kind === 'refused' ? decision.refusals.map((refusal) => [refusal.detail, refusal.hint]) : [],
    )
    const hint = `Write backend_data_directory2 = '${nodeConfig(2).data}' there, or correct data of node 2 in the cluster file`
    // In native replication nobody but pgpool can recover a node.
    expect(told).toEqual([[[detail, `${hint}. As it is: poolctl recovery 2 --driver ssh`]], [[detail, hint]]])
  })

  test("over another cluster's data", () => {
    const directory = dataDirectory({control: controlData({systemIdentifier: '7000000000000000001'})})
    expect(refused({}, {target: {directory}}).map(([code]) => code)).toEqual(['FOREIGN_DATA'])
  })
})

describe('a recovery by pgpool', () => {
  test('needs nothing when the node is attached and streams, or in native replication answers', () => {
    const pool = [poolNode(0), poolNode(1), poolNode(2)]
    expect(decide({}, {pool, servers: [answering(0), answering(1), answering(2)]})).toEqual({
      kind: 'nothing-to-do',
      because: 'node 2 is attached and streams from node 0',
    })
    const servers = [answering(0), answering(1, {inRecovery: false}), answering(2, {inRecovery: false})]
    expect(decide({mode: 'native'}, {...native, pool, servers})).toEqual({
      kind: 'nothing-to-do',
      because: 'node 2 is attached and answers',
    })
  })

  const stepsOf = (decision: Decision): string[] =>
    decision.kind === 'planned' ? decision.plan.steps.map(({id}) => id) : []

  test('in streaming replication is proved as with --driver ssh, and holds nobody back', () => {
    const decision = decide()
    expect(stepsOf(decision)).toEqual([
      'pool-recovery',
      'await-streaming',
      'verify-standby',
      'attach-node',
      'await-routing',
      'clean-up',
    ])
    expect(decision).toMatchObject({kind: 'planned', warnings: [], plan: {locks: [0, 2]}})
  })

  test('has pgpool take the directory from its pgpool.conf once the node is out of the pool', () => {
    const moved = decide({directory: {...DIRECTORY, said: '/srv/13'}}, {pool: [poolNode(0), poolNode(1), poolNode(2)]})
    expect(stepsOf(moved).slice(0, 3)).toEqual(['detach-node', 'set-pool-paths', 'pool-recovery'])
    expect(inputOf(moved, 'set-pool-paths')).toEqual({
      pool: 'proxy1',
      settings: {backend_data_directory2: nodeConfig(2).data},
      required: true,
    })
  })

  test('stops a server that still runs first, because pgpool does not look', () => {
    const directory = dataDirectory({postmasterPid: 77})
    expect(stepsOf(decide({}, {target: {directory}})).slice(0, 2)).toEqual(['stop-server', 'pool-recovery'])
  })

  test.each([
    ['0', 'are waited for, up to 90 s; one that stays makes the recovery fail'],
    ['-1', 'are cut off at once'],
    ['20', 'are cut off once idle for 20 s'],
  ])('in native replication says what becomes of connected clients, with a limit of %s', (limit, what) => {
    const decision = decide(
      {
        mode: 'native',
        settings: {...SETTINGS, client_idle_limit_in_recovery: limit},
        clients: [
          {pool: 'proxy1', clients: 2},
          {pool: 'proxy2', clients: 1},
        ],
      },
      native,
    )
    expect(stepsOf(decision)).toContain('verify-equal')
    const message = `the second stage holds all clients back; 3 that are connected now ${what} (client_idle_limit_in_recovery = ${limit})`
    expect(decision).toMatchObject({
      kind: 'planned',
      plan: {reasons: {clients: message}},
      warnings: [{code: 'CLIENTS_HELD', message, node: null}],
    })
  })

  test('is asked of the leader of the watchdog, and its plan is stale when another leads', () => {
    const led = {watchdog: {leader: 'proxy2:9898'}, pools: 3}
    expect(inputOf(decide(led), 'pool-recovery')).toMatchObject({node: 2, on: 0, pool: 'proxy2:9898'})
    const other = {watchdog: {leader: 'proxy3:9898'}, pools: 3}
    expect(poolRecovery.fingerprint(facts(led))).not.toEqual(poolRecovery.fingerprint(facts(other)))
  })

  test('says that it does not know of the clients of a pgpool that is silent', () => {
    const clients = [
      {pool: 'proxy1', clients: 2},
      {pool: 'proxy2', clients: null},
    ]
    expect(decide({mode: 'native', clients}, native)).toMatchObject({
      warnings: [
        {
          message: expect.stringContaining(
            'back; 2 that are connected now, and an unknown number at proxy2, which does not answer, are waited for',
          ) as string,
        },
      ],
    })
  })
})

describe('the survey of a recovery by pgpool', () => {
  async function survey(pool: Partial<Pool>): Promise<PoolDriverFacts> {
    const world = fakeWorld(healthySite())
    const pools = world.pools.map((place) => ({...place, pool: replacing<Pool>(place.pool, pool)}))
    const asked = {...world, pools, pool: replacing<Pool>(world.pool, pool)}
    return surveyPoolDriver(recoveryRequest(), asked, () => undefined)
  }

  test('counts a client once, although pgpool tells of it for every node that it uses', async () => {
    const sessions = [session(1, true), session(1, true), session(2, true), session(2, true), session(3, false)]
    const {clients} = await survey({sessions: () => Promise.resolve(sessions)})
    expect(clients).toEqual([{pool: 'proxy1 (127.0.0.1:9898)', clients: 2}])
  })

  test('does not take a pgpool that cannot tell its clients for one without any', async () => {
    const {clients} = await survey({sessions: () => Promise.reject(new Unreachable({code: 'X', message: 'x'}))})
    expect(clients).toEqual([{pool: 'proxy1 (127.0.0.1:9898)', clients: null}])
  })

  test.each([
    ['4.1.4', 12_000],
    ['4.3.5', 12_000],
    ['4.6.1', 0],
    ['4.7.3', 0],
  ])('of %s waits %i ms for a pgpool that may be frozen: by what that release really says', async (version, ms) => {
    const turns = await readTranscript(version, 'pool-status')
    const said = turns.filter(({from}) => from === 'S').at(-1)!.bytes
    const settings = visibleSettings(parsePoolStatus(complete(poolStatusRequest(), said)))
    const {freezes} = await survey({settings: () => Promise.resolve(settings)})
    expect(inputOf(decide({freezes}), 'pool-recovery')).toMatchObject({freezePatienceMs: ms})
  })
})

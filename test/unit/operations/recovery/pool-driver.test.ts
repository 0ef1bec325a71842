/** When pgpool is let recover a node, what is refused before, and what the plan says of clients that are held back. */
import {describe, expect, test} from 'vitest'
import type {Decision} from '../../../../src/operations/operation.js'
import {poolRecovery} from '../../../../src/operations/recovery/pool-driver.js'
import type {PoolDriverFacts} from '../../../../src/operations/recovery/pool-driver-survey.js'
import type {PoolSession} from '../../../../src/ports/pool.js'
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
  pool_version: '4.3.5',
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
    sessions: [],
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
  const inputOf = (decision: Decision, id: string): unknown =>
    decision.kind === 'planned' ? decision.plan.steps.find((step) => step.id === id)?.input : null

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
        sessions: [session(1, true), session(2, true), session(3, false)],
      },
      native,
    )
    expect(stepsOf(decision)).toContain('verify-equal')
    const message = `the second stage holds all clients back; 2 that are connected now ${what} (client_idle_limit_in_recovery = ${limit})`
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

  test('has patience with a silent pgpool only where a failover cannot freeze it, from 4.5 on', () => {
    const patience = (version: string): unknown =>
      inputOf(decide({settings: {...SETTINGS, pool_version: version}}), 'pool-recovery')
    expect(patience('4.4.9')).toMatchObject({freezePatienceMs: 12_000})
    expect(patience('4.5.0')).toMatchObject({freezePatienceMs: 0})
  })
})

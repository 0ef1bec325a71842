import {describe, expect, test} from 'vitest'
import {nodeId} from '../../../../src/cluster/node-id.js'
import type {Refusal} from '../../../../src/operations/operation.js'
import {recovery} from '../../../../src/operations/recovery/recovery.js'
import type {RecoveryRequest} from '../../../../src/operations/recovery/request.js'
import {findPrimary} from '../../../../src/operations/recovery/survey.js'
import type {ServerFacts} from '../../../../src/ports/postgres.js'
import {
  answering,
  controlData,
  dataDirectory,
  detached,
  emptyDirectory,
  hostFacts,
  lsn,
  nodeConfig,
  poolNode,
  primaryControl,
  primaryFacts,
  primaryServer,
  recoveryFacts,
  recoveryRequest,
  silent,
  type RecoveryChange,
} from '../../../support/builders.js'

type Change = {request?: Partial<RecoveryRequest>; facts?: RecoveryChange}

function refusals({request, facts}: Change): Refusal[] {
  const decision = recovery.decide(recoveryRequest(request), recoveryFacts(facts))
  return decision.kind === 'refused' ? decision.refusals : []
}

const refusal = (code: string, message: string, rest: Partial<Refusal> = {}): Refusal => ({
  code,
  node: 2,
  message,
  detail: null,
  hint: null,
  override: null,
  ...rest,
})
const directory = (change: Parameters<typeof dataDirectory>[0]): RecoveryChange => ({
  target: {directory: dataDirectory(change)},
})
const servers = (change: Partial<ServerFacts>): RecoveryChange => ({
  servers: [answering(0, change), answering(1), silent(2)],
})
const foreign = controlData({systemIdentifier: '7000000000000000001'})
const secondPrimary: RecoveryChange = {
  servers: [answering(0), answering(1), answering(2, {inRecovery: false, receiver: null, timeline: 2})],
  target: {
    directory: dataDirectory({
      control: primaryControl({state: 'in production', timeline: 2}),
      postmasterPid: 1002,
      standbySignal: false,
    }),
    history: [{timeline: 1, until: lsn('0/3800000')}],
  },
}

describe('a recovery is refused', () => {
  test.each<[string, Change, Refusal[]]>([
    [
      'when pgpool does not list the node',
      {facts: {pool: [poolNode(0), poolNode(1)]}},
      [refusal('NODE_UNKNOWN_TO_POOL', 'pgpool has no node 2', {hint: 'poolctl node-info'})],
    ],
    [
      'when the node is an unused slot of pgpool',
      {facts: {pool: [poolNode(0), poolNode(1), poolNode(2, {status: 'unused', statusCode: 0})]}},
      [refusal('NODE_UNKNOWN_TO_POOL', 'pgpool has no node 2', {hint: 'poolctl node-info'})],
    ],
    [
      'when the node is the primary of the pool',
      {
        facts: {
          pool: [poolNode(0, {role: 'standby'}), poolNode(1), poolNode(2, {role: 'primary'})],
          servers: [silent(0), answering(1, {inRecovery: false}), silent(2)],
        },
      },
      [
        refusal('TARGET_IS_PRIMARY', 'node 2 is the primary that pgpool sends writes to', {
          hint: 'Move the primary role first: poolctl promote NODE',
        }),
      ],
    ],
    [
      'when pgpool does not run in streaming mode',
      {facts: {clusteringMode: '2'}},
      [
        refusal('NOT_STREAMING_MODE', 'pgpool runs in clustering mode 2, not in streaming replication mode', {
          detail: 'In the other modes only pgpool can hold clients back for the second stage.',
        }),
      ],
    ],
    [
      'when two other nodes run as primary',
      {facts: {servers: [answering(0), answering(1, {inRecovery: false}), silent(2)], primary: null}},
      [
        refusal('TWO_PRIMARIES', 'nodes 0 and 1 both run as primary', {
          hint: 'Decide which one holds the data, stop the other, then: poolctl status',
        }),
      ],
    ],
    [
      'when no primary runs',
      {facts: {servers: [silent(0, 'timed out'), answering(1), silent(2)], primary: null}},
      [
        refusal('NO_PRIMARY', 'no running primary that pgpool agrees with, so there is nothing to recover from', {
          detail: 'node 0: timed out; node 1: standby; node 2: connection refused',
          hint: 'poolctl status',
        }),
      ],
    ],
    [
      'when the directory holds data of another cluster',
      {facts: directory({control: foreign})},
      [
        refusal(
          'FOREIGN_DATA',
          `${nodeConfig(2).data} holds data of another cluster (system identifier 7000000000000000001, not 7301234567890123456)`,
          {
            hint: 'Look at it. If it may be overwritten: --allow-foreign-data 7000000000000000001',
            override: '--allow-foreign-data',
          },
        ),
      ],
    ],
    [
      'when another identifier was allowed than the one that is there',
      {request: {allowForeignData: '7000000000000000002'}, facts: directory({control: foreign, controlAside: true})},
      [
        refusal(
          'FOREIGN_DATA',
          `${nodeConfig(2).data} holds data of another cluster (system identifier 7000000000000000001, not 7301234567890123456)`,
          {
            hint: 'Look at it. If it may be overwritten: --allow-foreign-data 7000000000000000001',
            override: '--allow-foreign-data',
          },
        ),
      ],
    ],
    [
      'when it cannot be said whose data it is',
      {facts: directory({control: null})},
      [
        refusal(
          'UNVERIFIED_DIRECTORY',
          `${nodeConfig(2).data} is not empty and its control file cannot be read, so whose data it is cannot be proved`,
          {
            hint: 'Look at it. If it may be overwritten: --allow-foreign-data unreadable',
            override: '--allow-foreign-data',
          },
        ),
      ],
    ],
    [
      'when the node runs as a second primary',
      {facts: secondPrimary},
      [
        refusal('TARGET_IS_LIVE_PRIMARY', 'node 2 is running as a second primary on timeline 2', {
          detail: 'It may have taken writes that node 0 does not have; recovery discards them.',
          hint: 'Save what you need from it, then repeat with --discard-second-primary',
          override: '--discard-second-primary',
        }),
      ],
    ],
    [
      'when the data is of another major version',
      {facts: directory({pgVersion: '13'})},
      [
        refusal('OTHER_MAJOR_VERSION', "the target's data is of version 13, the primary runs 15", {
          hint: 'Check bin and data of the node in the cluster file',
        }),
      ],
    ],
    [
      'when the method asked for is not enough',
      {request: {method: 'start'}, facts: {primary: primaryFacts({walSegments: []})}},
      [
        refusal(
          'METHOD_NOT_ENOUGH',
          '--method start is not enough for node 2: the primary no longer has WAL from 0/4000000 on (segment 000000010000000000000004)',
          {hint: 'Enough would be: delta, full'},
        ),
      ],
    ],
    [
      'when a delta is asked for and there is nothing to compare with',
      {request: {method: 'delta'}, facts: directory(emptyDirectory)},
      [
        refusal('METHOD_NOT_ENOUGH', '--method delta is not enough for node 2: there is no old data to reuse', {
          hint: 'Enough would be: full',
        }),
      ],
    ],
    [
      'when rsync is missing on either side',
      {
        request: {method: 'delta'},
        facts: {
          target: {host: hostFacts(2, {rsync: null})},
          primary: primaryFacts({host: hostFacts(0, {rsync: null})}),
        },
      },
      [
        refusal('NO_RSYNC', 'rsync is not installed on host db2', {hint: 'Install the package rsync there'}),
        refusal('NO_RSYNC', 'rsync is not installed on host db0', {hint: 'Install the package rsync there'}),
      ],
    ],
    [
      'when a full copy does not fit beside the old data',
      {request: {method: 'full'}, facts: directory({freeBytes: 1_067_108_863})},
      [
        refusal('NO_SPACE', 'host db2 has 1067108863 bytes free, the copy needs about 1067108864', {
          hint: 'A full copy keeps the old directory until the new one is proved; --method delta reuses it',
        }),
      ],
    ],
    [
      'when even the differences do not fit',
      {request: {method: 'delta'}, facts: directory({freeBytes: 67_108_863})},
      [
        refusal('NO_SPACE', 'host db2 has 67108863 bytes free, the copy needs about 67108864', {
          hint: 'Free some space there',
        }),
      ],
    ],
    [
      "when a copy would overwrite the primary's tablespaces",
      {
        request: {method: 'full'},
        facts: {
          ...servers({tablespaces: [{oid: 16400, name: 'fast', location: '/srv/fast'}]}),
          target: {host: hostFacts(2, {bootId: 'boot-0'})},
        },
      },
      [
        refusal(
          'TABLESPACE_ON_SAME_MACHINE',
          "source and target are one machine, and tablespaces have absolute paths: the copy would overwrite the primary's own",
          {detail: 'fast: /srv/fast'},
        ),
      ],
    ],
    [
      'when the primary has no replication slot free',
      {facts: servers({slots: [], settings: {max_replication_slots: '0', max_wal_senders: '10'}})},
      [
        refusal('NO_FREE_SLOT', 'all 0 replication slots of the primary are used', {
          hint: 'Drop an unused one, or raise max_replication_slots',
        }),
      ],
    ],
    [
      'when the primary has no WAL sender free',
      {facts: servers({settings: {max_replication_slots: '10', max_wal_senders: '2'}})},
      [
        refusal('NO_FREE_WAL_SENDER', 'all 2 WAL senders of the primary are used', {
          hint: 'Raise max_wal_senders on the primary',
        }),
      ],
    ],
    [
      'by several checks at once, which are all told',
      {request: {method: 'start'}, facts: directory({control: foreign, pgVersion: '13'})},
      [
        refusal(
          'FOREIGN_DATA',
          `${nodeConfig(2).data} holds data of another cluster (system identifier 7000000000000000001, not 7301234567890123456)`,
          {
            hint: 'Look at it. If it may be overwritten: --allow-foreign-data 7000000000000000001',
            override: '--allow-foreign-data',
          },
        ),
        refusal('OTHER_MAJOR_VERSION', "the target's data is of version 13, the primary runs 15", {
          hint: 'Check bin and data of the node in the cluster file',
        }),
        refusal('METHOD_NOT_ENOUGH', '--method start is not enough for node 2: it holds data of another cluster', {
          hint: 'Enough would be: full',
        }),
      ],
    ],
  ])('%s', (_, change, expected) => {
    expect(refusals(change)).toEqual(expected)
  })
})

describe('a recovery is not refused', () => {
  test.each<[string, Change]>([
    ['on a stopped standby', {}],
    ['before 4.2, where pgpool has no clustering mode', {facts: {clusteringMode: null}}],
    ['when the mode is told by its name', {facts: {clusteringMode: 'streaming_replication'}}],
    [
      "over another cluster's data that was named",
      {request: {allowForeignData: '7000000000000000001'}, facts: directory({control: foreign})},
    ],
    [
      'over unreadable data that was named so',
      {request: {allowForeignData: 'unreadable'}, facts: directory({control: null})},
    ],
    ['over a copy of our own that was broken off', {facts: directory({control: null, controlAside: true})}],
    ['over a second primary that may be discarded', {request: {discardSecondPrimary: true}, facts: secondPrimary}],
    [
      'when its slot is there and no other is free',
      {facts: servers({settings: {max_replication_slots: '2', max_wal_senders: '10'}})},
    ],
    ['without rsync, when nothing is copied', {facts: {target: {host: hostFacts(2, {rsync: null})}}}],
    ['without room, when nothing is copied', {facts: directory({freeBytes: 0})}],
    ['when the copy just fits', {request: {method: 'full'}, facts: directory({freeBytes: 1_067_108_864})}],
    [
      'with tablespaces on another machine',
      {request: {method: 'full'}, facts: servers({tablespaces: [{oid: 16400, name: 'fast', location: '/srv/fast'}]})},
    ],
  ])('%s', (_, change) => {
    expect(refusals(change)).toEqual([])
  })
})

describe('nothing is to be done', () => {
  const healthy: RecoveryChange = {
    pool: [poolNode(0), poolNode(1), poolNode(2)],
    servers: [answering(0), answering(1), answering(2)],
    target: {directory: dataDirectory({control: controlData({state: 'in archive recovery'}), postmasterPid: 1002})},
  }

  test('when the node is attached and streams from the primary', () => {
    expect(recovery.decide(recoveryRequest(), recoveryFacts(healthy))).toEqual({
      kind: 'nothing-to-do',
      because: 'node 2 is attached and streams from node 0 on timeline 1',
    })
  })

  test.each<[string, Partial<RecoveryRequest>, RecoveryChange]>([
    ['a method is asked for by name', {method: 'delta'}, {}],
    ['pgpool has detached it', {}, {pool: [poolNode(0), poolNode(1), poolNode(2, detached)]}],
    ['it does not answer', {}, {servers: [answering(0), answering(1), silent(2)]}],
    ['its receiver is down', {}, {servers: [answering(0), answering(1), answering(2, {receiver: null})]}],
    ['it is on another timeline', {}, {servers: [answering(0), answering(1), answering(2, {timeline: 2})]}],
    ['the primary has no sender to it', {}, {servers: [answering(0, {senders: []}), answering(1), answering(2)]}],
    [
      'the sender to it is still catching up',
      {},
      {
        servers: [
          answering(0, {senders: primaryServer().senders.map((sender) => ({...sender, state: 'catchup'}))}),
          answering(1),
          answering(2),
        ],
      },
    ],
  ])('but not when %s', (_, request, change) => {
    expect(recovery.decide(recoveryRequest(request), recoveryFacts({...healthy, ...change})).kind).toBe('planned')
  })
})

describe('the primary to recover from', () => {
  const pool = [poolNode(0), poolNode(1), poolNode(2)]
  const found = (...args: Parameters<typeof findPrimary>): number | null => findPrimary(...args)?.id ?? null

  test('is the one other node that runs out of recovery and that pgpool agrees with', () => {
    expect(found(pool, [answering(0), answering(1), silent(2)], 2)).toBe(nodeId(0))
  })

  test('is also taken when pgpool names none', () => {
    expect(found([poolNode(0, {role: 'standby'})], [answering(0), answering(1), silent(2)], 2)).toBe(nodeId(0))
  })

  test.each<[string, Parameters<typeof findPrimary>]>([
    ['nobody runs as primary', [pool, [silent(0), answering(1), silent(2)], 2]],
    ['two run as primary', [pool, [answering(0), answering(1, {inRecovery: false}), silent(2)], 2]],
    ['only the target itself does', [pool, [answering(0), silent(1), silent(2)], 0]],
    ['pgpool takes another for it', [pool, [silent(0), answering(1, {inRecovery: false}), silent(2)], 2]],
  ])('is nobody when %s', (_, args) => {
    expect(found(...args)).toBeNull()
  })
})

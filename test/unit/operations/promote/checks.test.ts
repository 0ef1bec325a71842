import {describe, expect, test} from 'vitest'
import type {Refusal} from '../../../../src/operations/operation.js'
import {candidateTable, judge, type Candidate} from '../../../../src/operations/promote/candidates.js'
import {promote} from '../../../../src/operations/promote/promote.js'
import type {PromoteRequest} from '../../../../src/operations/promote/request.js'
import type {PromoteFacts} from '../../../../src/operations/promote/survey.js'
import type {ServerFacts} from '../../../../src/ports/postgres.js'
import {
  answering,
  deadPrimaryFacts,
  hostView,
  lsn,
  poolNode,
  primaryServer,
  promoteFacts,
  promoteRequest,
  SEGMENT,
  silent,
} from '../../../support/builders.js'

function refusals(request: Partial<PromoteRequest>, facts: PromoteFacts): Refusal[] {
  const decision = promote.decide(promoteRequest(request), facts)
  return decision.kind === 'refused' ? decision.refusals : []
}

const refusal = (code: string, node: number | null, message: string, rest: Partial<Refusal> = {}): Refusal => ({
  code,
  node,
  message,
  detail: null,
  hint: null,
  override: null,
  ...rest,
})
const status = {hint: 'poolctl status'}
const promoted = {inRecovery: false, receiver: null}
const lostHost = [hostView(0, {reason: 'no route to host'}), hostView(1), hostView(2)]
const alone = {receiver: null}

describe('a switchover is refused', () => {
  test.each<[string, Partial<PromoteRequest>, Partial<PromoteFacts>, Refusal[]]>([
    [
      'to a node that neither the cluster file nor pgpool knows',
      {node: 7},
      {},
      [
        refusal('NODE_UNKNOWN', 7, 'node 7 is not in the cluster file', {
          detail: 'It has nodes 0, 1, 2.',
          hint: 'poolctl node-info',
        }),
        refusal('NODE_UNKNOWN_TO_POOL', 7, 'pgpool has no node 7', {hint: 'poolctl node-info'}),
      ],
    ],
    [
      'to an unused slot of pgpool',
      {},
      {pool: [poolNode(0), poolNode(1, {status: 'unused', statusCode: 0}), poolNode(2)]},
      [refusal('NODE_UNKNOWN_TO_POOL', 1, 'pgpool has no node 1', {hint: 'poolctl node-info'})],
    ],
    [
      'outside of streaming mode',
      {},
      {settings: {backend_clustering_mode: '3'}},
      [refusal('NOT_STREAMING_MODE', null, 'pgpool runs in clustering mode 3, where it has no primary to move')],
    ],
    [
      'while another operation has pgpool fenced',
      {},
      {fencedBy: 'promote-1'},
      [
        refusal('POOL_FENCED', null, 'pgpool.conf carries the fence of operation promote-1', {
          hint: 'poolctl op resume promote-1',
        }),
      ],
    ],
    [
      'between two primaries',
      {},
      {servers: [answering(0), answering(1), answering(2, promoted)]},
      [refusal('TWO_PRIMARIES', null, 'nodes 0 and 2 both run as primary', status)],
    ],
    [
      'from nobody',
      {},
      {servers: [silent(0), answering(1), answering(2)]},
      [
        refusal('NO_PRIMARY', null, 'no primary answers, so there is nothing to switch over from', {
          hint: 'If it is dead: poolctl promote 1 --failover',
        }),
      ],
    ],
    [
      'while pgpool takes another node for the primary',
      {},
      {pool: [poolNode(0, {role: 'standby'}), poolNode(1), poolNode(2, {role: 'primary'})]},
      [refusal('ROLES_DISAGREE', 0, 'node 0 is primary, but pgpool takes node 2 for it', status)],
    ],
    [
      'while pgpool knows no primary',
      {},
      {pool: [poolNode(0, {role: 'standby'}), poolNode(1), poolNode(2)]},
      [refusal('ROLES_DISAGREE', 0, 'node 0 is primary, but pgpool takes none for it', status)],
    ],
    [
      'when the host of the primary is out of reach, which could not be stopped there',
      {},
      {hosts: lostHost},
      [refusal('HOST_UNREACHABLE', 0, 'the host of the primary cannot be reached: no route to host')],
    ],
    [
      'to an unfit candidate, with what stands against each node and who could take over',
      {},
      {servers: [answering(0), answering(1, {replayPaused: true}), answering(2)]},
      [
        refusal('CANDIDATE_UNFIT', 1, 'node 1 cannot take over', {
          detail: 'node 1: not "replays" (replay is paused)\nnode 2: could take over',
          hint: 'Could take over: poolctl promote 2',
        }),
      ],
    ],
    [
      'when nobody could take over',
      {},
      {servers: [answering(0), answering(1, {replayPaused: true}), silent(2)]},
      [
        refusal('CANDIDATE_UNFIT', 1, 'node 1 cannot take over', {
          detail: 'node 1: not "replays" (replay is paused)\nnode 2: not "server answers" (connection refused)',
          hint: 'poolctl status',
        }),
      ],
    ],
    [
      'by several checks at once, which are all told',
      {},
      {fencedBy: 'promote-1', servers: [answering(0), answering(1), answering(2, promoted)], hosts: lostHost},
      [
        refusal('POOL_FENCED', null, 'pgpool.conf carries the fence of operation promote-1', {
          hint: 'poolctl op resume promote-1',
        }),
        refusal('TWO_PRIMARIES', null, 'nodes 0 and 2 both run as primary', status),
        refusal('HOST_UNREACHABLE', 0, 'the host of the primary cannot be reached: no route to host'),
      ],
    ],
  ])('%s', (_, request, facts, expected) => {
    expect(refusals(request, promoteFacts(facts))).toEqual(expected)
  })
})

describe('a failover is refused', () => {
  test.each<[string, Partial<PromoteRequest>, Partial<PromoteFacts>, Refusal[]]>([
    [
      'while the primary answers: that would make a second one',
      {},
      {servers: [answering(0), answering(1), answering(2)]},
      [
        refusal('PRIMARY_ALIVE', 0, 'primary 0 answers; a failover would make a second one', {
          hint: 'poolctl promote 1',
        }),
      ],
    ],
    [
      'while any other node runs as primary, whatever pgpool thinks',
      {},
      {servers: [silent(0), answering(1, alone), answering(2, promoted)]},
      [
        refusal('PRIMARY_ALIVE', 2, 'primary 2 answers; a failover would make a second one', {
          hint: 'poolctl promote 1',
        }),
      ],
    ],
    [
      'when it cannot be made sure that the old primary is off',
      {},
      {hosts: lostHost},
      [
        refusal(
          'PRIMARY_NOT_FENCED',
          0,
          'the host of old primary 0 cannot be reached, so it cannot be made sure that it is off: no route to host',
          {
            hint: 'Switch it off or cut it from the network, then repeat with --primary-is-fenced',
            override: '--primary-is-fenced',
          },
        ),
      ],
    ],
    [
      'while another operation has pgpool fenced',
      {},
      {fencedBy: 'promote-1'},
      [
        refusal('POOL_FENCED', null, 'pgpool.conf carries the fence of operation promote-1', {
          hint: 'poolctl op resume promote-1',
        }),
      ],
    ],
    [
      'to a node that does not answer',
      {},
      {servers: [silent(0), silent(1), answering(2, alone)]},
      [
        refusal('CANDIDATE_UNFIT', 1, 'node 1 cannot take over', {
          detail:
            'node 0: not "attached to the pool" (down)\nnode 0: not "server answers" (connection refused)\n' +
            'node 1: not "server answers" (connection refused)\nnode 2: could take over',
          hint: 'Could take over: poolctl promote 2',
        }),
      ],
    ],
    [
      'when all nodes answer as standbys and pgpool names no primary: nobody has failed',
      {},
      {
        pool: [poolNode(0, {role: 'standby'}), poolNode(1), poolNode(2)],
        servers: [answering(0, {inRecovery: true}), answering(1, alone), answering(2, alone)],
      },
      [refusal('NO_OLD_PRIMARY', null, 'pgpool names no primary that could have failed', status)],
    ],
  ])('%s', (_, request, facts, expected) => {
    expect(refusals({failover: true, ...request}, deadPrimaryFacts(facts))).toEqual(expected)
  })

  test('not when the operator attests that the old primary is off', () => {
    expect(refusals({failover: true, primaryIsFenced: true}, deadPrimaryFacts({hosts: lostHost}))).toEqual([])
  })

  test('not when another standby has as much as the candidate', () => {
    expect(refusals({failover: true}, deadPrimaryFacts())).toEqual([])
  })
})

describe('a candidate', () => {
  const judged = (change: Partial<ServerFacts>, primary: ServerFacts | null = primaryServer()): Candidate =>
    judge(answering(1, change), promoteFacts(), primary, SEGMENT)
  const against = (candidate: Candidate): string[] =>
    candidate.rules.filter((entry) => !entry.ok).map((entry) => `${entry.rule}: ${entry.seen}`)
  const sender = primaryServer().senders[0]!

  test.each<[string, Candidate, string[]]>([
    ['that streams without lag is fit', judged({}), []],
    ['that is primary itself is not', judged({inRecovery: false}), ['is a standby: runs as a primary']],
    ['whose replay is paused is not', judged({replayPaused: true}), ['replays: replay is paused']],
    ['of another cluster is not', judged({systemIdentifier: '7'}), ['same cluster: 7']],
    ['on another timeline is not', judged({timeline: 2}), ['same timeline: 2, primary 1']],
    [
      'without a receiver is not',
      judged({receiver: null}),
      ['streams from the primary: receiver none, sender streaming'],
    ],
    [
      'that the primary does not send to is not, and its lag is unknown',
      judged({}, primaryServer({senders: []})),
      ['streams from the primary: receiver streaming, sender none', 'lag within limit: unknown'],
    ],
    [
      'that lags more than the limit is not',
      judged({}, primaryServer({senders: [{...sender, replayLsn: lsn('0/3FFFFFF')}]})),
      ['lag within limit: 16777217 B of 16777216 B'],
    ],
    [
      'that lags by exactly the limit is fit',
      judged({}, primaryServer({senders: [{...sender, replayLsn: lsn('0/4000000')}]})),
      [],
    ],
    [
      'that cannot keep a slot for each other node is not',
      judged({settings: {max_replication_slots: '0', max_wal_senders: '10'}}),
      ['slots for its standbys: 0 free, 2 needed'],
    ],
    [
      'whose slots are used by others is not',
      judged({
        settings: {max_replication_slots: '2', max_wal_senders: '10'},
        slots: [{name: 'backup', active: true, restartLsn: null, walStatus: 'reserved'}],
      }),
      ['slots for its standbys: 1 free, 2 needed'],
    ],
    [
      'that has the slots of the others already needs no other',
      judged({
        settings: {max_replication_slots: '2', max_wal_senders: '10'},
        slots: [0, 2].map((id) => ({name: `poolctl_node_${id}`, active: false, restartLsn: null, walStatus: null})),
      }),
      [],
    ],
    [
      'that cannot serve each other node is not',
      judged({settings: {max_replication_slots: '10', max_wal_senders: '1'}}),
      ['WAL senders for its standbys: 1 senders, 2 needed'],
    ],
    ['need not stream when there is no primary to stream from', judged({receiver: null}, null), []],
    [
      'that pgpool has detached is not',
      judge(answering(1), promoteFacts({pool: [poolNode(1, {status: 'down'})]}), primaryServer(), SEGMENT),
      ['attached to the pool: down'],
    ],
    [
      'that pgpool does not list is not',
      judge(answering(1), promoteFacts({pool: []}), primaryServer(), SEGMENT),
      ['attached to the pool: not in pgpool'],
    ],
    [
      'whose host is out of reach is not',
      judge(answering(1), promoteFacts({hosts: [hostView(1, {reason: 'timed out'})]}), primaryServer(), SEGMENT),
      ['host answers: timed out'],
    ],
    [
      'that does not answer is asked nothing else',
      judge(silent(1), promoteFacts(), primaryServer(), SEGMENT),
      ['server answers: connection refused'],
    ],
  ])('%s', (_, candidate, expected) => {
    expect(against(candidate)).toEqual(expected)
    expect(candidate.fit).toBe(expected.length === 0)
  })

  test('table has a line for each rule that fails, and one for each node that could take over', () => {
    const table: Candidate[] = [
      {
        node: 1,
        fit: false,
        rules: [
          {rule: 'replays', ok: false, seen: 'replay is paused'},
          {rule: 'is a standby', ok: true, seen: 'in recovery'},
          {rule: 'lag within limit', ok: false, seen: '9 B of 8 B'},
        ],
      },
      {node: 2, fit: true, rules: [{rule: 'replays', ok: true, seen: 'not paused'}]},
    ]
    expect(candidateTable(table)).toBe(
      'node 1: not "replays" (replay is paused)\nnode 1: not "lag within limit" (9 B of 8 B)\nnode 2: could take over',
    )
  })
})

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {PlannedStep} from '../../../../src/engine/plan.js'
import type {Consent, Decision} from '../../../../src/operations/operation.js'
import {planRecovery} from '../../../../src/operations/recovery/plan.js'
import {recovery} from '../../../../src/operations/recovery/recovery.js'
import {METHODS, type Method, type RecoveryRequest} from '../../../../src/operations/recovery/request.js'
import {stepCatalog} from '../../../../src/steps/catalog.js'
import {
  answering,
  controlData,
  dataDirectory,
  hostFacts,
  detached,
  emptyDirectory,
  ground,
  lsn,
  nodeConfig,
  planned,
  poolNode,
  primaryControl,
  primaryFacts,
  primaryServer,
  recoveryFacts,
  recoveryRequest,
  silent,
  type RecoveryChange,
} from '../../../support/builders.js'

function decided(request: Partial<RecoveryRequest>, facts: RecoveryChange): Extract<Decision, {kind: 'planned'}> {
  const decision = recovery.decide(recoveryRequest(request), recoveryFacts(facts))
  if (decision.kind !== 'planned') throw new Error(`not planned: ${JSON.stringify(decision)}`)
  return decision
}
const stepsOf = (request: Partial<RecoveryRequest>, facts: RecoveryChange): PlannedStep[] =>
  decided(request, facts).plan.steps
const ids = (steps: readonly PlannedStep[]): string[] => steps.map((step) => step.id)

/** Node 0 was primary, went past the fork, and node 1 is primary on timeline 2 now. */
const formerPrimary: RecoveryChange = {
  pool: [poolNode(0, {...detached, role: 'standby'}), poolNode(1, {role: 'primary'}), poolNode(2)],
  servers: [silent(0), answering(1, {...primaryServer({timeline: 2})}), answering(2, {timeline: 2})],
  primary: primaryFacts({id: nodeConfig(1).id, node: nodeConfig(1), history: [{timeline: 1, until: lsn('0/3800000')}]}),
  target: {node: nodeConfig(0), directory: dataDirectory({control: primaryControl(), standbySignal: false})},
}

describe('the runbook', () => {
  test('of a start proves and attaches the node, and copies nothing', () => {
    expect(stepsOf({}, {})).toEqual([
      planned({
        id: 'create-slot',
        title: 'keep WAL for it on node 0 (slot poolctl_node_2)',
        input: {on: 0, slot: 'poolctl_node_2', node: 2, keepOnUndo: true},
        undo: 'the slot was there before and stays',
      }),
      planned({
        id: 'write-standby-settings',
        host: 'db2',
        title: 'make it follow node 0',
        input: {node: 2, primary: 0, overrides: {}},
      }),
      planned({
        id: 'start-server',
        host: 'db2',
        title: 'start PostgreSQL on node 2',
        input: {node: 2, stopOnUndo: true},
        undo: 'it is stopped again',
      }),
      planned({
        id: 'await-streaming',
        title: 'wait until it is consistent, streams, and lags little',
        input: {node: 2, primary: 0, maxLagBytes: 16777216, limitMs: 900000},
      }),
      planned({
        id: 'verify-standby',
        title: 'prove it: a row written on node 0 is read on node 2',
        input: {node: 2, primary: 0, maxLagBytes: 16777216},
      }),
      planned({id: 'attach-node', title: 'attach node 2', input: {node: 2}, undo: 'it is detached again'}),
      planned({id: 'await-routing', title: 'see pgpool send reads to it', input: {node: 2}, irreversible: true}),
      planned({id: 'clean-up', host: 'db2', title: 'remove what was set aside', input: {node: 2}}),
    ])
  })

  test('of a rewind checkpoints the primary first, so that pg_rewind sees its new timeline', () => {
    expect(stepsOf({node: 0}, formerPrimary)).toEqual([
      planned({
        id: 'create-slot',
        title: 'keep WAL for it on node 1 (slot poolctl_node_0)',
        input: {on: 1, slot: 'poolctl_node_0', node: 0, keepOnUndo: false},
        undo: 'the slot is dropped',
      }),
      planned({
        id: 'save-config',
        host: 'db0',
        title: "keep the node's own configuration files",
        input: {node: 0, on: 1},
      }),
      planned({id: 'checkpoint', title: 'checkpoint on node 1', input: {on: 1}}),
      planned({
        id: 'rewind-data',
        host: 'db0',
        title: 'rewind it to where it left the primary',
        input: {node: 0, on: 1},
        undo: 'a half-rewound directory is made unstartable',
      }),
      planned({
        id: 'write-standby-settings',
        host: 'db0',
        title: 'make it follow node 1',
        input: {node: 0, primary: 1, overrides: {}},
      }),
      planned({
        id: 'start-server',
        host: 'db0',
        title: 'start PostgreSQL on node 0',
        input: {node: 0, stopOnUndo: true},
        undo: 'it is stopped again',
      }),
      planned({
        id: 'await-streaming',
        title: 'wait until it is consistent, streams, and lags little',
        input: {node: 0, primary: 1, maxLagBytes: 16777216, limitMs: 900000},
      }),
      planned({
        id: 'verify-standby',
        title: 'prove it: a row written on node 1 is read on node 0',
        input: {node: 0, primary: 1, maxLagBytes: 16777216},
      }),
      planned({id: 'attach-node', title: 'attach node 0', input: {node: 0}, undo: 'it is detached again'}),
      planned({id: 'await-routing', title: 'see pgpool send reads to it', input: {node: 0}, irreversible: true}),
      planned({id: 'clean-up', host: 'db0', title: 'remove what was set aside', input: {node: 0}}),
    ])
  })

  test('of a delta holds a backup open around the copy and compares what was written since the survey', () => {
    const tablespaces = [{oid: 16400, name: 'fast', location: '/srv/fast'}]
    const facts = {servers: [answering(0, {tablespaces}), answering(1), silent(2)]}
    expect(stepsOf({method: 'delta'}, facts)).toEqual([
      planned({
        id: 'create-slot',
        title: 'keep WAL for it on node 0 (slot poolctl_node_2)',
        input: {on: 0, slot: 'poolctl_node_2', node: 2, keepOnUndo: true},
        undo: 'the slot was there before and stays',
      }),
      planned({
        id: 'save-config',
        host: 'db2',
        title: "keep the node's own configuration files",
        input: {node: 2, on: 0},
      }),
      planned({
        id: 'set-control-aside',
        host: 'db2',
        title: 'set its control file aside, so that a half copy cannot start',
        input: {node: 2, on: 0},
        undo: 'put back if no file was copied yet',
      }),
      planned({
        id: 'begin-backup',
        title: 'begin a backup on node 0 (it goes on serving)',
        input: {node: 2, on: 0, label: 'poolctl recovery of node 2'},
        undo: 'the backup is ended',
        holdsUntil: 'end-backup',
      }),
      planned({
        id: 'copy-data',
        host: 'db2',
        title: 'stage 1: send what differs from node 0',
        input: {
          node: 2,
          on: 0,
          jobs: 4,
          maxBytesPerSecond: null,
          compareSince: 1795624928,
          inPlace: true,
          tablespaces: [{oid: 16400, location: '/srv/fast'}],
        },
        undo: 'the copy is stopped; the directory stays unstartable',
      }),
      planned({id: 'end-backup', title: 'stage 2: end the backup on node 0', input: {node: 2, on: 0}}),
      planned({
        id: 'prove-wal',
        title: 'switch WAL and prove that all of it from start to stop is there',
        input: {node: 2, on: 0},
      }),
      planned({
        id: 'finish-copy',
        host: 'db2',
        title: 'write label and map, then the control file',
        input: {node: 2, on: 0},
        undo: 'the control file is set aside again',
      }),
      planned({
        id: 'write-standby-settings',
        host: 'db2',
        title: 'make it follow node 0',
        input: {node: 2, primary: 0, overrides: {}},
      }),
      planned({
        id: 'start-server',
        host: 'db2',
        title: 'start PostgreSQL on node 2',
        input: {node: 2, stopOnUndo: true},
        undo: 'it is stopped again',
      }),
      planned({
        id: 'await-streaming',
        title: 'wait until it is consistent, streams, and lags little',
        input: {node: 2, primary: 0, maxLagBytes: 16777216, limitMs: 900000},
      }),
      planned({
        id: 'verify-standby',
        title: 'prove it: a row written on node 0 is read on node 2',
        input: {node: 2, primary: 0, maxLagBytes: 16777216},
      }),
      planned({id: 'attach-node', title: 'attach node 2', input: {node: 2}, undo: 'it is detached again'}),
      planned({id: 'await-routing', title: 'see pgpool send reads to it', input: {node: 2}, irreversible: true}),
      planned({id: 'clean-up', host: 'db2', title: 'remove what was set aside', input: {node: 2}}),
    ])
  })

  test('of a full copy keeps the old directory whole until the new one is proved', () => {
    expect(stepsOf({method: 'full'}, {})).toEqual([
      planned({
        id: 'create-slot',
        title: 'keep WAL for it on node 0 (slot poolctl_node_2)',
        input: {on: 0, slot: 'poolctl_node_2', node: 2, keepOnUndo: true},
        undo: 'the slot was there before and stays',
      }),
      planned({
        id: 'save-config',
        host: 'db2',
        title: "keep the node's own configuration files",
        input: {node: 2, on: 0},
      }),
      planned({
        id: 'set-data-aside',
        host: 'db2',
        title: 'move the old directory aside (kept until the new one is proved)',
        input: {node: 2, on: 0},
        undo: 'the old directory is put back',
      }),
      planned({
        id: 'begin-backup',
        title: 'begin a backup on node 0 (it goes on serving)',
        input: {node: 2, on: 0, label: 'poolctl recovery of node 2'},
        undo: 'the backup is ended',
        holdsUntil: 'end-backup',
      }),
      planned({
        id: 'copy-data',
        host: 'db2',
        title: 'stage 1: copy node 0',
        input: {node: 2, on: 0, jobs: 4, maxBytesPerSecond: null, compareSince: null, inPlace: false, tablespaces: []},
        undo: 'the copy is stopped; the directory stays unstartable',
      }),
      planned({id: 'end-backup', title: 'stage 2: end the backup on node 0', input: {node: 2, on: 0}}),
      planned({
        id: 'prove-wal',
        title: 'switch WAL and prove that all of it from start to stop is there',
        input: {node: 2, on: 0},
      }),
      planned({
        id: 'finish-copy',
        host: 'db2',
        title: 'write label and map, then the control file',
        input: {node: 2, on: 0},
        undo: 'the control file is set aside again',
      }),
      planned({
        id: 'write-standby-settings',
        host: 'db2',
        title: 'make it follow node 0',
        input: {node: 2, primary: 0, overrides: {}},
      }),
      planned({
        id: 'start-server',
        host: 'db2',
        title: 'start PostgreSQL on node 2',
        input: {node: 2, stopOnUndo: true},
        undo: 'it is stopped again',
      }),
      planned({
        id: 'await-streaming',
        title: 'wait until it is consistent, streams, and lags little',
        input: {node: 2, primary: 0, maxLagBytes: 16777216, limitMs: 900000},
      }),
      planned({
        id: 'verify-standby',
        title: 'prove it: a row written on node 0 is read on node 2',
        input: {node: 2, primary: 0, maxLagBytes: 16777216},
      }),
      planned({id: 'attach-node', title: 'attach node 2', input: {node: 2}, undo: 'it is detached again'}),
      planned({id: 'await-routing', title: 'see pgpool send reads to it', input: {node: 2}, irreversible: true}),
      planned({id: 'clean-up', host: 'db2', title: 'remove what was set aside', input: {node: 2}}),
    ])
  })

  test('of a full copy into an empty directory has nothing to keep, and makes it unstartable all the same', () => {
    const facts: RecoveryChange = {
      target: {directory: dataDirectory(emptyDirectory)},
      servers: [answering(0, {slots: []}), answering(1), silent(2)],
    }
    expect(ids(stepsOf({}, facts))).toEqual([
      'create-slot',
      'save-config',
      'set-control-aside',
      'begin-backup',
      'copy-data',
      'end-backup',
      'prove-wal',
      'finish-copy',
      'write-standby-settings',
      'start-server',
      'await-streaming',
      'verify-standby',
      'attach-node',
      'await-routing',
      'clean-up',
    ])
    expect(stepsOf({}, facts)[0]).toEqual(
      planned({
        id: 'create-slot',
        title: 'keep WAL for it on node 0 (slot poolctl_node_2)',
        input: {on: 0, slot: 'poolctl_node_2', node: 2, keepOnUndo: false},
        undo: 'the slot is dropped',
      }),
    )
  })

  test('takes a node that is attached and runs out of the pool and down first', () => {
    const facts: RecoveryChange = {
      pool: [poolNode(0), poolNode(1), poolNode(2)],
      servers: [answering(0), answering(1), answering(2, {receiver: null})],
      target: {directory: dataDirectory({control: controlData({state: 'in archive recovery'}), postmasterPid: 1002})},
    }
    expect(stepsOf({}, facts).slice(0, 3)).toEqual([
      planned({
        id: 'detach-node',
        title: 'take node 2 out of the pool',
        input: {node: 2, healthyBefore: false},
        undo: 'stays detached: it was not healthy',
      }),
      planned({
        id: 'stop-server',
        host: 'db2',
        title: 'stop PostgreSQL on node 2',
        input: {node: 2, immediateIfStuck: true, restartOnUndo: false},
        undo: 'stays stopped: it was not healthy',
      }),
      planned({
        id: 'create-slot',
        title: 'keep WAL for it on node 0 (slot poolctl_node_2)',
        input: {on: 0, slot: 'poolctl_node_2', node: 2, keepOnUndo: true},
        undo: 'the slot was there before and stays',
      }),
    ])
  })

  test('of a node that streams already and is only detached touches nothing on its host but what was left there', () => {
    const facts: RecoveryChange = {
      servers: [answering(0), answering(1), answering(2)],
      target: {directory: dataDirectory({control: controlData({state: 'in archive recovery'}), postmasterPid: 1002})},
    }
    expect(ids(stepsOf({}, facts))).toEqual([
      'await-streaming',
      'verify-standby',
      'attach-node',
      'await-routing',
      'clean-up',
    ])
  })

  test.each<[string, RecoveryChange, object]>([
    ['a configuration inside the directory is put back as it was', {target: {directory: dataDirectory()}}, {}],
    [
      'a configuration that came with the copy gets the own port',
      {target: {directory: dataDirectory({configInside: false})}},
      {port: '5432'},
    ],
    [
      "a copied listen_addresses that names the primary's address gets the own one",
      {
        target: {directory: dataDirectory({configInside: false})},
        servers: [answering(0, {settings: {listen_addresses: nodeConfig(0).address}}), answering(1), silent(2)],
      },
      {port: '5432', listen_addresses: nodeConfig(2).address},
    ],
    [
      "on one machine and one port it gets no socket, because the copied directory has the primary's",
      {target: {directory: dataDirectory({configInside: false}), host: hostFacts(2, {bootId: 'boot-0'})}},
      {port: '5432', unix_socket_directories: ''},
    ],
    [
      'a configuration outside of the directory is left alone',
      {
        target: {
          directory: dataDirectory({configInside: false}),
          node: nodeConfig(2, {config: '/etc/postgresql/15/main'}),
        },
      },
      {},
    ],
  ])('%s', (_, facts, overrides) => {
    const step = stepsOf({method: 'full'}, facts).find((candidate) => candidate.id === 'write-standby-settings')
    expect(step?.input).toEqual({node: 2, primary: 0, overrides})
  })

  test('writes into existing files only where no file has a second name', () => {
    const linked = {target: {directory: dataDirectory({hardLinked: true})}}
    const copy = stepsOf({method: 'delta'}, linked).find((step) => step.id === 'copy-data')
    expect(copy?.input['inPlace']).toBe(false)
  })
})

describe('what is decided', () => {
  test('locks both hosts in node order, gives the rungs as reasons, and asks before the node is started', () => {
    const {plan, consent, warnings} = decided({}, {})
    expect({...plan, steps: plan.steps.length, consent, warnings}).toEqual({
      reasons: {
        method: 'start',
        rungs: [
          {
            method: 'start',
            enough: true,
            taken: true,
            reason: "on the primary's history at 0/4000000, WAL is there, it stopped cleanly",
          },
          {
            method: 'rewind',
            enough: false,
            taken: false,
            reason: "nothing to rewind: it never left the primary's history",
          },
          {method: 'delta', enough: true, taken: false, reason: 'the old files are reused, only differences are sent'},
          {method: 'full', enough: true, taken: false, reason: 'a whole copy is always enough'},
        ],
        source: 0,
        bytesThere: 1_000_000_000,
      },
      steps: 8,
      locks: [0, 2],
      measuresOutage: false,
      consent: {level: 'confirm', question: `Start node 2 (db2:${nodeConfig(2).data}) again as a standby of node 0?`},
      warnings: [],
    })
  })

  const foreign = {
    target: {directory: dataDirectory({control: controlData({systemIdentifier: '7000000000000000001'})})},
  }

  test.each<[string, Partial<RecoveryRequest>, RecoveryChange, Consent]>([
    [
      'a delta says that data is overwritten',
      {method: 'delta'},
      {},
      {
        level: 'confirm',
        question: `Overwrite what differs in node 2 (db2:${nodeConfig(2).data}) with the data of node 0?`,
      },
    ],
    [
      'a full copy says that data is replaced',
      {method: 'full'},
      {},
      {level: 'confirm', question: `Replace the data of node 2 (db2:${nodeConfig(2).data}) by a copy of node 0?`},
    ],
    [
      'a rewind says what is lost',
      {node: 0},
      formerPrimary,
      {
        level: 'confirm',
        question: `Rewind node 0 (db0:${nodeConfig(0).data}) to 0/3800000? What it wrote after that is discarded.`,
      },
    ],
    [
      "another cluster's data needs the name of the host to be typed",
      {allowForeignData: '7000000000000000001'},
      foreign,
      {
        level: 'type-name',
        question: `Overwrite what differs in node 2 (db2:${nodeConfig(2).data}) with the data of node 0? It holds data of another cluster.`,
        name: 'db2',
      },
    ],
  ])('%s', (_, request, facts, consent) => {
    expect(decided(request, facts).consent).toEqual(consent)
  })

  test('pages that could not be checked are a warning', () => {
    expect(decided({}, {pages: {kind: 'impossible', reason: 'no page checksums'}}).warnings).toEqual([
      {code: 'PAGES_NOT_CHECKED', message: 'pages of node 2 were not checked: no page checksums', node: 2},
    ])
  })

  test('a reviewed plan goes stale with the primary, its timeline, the roles, or the state of the target, and with nothing else', () => {
    const base = recovery.fingerprint(recoveryFacts())
    expect(base).toEqual({
      systemIdentifier: '7301234567890123456',
      primary: 0,
      timeline: 1,
      roles: ['0:primary', '1:standby', '2:standby'],
      target: {control: {state: 'shut down in recovery', checkpoint: '0/3F00000'}, running: false, empty: false},
    })
    expect(recovery.fingerprint(recoveryFacts({takenAt: '2026-11-26T00:00:00.000Z', compareSince: 1}))).toEqual(base)
  })
})

/** Any ground that a plan could be made on, sensible or not: the order must be safe without the checks. */
const anyGround = fc
  .record({
    method: fc.constantFrom<Method>(...METHODS),
    attached: fc.boolean(),
    running: fc.boolean(),
    streaming: fc.boolean(),
    empty: fc.boolean(),
    slotThere: fc.boolean(),
    hardLinked: fc.boolean(),
    configInside: fc.boolean(),
  })
  .map(({method, attached, running, streaming, empty, slotThere, hardLinked, configInside}) => ({
    method,
    ground: ground({
      facts: {
        pool: [poolNode(0), poolNode(1), attached ? poolNode(2) : poolNode(2, detached)],
        servers: [answering(0), answering(1), running ? answering(2, streaming ? {} : {receiver: null}) : silent(2)],
        target: {
          directory: dataDirectory({
            ...(empty ? emptyDirectory : {hardLinked, configInside}),
            postmasterPid: running ? 1002 : null,
          }),
        },
      },
      server: slotThere ? {} : {slots: []},
    }),
  }))

const before = (steps: readonly PlannedStep[], first: string, second: string): boolean => {
  const [a, b] = [first, second].map((kind) => steps.findIndex((step) => step.kind === kind))
  return a === -1 || b === -1 || a! < b!
}

describe('every plan, whatever the ground', () => {
  const holds = (property: (steps: PlannedStep[], method: Method) => boolean): void =>
    fc.assert(
      fc.property(anyGround, ({ground: made, method}) => property(planRecovery(made, method), method)),
      {numRuns: 500},
    )

  test('names only kinds that there is code for, with ids that are used once', () => {
    holds((steps) => steps.every((step) => stepCatalog.has(step.kind)) && new Set(ids(steps)).size === steps.length)
  })

  test('says how it is undone exactly where the code can undo', () => {
    holds((steps) => steps.every((step) => (step.undo !== null) === (stepCatalog.get(step.kind)?.undo !== undefined)))
  })

  test('undoes the slot it creates, and brings a node that it detaches back', () => {
    holds((steps) => {
      const kinds = new Set(steps.map((step) => step.kind))
      return (
        steps.every((step) => step.kind !== 'create-slot' || step.undo !== null) &&
        (!kinds.has('detach-node') || before(steps, 'detach-node', 'attach-node')) &&
        kinds.has('attach-node')
      )
    })
  })

  test('copies only between begin and end of a backup, with its control file away, and places that last', () => {
    holds(
      (steps, method) =>
        before(steps, 'set-control-aside', 'begin-backup') &&
        before(steps, 'set-data-aside', 'begin-backup') &&
        before(steps, 'create-slot', 'begin-backup') &&
        before(steps, 'begin-backup', 'copy-data') &&
        before(steps, 'copy-data', 'end-backup') &&
        before(steps, 'end-backup', 'prove-wal') &&
        before(steps, 'prove-wal', 'finish-copy') &&
        before(steps, 'finish-copy', 'start-server') &&
        steps.some((step) => step.kind === 'copy-data') === (method === 'delta' || method === 'full'),
    )
  })

  test('holds the backup until it is ended, and nothing else', () => {
    holds((steps) => steps.every((step) => step.holdsUntil === (step.kind === 'begin-backup' ? 'end-backup' : null)))
  })

  test('attaches only what was proved, and goes on to see reads routed', () => {
    holds(
      (steps) =>
        before(steps, 'await-streaming', 'verify-standby') &&
        before(steps, 'verify-standby', 'attach-node') &&
        ids(steps).slice(-3).join() === 'attach-node,await-routing,clean-up',
    )
  })

  test('removes what was set aside only past the point of no return, and past it undoes nothing', () => {
    holds((steps) => {
      const barrier = steps.findIndex((step) => step.irreversible)
      const past = steps.slice(barrier + 1)
      return (
        steps.filter((step) => step.irreversible).length === 1 &&
        past.some((step) => step.kind === 'clean-up') &&
        past.every((step) => step.undo === null)
      )
    })
  })

  test('stops a node before its directory is changed', () => {
    holds((steps) =>
      [
        'save-config',
        'set-control-aside',
        'set-data-aside',
        'copy-data',
        'rewind-data',
        'write-standby-settings',
      ].every((kind) => before(steps, 'stop-server', kind)),
    )
  })
})

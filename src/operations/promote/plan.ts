/**
 * The runbooks of a switchover and of a failover, as pure functions.
 *
 * Why this order: slots on the candidate first, so that no standby is without WAL for a moment; pgpool fenced before any server
 * stops, or its health check would act on its own; the primary stopped cleanly while the candidate streams, so that its shutdown
 * checkpoint is received; proved before the promotion, which is the point of no return. pgpool follows at once, because clients
 * wait for that; siblings and the old primary after it. The fence goes last, when nothing is left for pgpool to misread.
 */
import type {PlannedStep} from '../../engine/plan.js'
import type {NodeConfig} from '../../cluster/cluster-file.js'
import {fenceInput} from '../../cluster/pool-fence.js'
import {isAttached} from '../../cluster/pool-node.js'
import type {JsonObject} from '../../lib/json.js'
import {step} from '../planned-step.js'
import type {PromoteRequest} from './request.js'
import type {PromoteFacts} from './survey.js'

const STREAMING_LIMIT_MS = 5 * 60_000

function slotSteps(candidate: NodeConfig, others: readonly NodeConfig[]): PlannedStep[] {
  return others.map((other) =>
    step({
      id: `create-slot-${other.id}`,
      kind: 'create-slot',
      title: `keep WAL for node ${other.id} on node ${candidate.id} (slot ${other.slot})`,
      input: {on: candidate.id, slot: other.slot, node: other.id, keepOnUndo: false},
      undo: 'the slot is dropped',
    }),
  )
}

function fence(facts: PromoteFacts): PlannedStep {
  const input: JsonObject = fenceInput(facts.pools)
  return step({
    id: 'fence-pool',
    kind: 'fence-pool',
    title: 'keep pgpool from failing over or re-attaching by itself',
    input,
    undo: 'the fence is removed',
  })
}

function unfence(facts: PromoteFacts): PlannedStep {
  return step({
    id: 'unfence-pool',
    kind: 'unfence-pool',
    title: "give pgpool the site's own settings back",
    input: fenceInput(facts.pools),
  })
}

function take(candidate: NodeConfig, old: number): PlannedStep[] {
  return [
    step({
      id: 'promote-standby',
      kind: 'promote-standby',
      title: `promote node ${candidate.id} (point of no return)`,
      input: {node: candidate.id},
      irreversible: true,
    }),
    step({
      id: 'move-pool',
      kind: 'move-pool',
      title: `make pgpool take node ${candidate.id} for the primary`,
      input: {from: old, to: candidate.id},
    }),
  ]
}

function siblingSteps(candidate: NodeConfig, siblings: readonly NodeConfig[]): PlannedStep[] {
  return siblings.map((node) =>
    step({
      id: `follow-${node.id}`,
      kind: 'follow-primary',
      title: `make node ${node.id} follow node ${candidate.id}`,
      input: {node: node.id, primary: candidate.id},
    }),
  )
}

function attachSteps(nodes: readonly NodeConfig[]): PlannedStep[] {
  return nodes.map((node) =>
    step({id: `attach-${node.id}`, kind: 'attach-node', title: `attach node ${node.id}`, input: {node: node.id}}),
  )
}

/** pgpool may have dropped a sibling meanwhile; one that an operator had detached before is left detached. */
function attachedBefore(facts: PromoteFacts, siblings: readonly NodeConfig[]): NodeConfig[] {
  return siblings.filter((sibling) => facts.pool.some((node) => node.id === sibling.id && isAttached(node)))
}

function lastLook(candidate: NodeConfig): PlannedStep {
  return step({
    id: 'verify-topology',
    kind: 'verify-topology',
    title: 'see one primary in PostgreSQL and in pgpool',
    input: {primary: candidate.id},
  })
}

function returnAsStandby(
  request: PromoteRequest,
  old: NodeConfig,
  candidate: NodeConfig,
  slots: readonly string[],
): PlannedStep[] {
  const pair = {node: old.id, primary: candidate.id}
  return [
    step({
      id: 'write-standby-settings',
      kind: 'write-standby-settings',
      host: old.host,
      title: `make node ${old.id} a standby of node ${candidate.id}`,
      input: {...pair, overrides: {}},
    }),
    step({
      id: 'start-server',
      kind: 'start-server',
      host: old.host,
      title: `start PostgreSQL on node ${old.id}`,
      input: {node: old.id, stopOnUndo: true},
    }),
    step({
      id: 'await-streaming',
      kind: 'await-streaming',
      title: 'wait until it streams and lags little',
      input: {...pair, maxLagBytes: request.maxLagBytes, limitMs: STREAMING_LIMIT_MS},
    }),
    step({
      id: 'drop-slots',
      kind: 'drop-slots',
      title: `drop the slots that node ${old.id} kept as primary`,
      input: {on: old.id, slots},
    }),
    step({
      id: 'verify-standby',
      kind: 'verify-standby',
      title: `prove it: a row written on node ${candidate.id} is read on node ${old.id}`,
      input: {...pair, maxLagBytes: request.maxLagBytes},
    }),
  ]
}

type Cast = {candidate: NodeConfig; old: NodeConfig; siblings: NodeConfig[]}

export function planSwitchover(
  request: PromoteRequest,
  facts: PromoteFacts,
  {candidate, old, siblings}: Cast,
): PlannedStep[] {
  const slots = [candidate, ...siblings].map((node) => node.slot)
  return [
    ...slotSteps(candidate, [old, ...siblings]),
    step({
      id: 'checkpoint',
      kind: 'checkpoint',
      title: `checkpoint on node ${old.id}, so that its stop is short`,
      input: {on: old.id},
    }),
    fence(facts),
    step({
      id: 'stop-primary',
      kind: 'stop-server',
      host: old.host,
      title: `stop node ${old.id} cleanly (writes stop here)`,
      input: {node: old.id, immediateIfStuck: false, restartOnUndo: true, attachOnUndo: true},
      undo: 'it is started again as the primary, and attached if pgpool has detached it',
    }),
    step({
      id: 'prove-received',
      kind: 'prove-received',
      title: `prove that node ${candidate.id} has everything`,
      input: {old: old.id, node: candidate.id},
    }),
    ...take(candidate, old.id),
    ...siblingSteps(candidate, siblings),
    ...returnAsStandby(request, old, candidate, slots),
    ...attachSteps([old, ...attachedBefore(facts, siblings)]),
    unfence(facts),
    lastLook(candidate),
  ]
}

export function planFailover(facts: PromoteFacts, {candidate, old, siblings}: Cast): PlannedStep[] {
  const host = facts.hosts.find((view) => view.id === old.id)
  const makeSure = host?.reachable
    ? [
        step({
          id: 'stop-primary',
          kind: 'stop-server',
          host: old.host,
          title: `make sure that PostgreSQL on node ${old.id} is down`,
          input: {node: old.id, immediateIfStuck: true, restartOnUndo: false},
        }),
      ]
    : []
  return [
    ...slotSteps(candidate, [old, ...siblings]),
    fence(facts),
    ...makeSure,
    ...take(candidate, old.id),
    ...siblingSteps(candidate, siblings),
    ...attachSteps(attachedBefore(facts, siblings)),
    unfence(facts),
    lastLook(candidate),
  ]
}

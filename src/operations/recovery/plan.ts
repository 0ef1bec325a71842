/**
 * The runbook of a recovery, as a pure function.
 *
 * Why this order: the node leaves the pool before anything is touched, and comes back only after a row written on the primary
 * was read on it. WAL is kept by the slot before the first byte is copied. What the node has of its own (configuration, control
 * file, or the whole directory) is put away before it is changed. All copying lies between begin-backup and end-backup. The
 * control file is placed last, so that until then the directory cannot start. Attach comes after proof, clean-up after all.
 */
import type {PlannedStep} from '../../engine/plan.js'
import type {JsonObject} from '../../lib/json.js'
import {isAttached} from '../../cluster/pool-node.js'
import {step} from '../planned-step.js'
import {damage, type Ground} from './ladder.js'
import type {Method} from './request.js'

/** Long enough for the replay of what was written while the copy ran; the wait ends as soon as it is so. */
const STREAMING_LIMIT_MS = 15 * 60_000

function settingsOf(ground: Ground): JsonObject {
  const {target} = ground.facts
  // After a copy that was broken off, the configuration in the directory may be the primary's.
  const inside = target.directory.configInside && !target.directory.controlAside
  // Copied configuration would make the node listen on the primary's address; its own is put back where it had one.
  const lost = !inside && target.node.config === null
  if (!lost) return {}
  const listen = ground.server.settings['listen_addresses']
  const specific = listen === ground.primary.node.address
  // Two servers of one machine with one port, told apart by their addresses: the copied directory has the primary's socket in it.
  const besideIt = target.host.bootId === ground.primary.host.bootId && target.node.port === ground.primary.node.port
  return {
    port: String(target.node.port),
    ...(specific ? {listen_addresses: target.node.address} : {}),
    ...(besideIt ? {unix_socket_directories: ''} : {}),
  }
}

export function leavePool(ground: Ground): PlannedStep[] {
  const {request, facts} = ground
  const node = facts.pool.find((candidate) => candidate.id === request.node)
  if (!node || !isAttached(node)) return []
  const input = {node: request.node, healthyBefore: false}
  return [
    step({
      id: 'detach-node',
      title: `take node ${request.node} out of the pool`,
      input,
      undo: 'stays detached: it was not healthy',
    }),
  ]
}

export function powerDown(ground: Ground): PlannedStep[] {
  const {request, facts} = ground
  if (facts.target.directory.postmasterPid === null) return []
  const input = {node: request.node, immediateIfStuck: true, restartOnUndo: false}
  return [
    step({
      id: 'stop-server',
      host: facts.target.node.host,
      title: `stop PostgreSQL on node ${request.node}`,
      input,
      undo: 'stays stopped: it was not healthy',
    }),
  ]
}

function keepWal(ground: Ground): PlannedStep {
  const {request, facts, primary, server} = ground
  const {slot} = facts.target.node
  const there = server.slots.some((candidate) => candidate.name === slot)
  return step({
    id: 'create-slot',
    title: `keep WAL for it on node ${primary.id} (slot ${slot})`,
    input: {on: primary.id, slot, node: request.node, keepOnUndo: there},
    undo: there ? 'the slot was there before and stays' : 'the slot is dropped',
  })
}

function copySteps(ground: Ground, method: 'delta' | 'full'): PlannedStep[] {
  const {request, facts, primary, server} = ground
  const {node, directory} = facts.target
  const both = {node: request.node, on: primary.id}
  const occupied = directory.exists && !directory.empty
  const aside =
    method === 'full' && occupied
      ? step({
          id: 'set-data-aside',
          host: node.host,
          title: `move the old directory aside (kept until the new one is proved)`,
          input: both,
          undo: 'the old directory is put back',
        })
      : step({
          id: 'set-control-aside',
          host: node.host,
          title: 'set its control file aside, so that a half copy cannot start',
          input: both,
          undo: 'put back if no file was copied yet',
        })
  return [
    aside,
    step({
      id: 'begin-backup',
      title: `begin a backup on node ${primary.id} (it goes on serving)`,
      input: {...both, label: `poolctl recovery of node ${request.node}`},
      undo: 'the backup is ended',
      holdsUntil: 'end-backup',
    }),
    step({
      id: 'copy-data',
      host: node.host,
      title:
        method === 'delta' ? `stage 1: send what differs from node ${primary.id}` : `stage 1: copy node ${primary.id}`,
      input: {
        ...both,
        jobs: request.jobs,
        maxBytesPerSecond: request.maxBytesPerSecond,
        // Into an empty directory nothing can look equal by accident; on damaged data no size or time can be believed.
        compareSince: method === 'full' ? null : damage(facts) === null ? facts.compareSince : 0,
        inPlace: method === 'delta' && !directory.hardLinked,
        tablespaces: server.tablespaces.map(({oid, location}) => ({oid, location})),
      },
      undo: 'the copy is stopped; the directory stays unstartable',
    }),
    step({id: 'end-backup', title: `stage 2: end the backup on node ${primary.id}`, input: both}),
    step({id: 'prove-wal', title: 'switch WAL and prove that all of it from start to stop is there', input: both}),
    step({
      id: 'finish-copy',
      host: node.host,
      title: 'write label and map, then the control file',
      input: both,
      undo: 'the control file is set aside again',
    }),
  ]
}

function methodSteps(ground: Ground, method: Method): PlannedStep[] {
  const {request, facts, primary} = ground
  const {host} = facts.target.node
  const both = {node: request.node, on: primary.id}
  const keep = step({id: 'save-config', host, title: "keep the node's own configuration files", input: both})
  switch (method) {
    case 'start':
      return []
    case 'rewind':
      return [
        keep,
        step({id: 'checkpoint', title: `checkpoint on node ${primary.id}`, input: {on: primary.id}}),
        step({
          id: 'rewind-data',
          host,
          title: 'rewind it to where it left the primary',
          input: both,
          undo: 'a half-rewound directory is made unstartable',
        }),
      ]
    case 'delta':
    case 'full':
      return [keep, ...copySteps(ground, method)]
  }
}

export function comeBack(ground: Ground): PlannedStep[] {
  const {request, facts, primary} = ground
  const {node} = facts.target
  const pair = {node: request.node, primary: primary.id}
  return [
    step({
      id: 'write-standby-settings',
      host: node.host,
      title: `make it follow node ${primary.id}`,
      input: {...pair, overrides: settingsOf(ground)},
    }),
    step({
      id: 'start-server',
      host: node.host,
      title: `start PostgreSQL on node ${request.node}`,
      input: {node: request.node, stopOnUndo: true},
      undo: 'it is stopped again',
    }),
    step({
      id: 'await-streaming',
      title: 'wait until it is consistent, streams, and lags little',
      input: {...pair, maxLagBytes: request.maxLagBytes, limitMs: STREAMING_LIMIT_MS},
    }),
    step({
      id: 'verify-standby',
      title: `prove it: a row written on node ${primary.id} is read on node ${request.node}`,
      input: {...pair, maxLagBytes: request.maxLagBytes},
    }),
    step({
      id: 'attach-node',
      title: `attach node ${request.node}`,
      input: {node: request.node},
      undo: 'it is detached again',
    }),
    // Past this the node is proved and serves, and clean-up takes away what an undo would put back: a rollback in the middle of
    // it would trade a whole directory for a half-removed one.
    step({id: 'await-routing', title: 'see pgpool send reads to it', input: {node: request.node}, irreversible: true}),
    step({id: 'clean-up', host: node.host, title: 'remove what was set aside', input: {node: request.node}}),
  ]
}

/** It runs as a standby of the right primary already: nothing on its host needs to be touched to prove and attach it. */
function streamsAlready(ground: Ground): boolean {
  const view = ground.facts.servers.find((server) => server.id === ground.request.node)
  if (!view?.reachable || !view.facts.inRecovery) return false
  const {receiver} = view.facts
  return (
    receiver?.status === 'streaming' &&
    receiver.slot === ground.facts.target.node.slot &&
    receiver.senderPort === ground.primary.node.port
  )
}

export function planRecovery(ground: Ground, method: Method): PlannedStep[] {
  if (method === 'start' && streamsAlready(ground)) {
    const touched = new Set(['write-standby-settings', 'start-server'])
    return comeBack(ground).filter((planned) => !touched.has(planned.id))
  }
  return [
    ...leavePool(ground),
    ...powerDown(ground),
    keepWal(ground),
    ...methodSteps(ground, method),
    ...comeBack(ground),
  ]
}

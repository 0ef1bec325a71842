/** The part of a runbook that two acts of an upgrade share: a node gets a copy of the primary, is proved, and enters the pool. */
import type {PlannedStep} from '../../engine/plan.js'
import type {NodeConfig} from '../../cluster/cluster-file.js'
import type {Json, JsonObject} from '../../lib/json.js'
import type {ServerView} from '../survey-servers.js'
import {step} from '../planned-step.js'

const STREAMING_LIMIT_MS = 15 * 60_000
/** Parallel transfers. */
const COPY_JOBS = 4

export type Copy = {
  node: NodeConfig
  on: number
  /** Where the copy goes. */
  into: string
  label: string
  /** Old data is there: files that look equal and were written since this moment are compared, others are changed in place. */
  over: {compareSince: number} | null
  tablespaces: JsonObject[]
}

export function tablespacesOn(server: ServerView | undefined): JsonObject[] {
  return server?.reachable === true
    ? server.facts.tablespaces.map(({oid, location}): JsonObject => ({oid, location}))
    : []
}

/** WAL is kept before the first byte is copied; the control file is placed last. */
export function copySteps({node, on, into, label, over, tablespaces}: Copy): PlannedStep[] {
  const {id, host, slot} = node
  const both = {node: id, on}
  return [
    step({
      id: 'create-slot',
      title: `keep WAL for node ${id} on node ${on} (slot ${slot})`,
      input: {on, slot, node: id, keepOnUndo: false},
      undo: 'the slot is dropped',
    }),
    step({
      id: 'set-control-aside',
      host,
      title: `make sure that ${into} cannot start half-way`,
      input: both,
      undo: 'put back if no file was copied yet',
    }),
    step({
      id: 'begin-backup',
      title: `begin a backup on node ${on} (it goes on serving)`,
      input: {...both, label},
      undo: 'the backup is ended',
      holdsUntil: 'end-backup',
    }),
    step({
      id: 'copy-data',
      host,
      title: over === null ? `copy node ${on} into ${into}` : `send what differs from node ${on} into ${into}`,
      input: {
        ...both,
        jobs: COPY_JOBS,
        maxBytesPerSecond: null,
        compareSince: over?.compareSince ?? null,
        inPlace: over !== null,
        tablespaces: tablespaces satisfies Json[],
      },
      undo: 'the copy is stopped; the directory stays unstartable',
    }),
    step({id: 'end-backup', title: `end the backup on node ${on}`, input: both}),
    step({id: 'prove-wal', title: 'switch WAL and prove that all of it from start to stop is there', input: both}),
    step({
      id: 'finish-copy',
      host,
      title: 'write label and map, then the control file',
      input: both,
      undo: 'the control file is set aside again',
    }),
  ]
}

export function joinSteps({node, on}: Pick<Copy, 'node' | 'on'>, maxLagBytes: number, start: string): PlannedStep[] {
  const {id, host} = node
  const pair = {node: id, primary: on}
  return [
    step({id: 'write-standby-settings', host, title: `make it follow node ${on}`, input: {...pair, overrides: {}}}),
    step({id: 'start-server', host, title: start, input: {node: id, stopOnUndo: true}, undo: 'it is stopped again'}),
    step({
      id: 'await-streaming',
      title: 'wait until it is consistent, streams, and lags little',
      input: {...pair, maxLagBytes, limitMs: STREAMING_LIMIT_MS},
    }),
    step({
      id: 'verify-standby',
      title: `prove it: a row written on node ${on} is read on node ${id}`,
      input: {...pair, maxLagBytes},
    }),
    step({id: 'attach-node', title: `attach node ${id}`, input: {node: id}, undo: 'it is detached again'}),
    step({id: 'await-routing', title: 'see pgpool send reads to it', input: {node: id}}),
  ]
}

export function cleanUpStep({id, host}: NodeConfig): PlannedStep {
  return step({id: 'clean-up', host, title: 'remove what was set aside', input: {node: id}})
}

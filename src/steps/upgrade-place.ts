/**
 * Where the two clusters of a node are, from a step's input: the cluster file says one thing before the run and another after it, so
 * no step of an upgrade asks it. `located` runs a step of a single cluster on the one that the input names.
 */
import type {NodeConfig} from '../cluster/cluster-file.js'
import {nodeId, type NodeId} from '../cluster/node-id.js'
import {placeIn, type ClusterPlace} from '../cluster/upgrade-target.js'
import type {Json, JsonObject} from '../lib/json.js'
import type {Pair} from '../ports/upgrade-host.js'
import type {World} from '../ports/world.js'
import {nodeConfig, numberIn, objectIn, wrong, type Context, type Step} from './context.js'

export function nodesIn(context: Context, key = 'nodes'): NodeId[] {
  return numbersOf(context.input[key]).map(nodeId)
}

export function numbersOf(value: Json | undefined): number[] {
  return Array.isArray(value) ? value.filter((one): one is number => typeof one === 'number') : []
}

/** The pair of node `id`: the input has one for each node, under its number. */
export function pairOf(context: Context, id: NodeId): Pair {
  const pairs = objectIn(context.input, 'pairs')
  const pair = objectIn(pairs, String(id))
  const place = (key: string): ClusterPlace => placeIn(objectIn(pair, key)) ?? wrong(key, 'a place of a cluster')
  return {from: numberIn(pair, 'from'), to: numberIn(pair, 'to'), old: place('old'), new: place('new')}
}

/** Of every node that the plan is about; a rehearsal's has one. */
export function pairsOf(context: Context): Pair[] {
  return Object.keys(objectIn(context.input, 'pairs')).map((id) => pairOf(context, nodeId(Number(id))))
}

/** The same step's context, about one node. */
export function about(context: Context, node: NodeId, more: JsonObject = {}): Context {
  return {...context, input: {...context.input, ...more, node}}
}

function configAt(config: NodeConfig, pair: Pair, which: 'old' | 'new'): NodeConfig {
  return {...config, ...pair[which]}
}

/** The world as it is for those who know only the old, or only the new clusters. */
export function worldAt(context: Context, which: 'old' | 'new'): World {
  const {world} = context
  const known = objectIn(context.input, 'pairs')
  const nodes = world.file.nodes.map((node) =>
    known[String(node.id)] === undefined ? node : configAt(node, pairOf(context, node.id), which),
  )
  const at: World = Object.create(world, {
    file: {value: {...world.file, nodes}, enumerable: true},
    host: {
      value: (id: NodeId) => world.hostAt(nodeConfig({...world, file: {...world.file, nodes}}, id)),
      enumerable: true,
    },
  }) as World
  return at
}

export function at(context: Context, which: 'old' | 'new'): Context {
  return {...context, world: worldAt(context, which)}
}

/** `step` under another kind, on the old or the new cluster of each node. */
export function located(kind: string, which: 'old' | 'new', step: Step): Step {
  return {
    kind,
    probe: (context) => step.probe(at(context, which)),
    act: (context) => step.act(at(context, which)),
    verify: (context) => step.verify(at(context, which)),
    ...(step.provesItself ? {provesItself: true as const} : {}),
    undo: async (context) => step.undo?.(at(context, which)),
  }
}

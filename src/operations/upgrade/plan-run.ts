/**
 * The runbook of an upgrade, as pure functions.
 *
 * Why this order: pgpool is fenced before any server stops, or its health check would act on its own, and the standby that stays old
 * leaves the pool while nobody waits. Checkpoints come before the outage, so that the stop is short. The outage begins with the stop
 * of the primary, which is also what keeps every client from writing, those around pgpool too: the standbys are let come to the same
 * checkpoint, stopped, and compared. Until the new primary starts, the old cluster can serve again in seconds, because nothing has
 * written into a file that both versions share; that start is the point of no return, and it comes only when enough standbys have the
 * new version. What clients do not wait for comes after the pool is open.
 */
import type {PlannedStep} from '../../engine/plan.js'
import {fenceInput, type SettingsByPool} from '../../cluster/pool-fence.js'
import type {Json, JsonObject} from '../../lib/json.js'
import {heldBy} from './refusals.js'
import type {PrepareRequest, RunRequest} from './request.js'
import {idsOf, primaryOf, standbysOf, type MigrationFacts, type PairView, type RunFacts} from './survey.js'

type Draft = Pick<PlannedStep, 'id' | 'title' | 'input'> & Partial<PlannedStep>

export function step(draft: Draft): PlannedStep {
  return {kind: draft.id, host: null, undo: null, irreversible: false, holdsUntil: null, ...draft}
}

/** Long enough for a standby that starts from a shutdown checkpoint; one that takes longer is left out for clients' sake. */
const STREAMING_LIMIT_MS = 30_000

export function pairsInput(views: readonly PairView[]): JsonObject {
  return Object.fromEntries(views.map(({node, pair}): [string, Json] => [String(node.id), pair]))
}

export function planPrepare(_request: PrepareRequest, facts: MigrationFacts): PlannedStep[] {
  const primary = primaryOf(facts)
  if (!primary) return []
  const pairs = pairsInput(facts.pairs)
  const template = facts.check.content?.databases.find(({name}) => name === 'template0')
  const survey = facts.check.nodes.find(({id}) => id === primary.node.id)
  const settings = survey?.server.reachable === true ? survey.server.facts.settings : {}
  return [
    ...facts.pairs.map(({node, pair}) =>
      step({
        id: `stage-config-${node.id}`,
        kind: 'stage-config',
        host: node.host,
        title: `translate the configuration of node ${node.id} for version ${pair.to}`,
        input: {node: node.id, pairs},
      }),
    ),
    step({
      id: 'make-cluster',
      host: primary.node.host,
      title: `make an empty cluster of version ${primary.pair.to} in ${primary.pair.new.data}`,
      input: {
        node: primary.node.id,
        pairs,
        user: facts.check.content?.user.name ?? '',
        encoding: template?.encoding ?? '',
        collate: template?.collate ?? '',
        ctype: template?.ctype ?? '',
        segmentBytes: Number(settings['wal_segment_size'] ?? 16 * 1024 ** 2),
        dataChecksums: settings['data_checksums'] === 'on',
      },
    }),
  ]
}

/** Each pgpool has a file of its own, and any of them can come to lead. */
export function poolPathSteps(
  pools: SettingsByPool,
  pairs: readonly Pick<PairView, 'node' | 'pair'>[],
  which: 'old' | 'new',
): PlannedStep[] {
  const settings = Object.fromEntries(
    pairs.map(({node, pair}) => [`backend_data_directory${node.id}`, pair[which].data]),
  )
  const names = Object.keys(pools)
  return names.map((pool, at) =>
    step({
      id: at === 0 ? 'set-pool-paths' : `set-pool-paths-${at}`,
      kind: 'set-pool-paths',
      title: `give pgpool${names.length === 1 ? '' : ` ${pool}`} the ${which} data directories`,
      input: {settings, pool},
    }),
  )
}

const NO_RETURN = 'POINT OF NO RETURN'

type Cast = {
  primary: PairView
  standbys: PairView[]
  held: PairView | null
  carried: PairView[]
  /** Those of `carried` that clients do not wait for. */
  later: PairView[]
  common: JsonObject
}

function castOf(request: RunRequest, facts: RunFacts, primary: PairView): Cast {
  const standbys = standbysOf(facts)
  const heldId = heldBy(request, facts)
  const carried = standbys.filter(({node}) => node.id !== heldId)
  return {
    primary,
    standbys,
    held: standbys.find(({node}) => node.id === heldId) ?? null,
    carried,
    // What was moved or cloned cannot be told from what is new, so the catalogs could not be kept apart.
    later: request.transfer === 'link' ? carried.slice(request.minStandbys) : [],
    common: {
      pairs: pairsInput(facts.pairs),
      primary: primary.node.id,
      held: heldId,
      minStandbys: request.minStandbys,
      maxLagBytes: request.maxLagBytes,
      limitMs: STREAMING_LIMIT_MS,
      transfer: request.transfer,
    },
  }
}

export function planRun(request: RunRequest, facts: RunFacts): PlannedStep[] {
  const primary = primaryOf(facts)
  if (!primary) return []
  const cast = castOf(request, facts, primary)
  return [
    ...quiet(request, facts, cast),
    ...comeToRest(cast),
    ...migrate(request, facts, cast),
    ...open(cast),
    ...afterwards(facts, cast),
  ]
}

/** Before the outage. */
function quiet(request: RunRequest, facts: RunFacts, {primary, standbys, held, later}: Cast): PlannedStep[] {
  const leave = ({node}: PairView, id: string, why: string): PlannedStep =>
    step({
      id,
      kind: 'detach-node',
      title: `take node ${node.id} out of the pool: ${why}`,
      input: {node: node.id, healthyBefore: true},
      undo: 'it is attached again',
    })
  const leaving = [
    ...(held ? [leave(held, 'detach-node', 'it stays the old cluster, as the way back')] : []),
    // pgpool takes about a second for each, and lets no client in while it counts on one that does not answer.
    ...later.map((view) => leave(view, `detach-node-${view.node.id}`, 'clients do not wait for it')),
  ]
  return [
    step({
      id: 'fence-pool',
      title: 'keep pgpool from failing over or re-attaching by itself',
      input: {...fenceInput(facts.pools), untilServed: true},
      undo: 'the fence is removed',
    }),
    ...leaving,
    ...[primary, ...standbys].map(({node}) =>
      step({
        id: `checkpoint-${node.id}`,
        kind: 'checkpoint',
        title: `checkpoint on node ${node.id}, so that its stop is short`,
        input: {on: node.id},
      }),
    ),
    ...(request.drainMs === 0
      ? []
      : [
          step({
            id: 'drain-clients',
            title: `let transactions that are open end, ${request.drainMs / 1000} s at most`,
            input: {on: primary.node.id, limitMs: request.drainMs},
          }),
        ]),
  ]
}

/** The old cluster comes to rest. */
function comeToRest({primary, standbys, common}: Cast): PlannedStep[] {
  const all = {...common, nodes: idsOf(standbys)}
  return [
    step({
      id: 'stop-primary',
      kind: 'stop-old',
      host: primary.node.host,
      title: `stop node ${primary.node.id} cleanly (the outage begins; no client can write to any server from here)`,
      input: {...common, node: primary.node.id, immediateIfStuck: false, restartOnUndo: true, attachOnUndo: true},
      undo: 'it is started again as the primary (the outage ends)',
    }),
    step({
      id: 'await-shutdown-checkpoint',
      title: 'wait until every standby has replayed the shutdown checkpoint',
      input: all,
    }),
    step({
      id: 'stop-standbys',
      title: `stop ${standbys.length === 1 ? 'the standby' : `all ${standbys.length} standbys`}`,
      input: all,
      undo: 'they are started again',
    }),
    step({id: 'prove-equal', title: 'prove that the latest checkpoint is the same in every control file', input: all}),
  ]
}

function migrate(request: RunRequest, facts: RunFacts, {primary, carried, later, common}: Cast): PlannedStep[] {
  const swapped = request.transfer === 'swap'
  const cloned = request.transfer === 'clone'
  const names = carried.map(({node}) => `node ${node.id}`).join(', ')
  const which = later.length > 0 ? `of ${names} the first ${request.minStandbys} that can be; the others later` : names
  return [
    step({
      id: 'pg-upgrade',
      host: primary.node.host,
      title: `pg_upgrade --${request.transfer} --jobs=${request.jobs} from ${primary.pair.from} to ${primary.pair.to} on node ${primary.node.id}${swapped ? ` (${NO_RETURN}: node ${primary.node.id} has no old cluster after it)` : ''}`,
      input: {...common, node: primary.node.id, user: facts.check.content?.user.name ?? '', jobs: request.jobs},
      undo: swapped ? null : 'the old control file gets its name back, the new directory is removed',
      irreversible: swapped,
    }),
    ...(later.length > 0
      ? [
          step({
            id: 'keep-catalogs',
            host: primary.node.host,
            title: 'keep the new catalogs as they are now, for the standbys that clients do not wait for',
            input: common,
            undo: 'the copy is removed',
          }),
        ]
      : []),
    step({
      id: 'link-standbys',
      title: `${cloned ? 'clone' : 'link'} the standbys' own files as the primary's were ${cloned ? 'cloned' : 'linked'}, and fetch the new catalogs (${which}; side by side)`,
      input: {...common, nodes: idsOf(carried)},
      undo: 'their new directories are removed; the old ones were only read',
    }),
  ]
}

/** What cannot be had back once the new version has been told something. */
function lostByStart({primary, carried, common}: Cast): string {
  const nodes = [primary, ...carried].map(({node}) => node.id).join(', ')
  if (common['transfer'] === 'clone')
    return `${NO_RETURN} for what is written from here on: the old data stays whole, and going back to it loses that`
  return `${common['transfer'] === 'swap' ? 'from here on' : NO_RETURN}: the old data of nodes ${nodes} cannot be used after it`
}

function open(cast: Cast): PlannedStep[] {
  const {primary, standbys, common} = cast
  return [
    step({
      id: 'start-primary',
      kind: 'start-new',
      host: primary.node.host,
      title: `start version ${primary.pair.to} on node ${primary.node.id} (${lostByStart(cast)})`,
      input: {...common, node: primary.node.id, stopOnUndo: false},
      irreversible: true,
    }),
    step({
      id: 'bring-standbys',
      title: 'start the standbys, see them stream through slots of their own (the outage ends)',
      input: {...common, nodes: idsOf(standbys)},
    }),
    step({
      id: 'verify-standbys',
      title: `prove it: a row written on node ${primary.node.id} is read on each of them`,
      input: {...common, nodes: idsOf(standbys)},
    }),
    step({
      id: 'open-pool',
      title: 'see pgpool with the nodes that stream, and with no other',
      input: {...common, nodes: idsOf(standbys)},
    }),
  ]
}

function afterwards(facts: RunFacts, {primary, later, common}: Cast): PlannedStep[] {
  const all = {...common, nodes: facts.pairs.map(({node}) => node.id)}
  return [
    ...poolPathSteps(facts.pools, facts.pairs, 'new'),
    step({id: 'unfence-pool', title: "give pgpool the site's own settings back", input: fenceInput(facts.pools)}),
    step({
      id: 'move-in-file',
      title: 'write the new directories and programs into the cluster file (the old text is kept beside it)',
      input: {...all, which: 'new'},
    }),
    step({id: 'leave-note', title: 'leave a note of the upgrade on each host', input: {...all, phase: 'opened'}}),
    ...slotsOfOthers(facts).map((slot) =>
      step({
        id: `create-slot-${slot}`,
        kind: 'create-slot',
        title: `make slot "${slot}" again, which was in use and belongs to no node: whoever reads from it begins anew`,
        input: {on: primary.node.id, slot},
      }),
    ),
    ...(later.length > 0 ? theRest(common) : []),
    step({
      id: 'make-statistics',
      title: 'make statistics in three stages, while clients work',
      input: {on: primary.node.id},
    }),
    step({
      id: 'update-extensions',
      title: 'bring extensions to the version that is installed',
      input: {on: primary.node.id},
    }),
  ]
}

/** An unused one would only keep WAL. */
function slotsOfOthers({check, pairs}: RunFacts): string[] {
  const ours = new Set(pairs.map(({node}) => node.slot))
  const slots = check.content?.slots ?? []
  return slots.filter(({kind, active, name}) => kind === 'physical' && active && !ours.has(name)).map(({name}) => name)
}

/** Their old files are as they were at the last checkpoint, and nobody waits for them. */
function theRest(common: JsonObject): PlannedStep[] {
  return [
    step({
      id: 'link-rest',
      title: 'link the other standbys in the same way, with the catalogs that were kept (clients work meanwhile)',
      input: common,
    }),
    step({id: 'bring-rest', title: 'start them, see them stream, prove it by a row, attach them', input: common}),
    step({id: 'drop-catalogs', title: 'remove the catalogs that were kept', input: common}),
  ]
}

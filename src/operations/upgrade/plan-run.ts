/**
 * The runbook of an upgrade, as pure functions; the part in which clients wait is plan-outage.ts.
 *
 * Why this order: pgpool is fenced before any server stops, or its health check would act on its own, and the standbys that stay old or
 * come later leave the pool while nobody waits. Checkpoints come before the outage, so that the stop is short. The outage begins with the
 * stop of the primary, which is also what keeps every client from writing, those around pgpool too. Until the new primary starts, the old
 * cluster can serve again in seconds, because nothing has written into a file that both versions share; that start is the point of no
 * return, and it comes only when enough standbys have the new version. What clients do not wait for comes after the pool is open.
 */
import type {PlannedStep} from '../../engine/plan.js'
import {fenceInput, type SettingsByPool} from '../../cluster/pool-fence.js'
import type {NewSettings} from '../../cluster/new-settings.js'
import type {Json, JsonObject} from '../../lib/json.js'
import {LEFT_OUT, planOutage, type Cast} from './plan-outage.js'
import {step} from '../planned-step.js'
import {heldBy} from './refusals.js'
import type {PrepareRequest, RunRequest} from './request.js'
import {idsOf, primaryOf, standbysOf, type MigrationFacts, type PairView, type RunFacts} from './survey.js'

/** Long enough for a standby that starts from a shutdown checkpoint; one that takes longer is left out for clients' sake. */
const STREAMING_LIMIT_MS = 30_000
/** From the standbys' login until pg_upgrade begins, without the drain. One that has waited in vain begins again. */
const EARLY_MS = 10 * 60_000

export function pairsInput(views: readonly PairView[]): JsonObject {
  return Object.fromEntries(views.map(({node, pair}): [string, Json] => [String(node.id), pair]))
}

export function planPrepare(_request: PrepareRequest, facts: MigrationFacts): PlannedStep[] {
  return prepared(facts, ({pair}) => `make an empty cluster of version ${pair.to} in ${pair.new.data}`)
}

/** Each node's configuration as it is now, translated; and the primary's new cluster with it, made where it is not there yet. */
function prepared(facts: MigrationFacts, title: (primary: PairView) => string): PlannedStep[] {
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
        title: `translate the configuration of node ${node.id} for version ${pair.to}${givenWords(facts.check.given)}${walWords(facts, node.id)}`,
        input: {node: node.id, pairs, settings: {...facts.check.given}},
      }),
    ),
    step({
      id: 'make-cluster',
      host: primary.node.host,
      title: title(primary),
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

/** For a title: what the site wants of the new version. */
export function givenWords(given: NewSettings): string {
  const names = Object.keys(given)
  return names.length === 0 ? '' : `, with ${names.join(', ')} of the cluster file`
}

/** Where a node's pg_wal is a link, that of the new version will be one too. */
function walWords({check}: MigrationFacts, id: number): string {
  const node = check.nodes.find((one) => one.id === id)
  const place = node?.machine.seen === true ? node.machine.facts.newWal : null
  return place === null ? '' : ` (its WAL will be in ${place.path})`
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
  return [...quiet(request, facts, cast), ...planOutage(request, facts, cast), ...afterwards(facts, cast)]
}

/** They hold a login until pg_upgrade ends, and change nothing of a server that runs. */
function beginLinks(request: RunRequest, {carried, common}: Cast): PlannedStep {
  return step({
    id: 'begin-links',
    title: 'let the standbys log in on the primary, where they wait for the list of files',
    input: {...common, nodes: idsOf(carried), waitMs: request.drainMs + EARLY_MS},
    undo: LEFT_OUT,
  })
}

/** Before the outage. */
function quiet(request: RunRequest, facts: RunFacts, cast: Cast): PlannedStep[] {
  const {primary, standbys, held, later} = cast
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
    // An access rule or a setting that somebody changed since `upgrade prepare` would be lost without a word.
    ...prepared(facts, ({pair}) => `write it as it is now into the empty cluster in ${pair.new.data}`),
    step({
      id: 'fence-pool',
      title: 'keep pgpool from failing over or re-attaching by itself',
      input: {...fenceInput(facts.pools), untilServed: true},
      undo: 'the fence is removed',
    }),
    ...leaving,
    beginLinks(request, cast),
    ...[primary, ...standbys].map(({node}) =>
      step({
        id: `checkpoint-${node.id}`,
        kind: 'checkpoint',
        title: `checkpoint on node ${node.id}, so that its stop is short`,
        input: {on: node.id},
      }),
    ),
    // Those of many standbys, one after another, have taken a while.
    step({
      id: 'checkpoint-again',
      kind: 'checkpoint',
      title: `checkpoint on node ${primary.node.id} once more: clients have written meanwhile`,
      input: {on: primary.node.id},
    }),
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
      id: 'update-extensions',
      title: 'bring extensions to the version that is installed',
      input: {on: primary.node.id},
    }),
    step({
      id: 'make-statistics',
      title:
        primary.pair.to >= 18
          ? 'make statistics in three stages where pg_upgrade carried none, then of all, while clients work'
          : 'make statistics in three stages, while clients work',
      input: {on: primary.node.id, pairs: common['pairs'] ?? {}},
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

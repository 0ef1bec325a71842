/**
 * stage-config, make-cluster: the new cluster is made and configured while the old one serves.
 *
 * Precondition: the new programs are there; the place of the new cluster is empty or poolctl's own. Effect: the node's configuration,
 * translated, waits in its work directory; on the primary an empty cluster with the old one's locale, encoding, checksums, segment
 * size and install user. Nothing of the old cluster is touched.
 * Undo: nothing is undone: what is prepared harms nobody, and a repeat replaces it. Repeat: harmless, both replace what they made.
 */
import {giveSettings} from '../cluster/new-settings.js'
import {translateConfig} from '../cluster/settings-translation.js'
import {inPlace} from '../cluster/upgrade-target.js'
import type {Json, JsonObject} from '../lib/json.js'
import type {ConfigFile, Pair} from '../ports/upgrade-host.js'
import {done, flagIn, idIn, numberIn, pending, textIn, type Context, type Step} from './context.js'
import {pairOf, pairsOf} from './upgrade-place.js'

/** `all`: of every node, `pair` among them. A script of pgpool's recovery knows them all. */
export function translated(
  files: readonly ConfigFile[],
  pair: Pair,
  all: readonly Pair[] = [pair],
): {files: ConfigFile[]; changes: JsonObject[]} {
  const results = files.map(({name, text}) => {
    if (name.endsWith('.conf')) return {name, ...translateConfig(inPlace(text, pair.old, pair.new), pair.from, pair.to)}
    return {name, text: all.reduce((moved, one) => inPlace(moved, one.old, one.new), text), changes: []}
  })
  return {
    files: results.map(({name, text}) => ({name, text})),
    changes: results.flatMap(({name, changes}) => changes.map((change): JsonObject => ({...change, file: name}))),
  }
}

/** What the cluster file gave the new version when this was planned. A plan of before there was such a thing has none. */
function textsIn(value: Json | undefined): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

async function look(context: Context): ReturnType<Step['verify']> {
  const state = await context.world.migrationHost(idIn(context)).look(pairOf(context, idIn(context)))
  return state.configStaged ? done('the translated configuration waits') : pending('no configuration waits')
}

export const stageConfig: Step = {
  kind: 'stage-config',
  // The site may have changed its configuration since: read anew each time.
  probe: () => Promise.resolve(pending('read anew each time')),
  async act(context) {
    const host = context.world.migrationHost(idIn(context))
    const pair = pairOf(context, idIn(context))
    const {files, changes} = translated(await host.readConfig(pair), pair, pairsOf(context))
    const main = pair.old.config === null ? 'postgresql.conf' : `etc/${pair.old.config.replace(/^.*\//, '')}`
    // A rehearsal is alone by what stands there, and whatever the site wants of the new version must not win over that.
    const untouched = context.input['alone'] === true ? 'postgresql.auto.conf' : null
    await host.stageConfig(
      context.operation,
      pair,
      giveSettings(files, textsIn(context.input['settings']), {main, untouched}),
    )
    return {changes: changes satisfies Json[]}
  },
  verify: look,
}

async function made(context: Context): ReturnType<Step['verify']> {
  const id = idIn(context)
  const pair = pairOf(context, id)
  const state = await context.world.migrationHost(id).look(pair)
  return state.prepared
    ? done(`${pair.new.data} is an empty cluster of version ${state.newVersion ?? '?'}`)
    : pending(`${pair.new.data} is not there`)
}

export const makeCluster: Step = {
  kind: 'make-cluster',
  // One that is there gets the configuration that was read just now.
  probe: () => Promise.resolve(pending('the configuration is written anew')),
  async act(context) {
    const {input} = context
    await context.world
      .migrationHost(idIn(context))
      .makeCluster(context.operation, pairOf(context, idIn(context)), {
        user: textIn(input, 'user'),
        encoding: textIn(input, 'encoding'),
        collate: textIn(input, 'collate'),
        ctype: textIn(input, 'ctype'),
        segmentBytes: numberIn(input, 'segmentBytes'),
        dataChecksums: flagIn(input, 'dataChecksums'),
      })
    return undefined
  },
  verify: made,
}

/**
 * install-scripts, install-hooks, recovery-extension, pgpool-settings: what pgpool's own recovery and failover need.
 *
 * Precondition: the node has a data directory; the pgpool of the input is in the cluster file. Effect: files on the node, the hooks beside
 * that pgpool's pgpool.conf, an extension, a block of settings at the end of that pgpool.conf.
 * Undo: none: what is there harms nothing until it is called, and what it replaced lies beside it.
 * Repeat: harmless: files are compared by digest, the extension and the settings are looked for first.
 */
import {isInstalled, type ScriptOptions} from '../cluster/script-options.js'
import type {Observation} from '../engine/step.js'
import {Unreachable} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import type {PgpoolHost, ScriptState} from '../ports/host.js'
import {
  done,
  hostOf,
  numberIn,
  textOrNullIn,
  pending,
  poolPlace,
  serverOf,
  settingsIn,
  textIn,
  type Context,
  type Step,
} from './context.js'
import {awaitReloaded, reloadPool} from './reload-pool.js'

function optionsIn(context: Context): ScriptOptions {
  const options = context.input['options'] as JsonObject
  return {
    mode: textIn(options, 'mode') === 'native' ? 'native' : 'streaming',
    jobs: numberIn(options, 'jobs'),
    limitSeconds: numberIn(options, 'limitSeconds'),
    startWaitSeconds: numberIn(options, 'startWaitSeconds'),
    hookPassfile: textOrNullIn(options, 'hookPassfile'),
  }
}

function judge(context: Context, states: readonly ScriptState[]): Observation {
  const wanted = settingsIn(context.input, 'wanted')
  const other = states.filter(
    (state) => state.name in wanted && !isInstalled({...state, wanted: wanted[state.name] ?? ''}),
  )
  return other.length === 0
    ? done('they are there')
    : pending(
        `${other.map(({name, flaw}) => (flaw === undefined ? name : `${name} (${flaw})`)).join(', ')} to be installed`,
      )
}

const seenScripts = async (context: Context): Promise<Observation> =>
  judge(context, await hostOf(context).scripts(optionsIn(context)))

export const installScripts: Step = {
  kind: 'install-scripts',
  probe: seenScripts,
  async act(context) {
    await hostOf(context).installScripts(context.operation, optionsIn(context), settingsIn(context.input, 'wanted'))
    return undefined
  },
  verify: seenScripts,
}

function pgpoolHostOf({world, input}: Context): PgpoolHost {
  return poolPlace(world, textIn(input, 'pool')).host
}

const seenHooks = async (context: Context): Promise<Observation> =>
  judge(context, (await pgpoolHostOf(context).hooks(optionsIn(context))).states)

export const installHooks: Step = {
  kind: 'install-hooks',
  probe: seenHooks,
  async act(context) {
    const wanted = settingsIn(context.input, 'wanted')
    await pgpoolHostOf(context).installHooks(context.operation, optionsIn(context), wanted)
    return undefined
  },
  verify: seenHooks,
}

const seenExtension = async (context: Context): Promise<Observation> => {
  const {installed} = await serverOf(context).recoveryExtension(textIn(context.input, 'database'))
  return installed ? done('the extension is there') : pending('the extension is not there')
}

export const recoveryExtension: Step = {
  kind: 'recovery-extension',
  probe: seenExtension,
  async act(context) {
    await serverOf(context).createRecoveryExtension(textIn(context.input, 'database'))
    return undefined
  },
  verify: seenExtension,
}

/** Pool status cuts values off, at 255 or 512 bytes by version. */
function sameValue(reported: string | undefined, wanted: string): boolean {
  if (reported === undefined || reported === wanted) return true
  return reported.length >= 250 && wanted.startsWith(reported.replace(/\uFFFD+$/, ''))
}

/** Both the file and what pgpool has read of it: a reload is only asked for by PCP, never confirmed. */
const seenSettings = async (context: Context): Promise<Observation> => {
  const wanted = settingsIn(context.input, 'settings')
  const {pool, host} = poolPlace(context.world, textIn(context.input, 'pool'))
  if ((await host.settingsEdit(wanted)) !== null) return pending('pgpool.conf is another')
  const applied = await pool.settings().catch((error: unknown) => {
    // One of several that does not run reads its file when it starts.
    if (context.world.pools.length > 1 && error instanceof Unreachable) return null
    throw error
  })
  if (applied === null) return done('pgpool.conf has the settings; this pgpool does not run')
  const other = Object.entries(wanted)
    .filter(([name, value]) => !sameValue(applied.get(name), value))
    .map(([name]) => name)
  return other.length === 0 ? done('pgpool uses the settings') : pending(`pgpool has not read ${other.join(', ')} yet`)
}

export const pgpoolSettings: Step = {
  kind: 'pgpool-settings',
  probe: seenSettings,
  async act(context) {
    const place = poolPlace(context.world, textIn(context.input, 'pool'))
    await place.host.writeSettings(context.operation, settingsIn(context.input, 'settings'))
    if ((await seenSettings(context)).state === 'done') return undefined
    await reloadPool(context, place)
    const wait = {limitMs: 30_000, everyMs: 300, what: 'pgpool with the new settings', code: 'SETTINGS_NOT_TAKEN'}
    await awaitReloaded(context, [place], wait, () => seenSettings(context))
    return undefined
  },
  verify: seenSettings,
}

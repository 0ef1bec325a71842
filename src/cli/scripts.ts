/** `scripts list` and `render`: what there is, and its text for this cluster. Nothing is contacted. */
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {UsageError} from '../lib/errors.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import type {RenderedFiles, ScriptList} from '../report/scripts.js'
import {ALL_SCRIPTS, renderScript, SCRIPT_SUMMARIES, type ScriptName} from '../templates/pgpool-scripts.js'
import {renderVariant, VARIANTS} from '../templates/variants.js'

export function listScripts(): ScriptList {
  return {
    scripts: ALL_SCRIPTS.map((name) => ({name, summary: SCRIPT_SUMMARIES[name]})),
    variants: Object.entries(VARIANTS).map(([name, {summary, needs}]) => ({
      name,
      summary,
      values: Object.entries(needs).map(([key, {what, fallback}]) => ({name: key, what, default: fallback})),
    })),
    installed: null,
  }
}

export type RenderRequest = {
  names: string[]
  variant: string | null
  set: string[]
  out: string | null
  config: string | undefined
  options: ScriptOptions
}

export async function renderFiles(asked: RenderRequest): Promise<RenderedFiles> {
  const request = byMode(asked)
  const rendered = request.variant === null ? await plain(request) : await variant(request, request.variant)
  const files = []
  for (const {name, text, executable} of rendered) {
    const path = request.out === null ? null : join(request.out, name)
    if (path !== null) {
      await mkdir(request.out ?? '.', {recursive: true})
      await writeNew(path, text, executable)
    }
    files.push({name, text, path})
  }
  return {files}
}

/** The plain scripts are a variant too, by the name of their mode. */
function byMode(request: RenderRequest): RenderRequest {
  const {variant: mode, options} = request
  if (mode !== 'streaming' && mode !== 'native') return request
  if (mode === 'streaming' && options.mode === 'native')
    throw new UsageError({code: 'VARIANT_VALUES', message: '--variant streaming and --mode native name two modes'})
  return {...request, variant: null, options: {...options, mode}}
}

async function variant({names, set}: RenderRequest, name: string): ReturnType<typeof renderVariant> {
  const rendered = await renderVariant(name, Object.fromEntries(set.map(pair)))
  const unknown = names.filter((wanted) => !rendered.some((file) => file.name === wanted))
  if (unknown.length > 0)
    throw unknownScript(
      unknown,
      rendered.map((file) => file.name),
    )
  return names.length === 0 ? rendered : rendered.filter((file) => names.includes(file.name))
}

async function plain({names, set, config, options}: RenderRequest): ReturnType<typeof renderVariant> {
  if (set.length > 0)
    throw new UsageError({
      code: 'VARIANT_VALUES',
      message: '--set is for variants; the plain scripts take their values from the cluster file',
    })
  const unknown = names.filter((name) => !(ALL_SCRIPTS as readonly string[]).includes(name))
  if (unknown.length > 0) throw unknownScript(unknown, ALL_SCRIPTS)
  const {requireClusterFile} = await import('../cluster/config/locate.js')
  const {file} = await requireClusterFile(config)
  const wanted: readonly ScriptName[] =
    names.length === 0 ? ALL_SCRIPTS : ALL_SCRIPTS.filter((name) => names.includes(name))
  return Promise.all(
    wanted.map(async (name) => ({name, text: await renderScript(name, file, options), executable: true})),
  )
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new UsageError({code: 'VARIANT_VALUES', message: `--set needs NAME=VALUE, not ${JSON.stringify(text)}`})
}

function unknownScript(names: readonly string[], known: readonly string[]): UsageError {
  return new UsageError({
    code: 'SCRIPT_UNKNOWN',
    message: `there is no script ${names.join(', ')}`,
    hint: `There are: ${known.join(', ')}`,
  })
}

/** Never over a file that is there: it may be one that was edited. */
async function writeNew(path: string, text: string, executable: boolean): Promise<void> {
  try {
    await writeFile(path, text, {mode: executable ? 0o755 : 0o644, flag: 'wx'})
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new UsageError({
      code: 'FILE_EXISTS',
      message: `${path} is there already`,
      hint: 'Name an empty directory with --out.',
    })
  }
}

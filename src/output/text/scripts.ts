/** What `scripts list`, `render` and `test` print. */
import type {InstalledScript, RenderedFiles, ScriptList, ScriptTests} from '../../report/scripts.js'
import type {Style, Tone} from '../style.js'
import {table} from '../table.js'

export function scriptListText({scripts, variants, installed}: ScriptList, style: Style): string {
  const first = table<ScriptList['scripts'][number]>(
    [
      {heading: 'script', cell: (s) => s.name},
      {heading: 'what it does', cell: (s) => s.summary, fill: true},
    ],
    scripts,
    style,
  )
  const second = table<ScriptList['variants'][number]>(
    [
      {heading: 'variant', cell: (v) => v.name},
      {heading: 'what it gives', cell: (v) => v.summary, fill: true},
      {
        heading: 'values',
        cell: (v) => v.values.map((one) => (one.default === null ? one.name : `${one.name}=${one.default}`)).join(' '),
      },
    ],
    variants,
    style,
  )
  return [first, second, ...(installed === null ? [] : [installedText(installed, style)])].join('\n\n')
}

const TONES: Readonly<Record<InstalledScript['state'], Tone>> = {
  installed: 'green',
  absent: 'dim',
  differs: 'yellow',
  'not-runnable': 'red',
  unreachable: 'red',
  unknown: 'red',
}

function installedText(installed: readonly InstalledScript[], style: Style): string {
  const what = ({reason, remedy, failed}: InstalledScript): string =>
    [reason, remedy, failed === null ? null : `failed at ${failed.at}: ${failed.text} (poolctl status)`]
      .filter((one) => one !== null)
      .join('; ')
  return table<InstalledScript>(
    [
      {heading: 'script', cell: (s) => s.script},
      {heading: 'on', cell: (s) => s.host},
      {heading: 'for', cell: (s) => (s.node === null ? 'pgpool' : `node ${s.node}`)},
      {heading: 'state', cell: (s) => ({text: s.state, tone: TONES[s.state]})},
      {heading: 'why, and what mends it', cell: what, fill: true},
    ],
    installed,
    style,
  )
}

/** One alone as it is, so that it can be sent to a file; several with their names. */
export function renderedText({files}: RenderedFiles): string {
  const written = files.filter((file) => file.path !== null)
  if (written.length > 0) return written.map((file) => `wrote ${file.path}`).join('\n')
  if (files.length === 1) return (files[0]?.text ?? '').trimEnd()
  return files.map((file) => `===== ${file.name}\n${file.text.trimEnd()}`).join('\n\n')
}

export function scriptTestsText({tests}: ScriptTests, style: Style): string {
  return table<ScriptTests['tests'][number]>(
    [
      {heading: 'script', cell: (t) => t.script},
      {heading: 'on', cell: (t) => t.host},
      {heading: 'for node', cell: (t) => t.target, right: true},
      {heading: 'result', cell: (t) => t.result},
      {heading: 'because', cell: (t) => t.text, fill: true},
    ],
    tests,
    style,
  )
}

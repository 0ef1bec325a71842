/** The parts of a record's page that say how it went: figures first, then what they are compared with. */
import {secondsText, withUnits} from '../../lib/human.js'
import type {PoolNode} from '../../cluster/pool-node.js'
import type {OperationRecord} from '../../report/operation-record.js'
import {markup, type Markup} from './markup.js'
import {table} from './table.js'

const VERDICTS: Readonly<Record<string, string>> = {
  completed: 'done, and observed',
  'rolled-back': 'rolled back, as before',
  incomplete: 'incomplete',
  unknown: 'outcome unknown',
  interrupted: 'interrupted',
  'not ended': 'not ended',
}

type Tone = 'good' | 'bad' | 'doubt'

export function verdictWords({outcome, exitCode}: OperationRecord): string {
  const words = VERDICTS[outcome] ?? outcome
  return exitCode === 13 ? `${words}, follow-ups open` : words
}

export function toneOf({outcome, exitCode}: OperationRecord): Tone {
  if (outcome === 'completed') return exitCode === 0 || exitCode === 13 ? 'good' : 'bad'
  return outcome === 'incomplete' || outcome === 'unknown' ? 'bad' : 'doubt'
}

export type Figure = {label: string; value: string; note: string; tone: Tone | null}

/** The same four or five figures on the page and in Markdown. */
export function figures(record: OperationRecord): Figure[] {
  const {result, wayBack, forecastOutageSeconds} = record
  const outage = result?.outage ?? null
  const against = (seconds: number | null): string =>
    seconds === null ? 'no forecast was made' : `forecast ${secondsText(seconds)}`
  const stopped = (seconds: number | null | undefined): string =>
    seconds === undefined || seconds === null ? 'unknown' : secondsText(seconds)
  const lost = outage?.lostWrites ?? null
  return [
    {label: 'from start to end', value: secondsText(record.seconds), note: againstAll(record), tone: null},
    {
      label: 'writes stopped for',
      value: outage === null ? 'not measured' : stopped(outage.writesStoppedSeconds),
      note:
        outage === null
          ? 'no prober ran'
          : `${against(forecastOutageSeconds)}; reads ${stopped(outage.readsStoppedSeconds)}`,
      tone: outage?.writesStoppedSeconds === null ? 'bad' : null,
    },
    {
      label: 'acknowledged writes lost',
      value: outage === null ? 'not measured' : lost === null ? 'unknown' : `${lost} of ${outage.acknowledgedWrites}`,
      note: 'written through pgpool and read back',
      tone: lost === null ? 'doubt' : lost === 0 ? 'good' : 'bad',
    },
    {label: 'way back', value: wayBackValue(record), note: wayBack.text, tone: null},
  ]
}

/** Statistics and later standbys belong to the whole, and nobody can foresee them. */
function againstAll({forecastSeconds, forecastServedSeconds}: OperationRecord): string {
  if (forecastSeconds !== null) return `forecast ${secondsText(forecastSeconds)}`
  if (forecastServedSeconds === null) return 'no forecast was made'
  return `forecast until clients are served: ${secondsText(forecastServedSeconds)}; none of what follows`
}

function wayBackValue({wayBack: {until, afterwards}, endedAt}: OperationRecord): string {
  if (until === null) return endedAt === null ? 'open' : 'not needed'
  if (afterwards === null) return `until ${until.slice(11, 19)}`
  return afterwards.until === null ? 'until upgrade finish' : `until ${afterwards.until.slice(0, 16).replace('T', ' ')}`
}

export function cards(record: OperationRecord): Markup {
  return markup`<dl class="cards">
    ${figures(record).map(
      ({label, value, note, tone}) =>
        markup`<div class="${tone ?? ''}">
          <dt>${label}</dt>
          <dd>${value}<small>${note}</small></dd>
        </div> `,
    )}
  </dl>`
}

/** What is left to do: a goal that was met with open ends must not read as one without. */
export function followUpsPart({result}: OperationRecord): Markup | null {
  const open = result?.followUps ?? []
  if (open.length === 0) return null
  return markup`<h2>Still to do</h2>
    <ul class="open">
      ${open.map((what) => markup`<li>${what}</li>`)}
    </ul>`
}

export function forecastPart({steps}: OperationRecord): Markup | null {
  const compared = steps.filter(({seconds, forecastSeconds}) => seconds !== null && forecastSeconds !== null)
  if (compared.length === 0) return null
  const longest = Math.max(...compared.flatMap(({seconds, forecastSeconds}) => [seconds ?? 0, forecastSeconds ?? 0]))
  const percent = (value: number): string => `${((value / Math.max(longest, 0.001)) * 100).toFixed(1)}%`
  const rows = compared.map(({title, seconds, forecastSeconds}) => {
    const [was, told] = [seconds ?? 0, forecastSeconds ?? 0]
    return markup`<tr>
      <td>${title}</td>
      <td class="number">${secondsText(told)}</td>
      <td class="number">${secondsText(was)}</td>
      <td>
        <div class="forecast"><b style="width:${percent(was)}"></b><i style="width:${percent(told)}"></i></div>
      </td>
    </tr> `
  })
  return markup`<h2>Forecast against actual</h2>
    ${table(['step', {number: 'forecast'}, {number: 'actual'}, 'actual above, forecast below'], rows)}`
}

export function versionsPart({check}: OperationRecord): Markup | null {
  if (!check) return null
  const rows = check.nodes.map(
    ({id, host, version, newVersion, newData}) =>
      markup`<tr>
        <td class="number">${id}</td>
        <td>${host}</td>
        <td>${version ?? 'unknown'}</td>
        <td>${newVersion ?? 'none'}</td>
        <td><code>${newData}</code></td>
      </tr> `,
  )
  return markup`<h2>Versions</h2>
    ${table([{number: 'node'}, 'host', 'before', 'new', 'new data directory'], rows)}`
}

export function nodesPart({result}: OperationRecord): Markup | null {
  const {before, after} = result ?? {}
  if (!before && !after) return null
  const ids = [
    ...new Set([...(before ?? []), ...(after ?? [])].filter(({status}) => status !== 'unused').map(({id}) => id)),
  ]
  const said = (nodes: PoolNode[] | null | undefined, id: number): string => {
    const node = nodes?.find((candidate) => candidate.id === id)
    return node ? `${node.role}, ${node.status}` : 'not seen'
  }
  const rows = ids.map((id) => {
    const node = (after ?? before ?? []).find((candidate) => candidate.id === id)
    const place = node ? `${node.hostname}:${node.port}` : ''
    return markup`<tr>
      <td class="number">${id}</td>
      <td>${place}</td>
      <td>${said(before, id)}</td>
      <td>${said(after, id)}</td>
    </tr> `
  })
  return markup`<h2>What pgpool believed</h2>
    ${table([{number: 'node'}, 'address', 'before', 'after'], rows)}`
}

export function checksPart({check, verb}: OperationRecord): Markup | null {
  if (!check)
    return verb.startsWith('upgrade')
      ? markup`<h2>Checks</h2>
          <p>No report of a check is kept on this machine.</p>`
      : null
  const rows = check.findings.map(
    ({severity, node, code, message, hint}) =>
      markup`<tr>
        <td class="short ${severity}">${severity === 'stop' ? 'refused' : 'to know'}</td>
        <td class="number">${node ?? 'all'}</td>
        <td>${withUnits(message)}${hint === null ? null : markup`<span class="remedy">${hint}</span>`}</td>
        <td class="short"><code>${code}</code></td>
      </tr> `,
  )
  const none = markup`<tr>
    <td colspan="4">nothing was found</td>
  </tr>`
  return markup`<h2>Checks of ${check.checkedAt.slice(0, 10)} ${check.checkedAt.slice(11, 19)} UTC: ${check.verdict}</h2>
    ${table(['', {number: 'node'}, 'found', 'code'], rows.length === 0 ? none : rows)}`
}

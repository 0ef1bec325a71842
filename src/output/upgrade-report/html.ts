/** The record of an operation as one page that needs nothing else: no script, no font, no request. */
import {secondsText, withUnits} from '../../lib/human.js'
import type {OperationRecord, RecordedStep} from '../../report/operation-record.js'
import {commandsByLine} from '../../report/planned-act.js'
import {redact} from '../redact.js'
import {markup, type Markup} from './markup.js'
import {checksPart, cards, followUpsPart, forecastPart, nodesPart, toneOf, verdictWords, versionsPart} from './parts.js'
import {STYLE} from './style.js'
import {lanesText, legend, timeline} from './timeline.js'
import {table} from './table.js'

export function reportPage(record: OperationRecord): string {
  const title = `${record.verb} of cluster ${record.cluster}`
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <meta name="viewport" content="width=device-width" />
        <title>${`${title}: ${verdictWords(record)}`}</title>
        <link rel="icon" href="data:," />
        <style>
          ${{html: STYLE}}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>
              ${title[0]?.toUpperCase() ?? ''}${title.slice(1)}
              <span class="verdict ${toneOf(record)}">${verdictWords(record)}</span>
            </h1>
            <p class="under">
              ${record.operation} ·
              ${moment(record.startedAt)}${record.endedAt === null ? '' : ` to ${moment(record.endedAt)}`} · by
              ${people(record)}
            </p>
          </header>
          ${cards(record)} ${followUpsPart(record)}
          <h2>Steps per host</h2>
          ${timeline(record)} ${legend(record)} ${forecastPart(record)}
          <h2>Steps and their proof</h2>
          ${stepsTable(record)} ${versionsPart(record)} ${nodesPart(record)} ${checksPart(record)}
          <h2>What was asked for</h2>
          ${requestPart(record)}
          <h2>Commands</h2>
          <details>
            <summary>
              ${record.steps.length} acts, each as it would be typed there; passwords are not part of a plan, and what looks like one is dotted out
            </summary>
            ${actsPart(record)}
          </details>
          <h2>The record</h2>
          <details>
            <summary>${record.entries.length} entries, as they stand in the journal</summary>
            <pre>
${record.entries.map(({seq, at, type, ...rest}) => `${seq} ${at} ${type}${'step' in rest ? ` ${rest.step}` : ''}`).join('\n')}</pre>
          </details>
          <footer>poolctl ${record.toolVersion} · plan ${record.fingerprint} · times are UTC</footer>
        </main>
      </body>
    </html> `
  return page.html
}

/** `2026-11-25 16:42:10 UTC` */
export function moment(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`
}

function people({holders}: OperationRecord): string {
  const names = holders.map(({holder, way}) => `${holder.user}@${holder.host}${way === 'run' ? '' : ` (${way})`}`)
  return [...new Set(names)].join(', then ')
}

function stepsTable({steps}: OperationRecord): Markup {
  const withForecast = steps.some(({forecastSeconds}) => forecastSeconds !== null)
  const rows = steps.map(
    (step, index) =>
      markup`<tr data-step="${step.id}">
        <td class="number">${index + 1}</td>
        <td>
          ${step.title}${step.irreversible && step.outcome !== 'not-run' ? markup` <span class="stop">· no way back after this</span>` : null}
        </td>
        <td>${lanesText(step)}</td>
        <td class="short outcome ${step.outcome}">${step.outcome}</td>
        <td class="number">${step.seconds === null ? '–' : secondsText(step.seconds)}</td>
        ${withForecast ? markup`<td class="number">${step.forecastSeconds === null ? '–' : secondsText(step.forecastSeconds)}</td>` : null}
        <td>${step.because === null ? '–' : withUnits(step.because)}</td>
      </tr> `,
  )
  return table(
    [
      {number: '#'},
      'step',
      'host',
      'outcome',
      {number: 'time'},
      ...(withForecast ? [{number: 'forecast'}] : []),
      'seen',
    ],
    rows,
    'steps',
  )
}

/** They have parts of the page for themselves. */
const ELSEWHERE = new Set(['acts', 'checked'])

/** As JSON in the order of the plan: the words of the request are those of the command line's flags. */
function requestPart({request, reasons}: OperationRecord): Markup {
  const shown = (value: unknown): string => redact(JSON.stringify(value, null, 2))
  return markup`<pre>${shown(request)}</pre>
    <details>
      <summary>why the plan looks as it does</summary>
      <pre>${shown(Object.fromEntries(Object.entries(reasons).filter(([key]) => !ELSEWHERE.has(key))))}</pre>
    </details>`
}

function actsPart({steps}: OperationRecord): Markup {
  const rows = steps.map(
    (step) =>
      markup`<tr>
        <td class="short">${step.id}</td>
        <td class="short">${step.kind}</td>
        <td>${lanesText(step)}</td>
        <td>${commandsOf(step)}</td>
        <td>${step.undo ?? 'nothing to undo'}</td>
      </tr> `,
  )
  return table(['step', 'act', 'host', 'commands', 'its undo'], rows)
}

/** A plan that does not say its commands says what its steps were given. */
function commandsOf({commands, input}: RecordedStep): Markup {
  if (commands.length === 0) return markup`<code class="given">${redact(JSON.stringify(input))}</code>`
  return markup`${commandsByLine(commands).map(
    ({hosts, line}) => markup`<code class="command">${redact(`${hosts.join(', ')}$ ${line}`)}</code><br />`,
  )}`
}

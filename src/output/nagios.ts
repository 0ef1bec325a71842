/** One line and the exit code of a monitoring plugin (Monitoring Plugins Development Guidelines): 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
import type {DoctorData} from '../report/doctor.js'
import {escapeText} from './escape.js'
import {redact} from './redact.js'

const STATES = {ok: ['OK', 0], warning: ['WARNING', 1], critical: ['CRITICAL', 2], unknown: ['UNKNOWN', 3]} as const

/** A plugin's line is cut after 4 kB by some schedulers; the first findings are enough to get up for. */
const SHOWN = 3

export function nagios(data: DoctorData): {line: string; exitCode: 0 | 1 | 2 | 3} {
  const [word, exitCode] = STATES[data.health]
  const findings = data.checks
    .flatMap((check) => check.findings)
    .toSorted((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical'))
  const first = findings.slice(0, SHOWN).map(({code, message}) => `${code}: ${message}`)
  const more = findings.length > SHOWN ? [`and ${findings.length - SHOWN} more`] : []
  const blind = [...new Set(data.checks.flatMap((check) => check.blind.map(({reason}) => reason)))]
  const told = findings.length > 0 ? [...first, ...more].join('; ') : (blind[0] ?? `${data.checks.length} checks`)
  const {ok, warning, critical, unknown} = data.counts
  const figures = `critical=${critical};;1 warning=${warning};1 unknown=${unknown} ok=${ok}`
  // A bar would end the text and begin the figures.
  return {line: `POOLCTL ${word} - ${escapeText(redact(told)).replaceAll('|', '/')} | ${figures}`, exitCode}
}

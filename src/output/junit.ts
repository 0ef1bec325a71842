/** Checks as JUnit XML, so that a pipeline shows them among its tests: failures are findings, skipped is what could not be seen. */
import type {DoctorData} from '../report/doctor.js'
import {redact} from './redact.js'

/** The subset that Jenkins and GitLab read. `at` is RFC 3339. */
export function junitText(data: DoctorData, suite: {name: string; at: string}): string {
  const failures = data.counts.warning + data.counts.critical
  const cases = data.checks.map(({id, code, topic, status, findings, blind, holds}) => {
    const open = `    <testcase classname="${attribute(`doctor.${topic}`)}" name="${attribute(`${id}: ${holds}`)}"`
    if (status === 'ok') return `${open}/>`
    const inner =
      status === 'unknown'
        ? [`      <skipped message="${attribute(blind.map(({reason}) => reason).join('; '))}"/>`]
        : findings.map(
            ({message, remedy, severity}) =>
              `      <failure type="${attribute(code)}" message="${attribute(message)}">${text(`${severity}: mend with: ${remedy}`)}</failure>`,
          )
    return [`${open}>`, ...inner, '    </testcase>'].join('\n')
  })
  const counts = `tests="${data.checks.length}" failures="${failures}" errors="0" skipped="${data.counts.unknown}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="poolctl doctor" ${counts}>`,
    `  <testsuite name="${attribute(suite.name)}" timestamp="${attribute(suite.at)}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
  ].join('\n')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** XML 1.0 knows no control characters but tab and line ends, not even as entities. */
function text(value: string): string {
  return redact(value)
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

function attribute(value: string): string {
  return text(value).replaceAll(/[\t\n\r]/g, ' ')
}

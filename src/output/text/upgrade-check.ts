/** A check's report for people: what stops first, each with its remedy, then what to know, then what was tried and measured. */
import {bytesText, secondsText, withUnits} from '../../lib/human.js'
import type {UpgradeCheckData, UpgradeFinding} from '../../report/upgrade-check.js'
import {escapeText} from '../escape.js'
import {paint, type Style} from '../style.js'
import {table, wrap} from '../table.js'

export function upgradeCheckText(data: UpgradeCheckData, style: Style): string {
  const stops = data.findings.filter(({severity}) => severity === 'stop')
  const warnings = data.findings.filter(({severity}) => severity === 'warn')
  const head = `Upgrade ${data.from ?? 'unknown'} to ${data.to}, checked at ${data.checkedAt}`
  return [
    `${paint(style, 'bold', head)}\n\n${nodesTable(data, style)}`,
    ...(stops.length === 0 ? [] : [block('must be mended first', stops, style)]),
    ...(warnings.length === 0 ? [] : [block('to know', warnings, style)]),
    ...settingsBlock(data, style),
    ...trialBlock(data),
    ...ratesBlock(data, style),
    ...wayBackBlock(data, style),
    ...differencesBlock(data, style),
    verdict(data, stops.length, style),
  ].join('\n\n')
}

function nodesTable(data: UpgradeCheckData, style: Style): string {
  return table<UpgradeCheckData['nodes'][number]>(
    [
      {heading: 'node', cell: (n) => n.id, right: true},
      {heading: 'host', cell: (n) => n.host},
      {heading: 'role', cell: (n) => (n.id === data.primary ? 'primary' : n.version === null ? 'unknown' : 'standby')},
      {heading: 'runs', cell: (n) => n.version, right: true},
      {heading: 'new', cell: (n) => n.newVersion, right: true},
      {heading: 'new data directory', cell: (n) => n.newData, priority: 1},
      {heading: 'is', cell: (n) => n.newDataState, priority: 2},
    ],
    data.nodes,
    style,
  )
}

function block(title: string, findings: readonly UpgradeFinding[], style: Style): string {
  const lines = findings.map((finding) => {
    const mark = finding.severity === 'stop' ? paint(style, 'red', 'x') : paint(style, 'yellow', '!')
    const said = (prefix: string, text: string): string =>
      wrap(`${prefix}${escapeText(withUnits(text))}`, style.columns, '    ')
    return [
      wrap(`  ${mark} ${escapeText(withUnits(finding.message))} (${finding.code})`, style.columns, '    '),
      ...(finding.detail === null
        ? []
        : finding.detail
            .split('\n')
            .slice(0, 12)
            .map((line) => said('    ', line))),
      ...(finding.hint === null ? [] : [said('    mend: ', finding.hint)]),
      ...(finding.override === null ? [] : [`    or accept it: ${finding.override}`]),
    ].join('\n')
  })
  return [`${paint(style, 'bold', title)} (${findings.length})`, ...lines].join('\n')
}

function settingsBlock({settings, to}: UpgradeCheckData, style: Style): string[] {
  const defaults = settings.filter(({kind}) => kind === 'default')
  if (defaults.length === 0) return []
  const text = defaults.map(({name, text: what}) => `${name}: ${what}`).join('; ')
  return [wrap(`Defaults that ${to} has otherwise, where the site has set nothing: ${text}`, style.columns, '  ')]
}

function trialBlock({trial}: UpgradeCheckData): string[] {
  if (!trial) return []
  const part = (name: string, seconds: number | null): string[] =>
    seconds === null ? [] : [`${name} ${secondsText(seconds)}`]
  const parts = [
    ...part('initdb', trial.initdbSeconds),
    ...part('pg_upgrade --check', trial.pgUpgradeCheckSeconds),
    ...part('start with the translated settings', trial.startSeconds),
    ...part('dump of the schema', trial.dumpSeconds),
    ...part('its restore', trial.restoreSeconds),
  ]
  const size = trial.schemaBytes === null ? '' : ` The schema is ${bytesText(trial.schemaBytes)}.`
  return [`Tried on the primary's machine: ${parts.join(', ')}.${size}`]
}

function ratesBlock({rates}: UpgradeCheckData, style: Style): string[] {
  if (rates.length === 0) return []
  const part = (name: string, rate: number | null): string[] => (rate === null ? [] : [`${name} ${bytesText(rate)}/s`])
  const lines = rates.map(({node, writeBytesPerSecond, readBytesPerSecond, fromPrimaryBytesPerSecond, skipped}) => {
    const parts = [
      ...part('writes', writeBytesPerSecond),
      ...part('reads', readBytesPerSecond),
      ...part('fetches from the primary', fromPrimaryBytesPerSecond),
    ]
    const text = skipped === null ? parts.join(', ') : `was not measured: ${skipped}`
    return wrap(escapeText(`  node ${node} ${text}`), style.columns, '    ')
  })
  return [['Measured for a moment, beside all that goes on:', ...lines].join('\n')]
}

function wayBackBlock({wayBack}: UpgradeCheckData, style: Style): string[] {
  if (wayBack === null) return []
  const what =
    wayBack.kind === 'backup'
      ? `a backup in ${wayBack.directory ?? ''} on the host of`
      : "your command's, made on the host of"
  const text = `Way back of upgrade prepare: ${what} node ${wayBack.node}, ${secondsText(wayBack.ageSeconds)} old. Going back to it loses what was written since ${wayBack.at}.`
  return [wrap(escapeText(text), style.columns, '  ')]
}

function differencesBlock({since, differences}: UpgradeCheckData, style: Style): string[] {
  if (since === null) return []
  if (differences.length === 0) return [`Nothing has changed since the check of ${since}.`]
  const lines = differences.map(({kind, what, before, now}) => {
    // What a check says stands above.
    const told = now === null || what.startsWith('check ') ? '' : `: ${now}`
    const values = kind === 'changed' && !what.startsWith('check ') ? `: ${before ?? '?'} → ${now ?? '?'}` : told
    const sign = {appeared: '+', gone: '-', changed: '~'}[kind]
    return wrap(`  ${sign} ${escapeText(withUnits(`${what}${values}`))}`, style.columns, '    ')
  })
  return [[`Since the check of ${since}:`, ...lines].join('\n')]
}

function verdict({to, kept, verdict: outcome}: UpgradeCheckData, count: number, style: Style): string {
  const keptAt = kept === null ? '' : `\nThe report is kept in ${kept}`
  if (outcome === 'ready') {
    return `${paint(style, 'green', 'Nothing stands in the way.')} Next: poolctl upgrade prepare --to ${to}${keptAt}`
  }
  return `${paint(style, 'red', `Refused by ${count} ${count === 1 ? 'check' : 'checks'}; nothing was changed.`)}${keptAt}`
}

/**
 * The matrix as a page: rows in the order of the plans, no date, no seed, so that two runs differ only where results do. The page is also
 * read: a run of a part of the matrix puts its own rows in place of older ones and leaves the others.
 */
import {readFile, writeFile} from 'node:fs/promises'
import {fileURLToPath} from 'node:url'
import {format, resolveConfig} from 'prettier'
import {POINTS, ROUNDS, pointsIn, triedSteps, wholeMatrix, type CrashCase, type Runbook} from './crash-choice.js'
import {SCENARIOS} from './crash-scenarios.js'
import {UPGRADES} from './upgrade-crash-scenarios.js'

const REPORT = fileURLToPath(new URL('../../docs/crash-matrix.md', import.meta.url))
const ALL: readonly Runbook[] = [...SCENARIOS, ...UPGRADES]
const NOT_RUN = 'not run'

export type Row = {scenario: string; step: string; point: string; round: string; end: string}

export function rowKey({scenario, step, point, round}: Omit<Row, 'end'>): string {
  return [scenario, step, point, round].join(' | ')
}

export function rowOf({scenario, step, point, round}: CrashCase<Runbook>, end: string): Row {
  return {scenario: scenario.name, step: step.id, point, round, end}
}

/** Later rows of a case stand for earlier ones. */
export async function writeReport(rows: readonly Row[]): Promise<void> {
  const before = rowsIn(await readFile(REPORT, 'utf8').catch(() => ''))
  const style = await resolveConfig(REPORT)
  await writeFile(REPORT, await format(reportText([...before, ...rows]), {...style, parser: 'markdown'}))
}

/** The rows of a page that `reportText` made. */
export function rowsIn(page: string): Row[] {
  let scenario = ''
  return page.split('\n').flatMap((line) => {
    scenario = /^## (.*)$/.exec(line)?.[1] ?? scenario
    const [, step, point, ...ends] = line.split('|').map((cell) => cell.trim())
    if (step === undefined || !POINTS.some((known) => known === point)) return []
    return ROUNDS.flatMap((round, at) => {
      const end = ends[at] ?? NOT_RUN
      return end === NOT_RUN ? [] : [{scenario, step, point: point ?? '', round, end}]
    })
  })
}

export function reportText(rows: readonly Row[]): string {
  const ends = new Map(rows.map((row) => [rowKey(row), row.end]))
  const wanted = wholeMatrix(ALL).map((crashCase) => rowOf(crashCase, ''))
  const seen = wanted.filter((row) => ends.has(rowKey(row)))
  const failed = seen.filter((row) => ends.get(rowKey(row))?.startsWith('FAILED') === true)
  const complete = seen.length === wanted.length ? 'All of them were run.' : `${seen.length} of them were run so far.`
  const steps = ALL.reduce((sum, scenario) => sum + triedSteps(scenario).length, 0)
  return [
    '# The crash matrix',
    '',
    'Made by `bin/test --matrix` (`POOLCTL_MATRIX=1`), from its own rows, those that earlier or drawn runs kept in the file',
    '`POOLCTL_MATRIX_ROWS`, and for other cases those that stood here; do not edit. Each row: on a lab of three real PostgreSQL servers',
    'behind a real Pgpool-II, with clients writing through it, `poolctl` is run and ends itself by SIGKILL at the named point of the named',
    'step, the cluster is seen to serve where it should, and then `poolctl op resume` or `poolctl op rollback` is run.',
    '',
    'Recovery and promote: the target is broken first. A row says FAILED unless every acknowledged write is there afterwards, no lock, job,',
    'backup session, slot or fence is left, and, past the point of no return, a rollback was refused with nothing changed. After a rollback',
    'that left the target broken, `poolctl recovery` brought it back. `OLD` stands for the old primary.',
    '',
    'Upgrade: from PostgreSQL 13 to 15, each case on a copy of a lab that was prepared, or upgraded with a standby held back. A row says',
    'FAILED unless in the end one version serves on the nodes that it should and on no other, no two versions ever ran side by side, no',
    'acknowledged write is lost (going back after the opening loses what came after it, by design), no lock, fence or job without an end is left, and',
    '`poolctl upgrade status` said meanwhile that something is under way.',
    '',
    `${ALL.length} operations × ${POINTS.length} points × ${ROUNDS.length} rounds over ${steps} steps: ${wanted.length} cases (a step that is so`,
    `already has no act to interrupt; after a step is before the next, but after the last). ${complete} ${failed.length} failed.`,
    '',
    ...ALL.flatMap((scenario) => sectionOf(scenario, ends)),
  ].join('\n')
}

/** Places where neither round was run are left out: the count above says that they are missing. */
function sectionOf(scenario: Runbook, ends: ReadonlyMap<string, string>): string[] {
  const lines = triedSteps(scenario).flatMap((step) =>
    pointsIn(scenario, step).flatMap((point) => {
      const cells = ROUNDS.map((round) => ends.get(rowKey({scenario: scenario.name, step: step.id, point, round})))
      if (cells.every((cell) => cell === undefined)) return []
      return [`| ${[step.id, point, ...cells.map((cell) => cell ?? NOT_RUN)].join(' | ')} |`]
    }),
  )
  return [`## ${scenario.name}`, '', '| step | point | resume | rollback |', '| --- | --- | --- | --- |', ...lines, '']
}

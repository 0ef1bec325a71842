/** The matrix as a page: rows in the order of the plans, no date, no seed, so that two runs differ only where results do. */
import {appendFile, readFile} from 'node:fs/promises'
import {POINTS, ROUNDS, pointsIn, wholeMatrix, type CrashCase} from './crash-choice.js'
import {SCENARIOS, type Scenario} from './crash-scenarios.js'

export type Row = {scenario: string; step: string; point: string; round: string; end: string}

export function rowKey({scenario, step, point, round}: Omit<Row, 'end'>): string {
  return [scenario, step, point, round].join(' | ')
}

export function rowOf({scenario, step, point, round}: CrashCase, end: string): Row {
  return {scenario: scenario.name, step: step.id, point, round, end}
}

/** One row a line. */
export async function readRows(path: string): Promise<Row[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

export async function addRow(path: string, row: Row): Promise<void> {
  await appendFile(path, `${JSON.stringify(row)}\n`)
}

export function reportText(rows: readonly Row[]): string {
  const ends = new Map(rows.map((row) => [rowKey(row), row.end]))
  const wanted = wholeMatrix().map((crashCase) => rowOf(crashCase, ''))
  const seen = wanted.filter((row) => ends.has(rowKey(row)))
  const failed = seen.filter((row) => ends.get(rowKey(row))?.startsWith('FAILED') === true)
  const complete = seen.length === wanted.length ? 'All of them were run.' : `${seen.length} of them were run so far.`
  return [
    '# The crash matrix',
    '',
    'Made by `bin/test --matrix` (`POOLCTL_MATRIX=1`), from its own rows and those that earlier or drawn runs kept in the file',
    '`POOLCTL_MATRIX_ROWS`; do not edit. Each row: on a lab of three real PostgreSQL servers behind a',
    'real Pgpool-II, with clients writing through it, the target is broken, `poolctl` is run and ends itself by SIGKILL at the',
    'named point of the named step, the cluster is seen to serve, and then `poolctl op resume` or `poolctl op rollback` is run.',
    'A row says FAILED unless every acknowledged write is there afterwards, no lock, job, backup session, slot or fence is left,',
    'and, past the point of no return, a rollback was refused with nothing changed. After a rollback that left the target broken,',
    '`poolctl recovery` brought it back. `OLD` stands for the old primary.',
    '',
    `${SCENARIOS.length} operations × ${POINTS.length} points × ${ROUNDS.length} rounds over ${SCENARIOS.reduce((sum, {steps}) => sum + steps.length, 0)} steps: ${wanted.length} cases (a step that is so`,
    `already has no act to interrupt; after a step is before the next, but after the last). ${complete} ${failed.length} failed.`,
    '',
    ...SCENARIOS.flatMap((scenario) => sectionOf(scenario, ends)),
  ].join('\n')
}

/** Places where neither round was run are left out: the count above says that they are missing. */
function sectionOf(scenario: Scenario, ends: ReadonlyMap<string, string>): string[] {
  const lines = scenario.steps.flatMap((step) =>
    pointsIn(scenario, step).flatMap((point) => {
      const cells = ROUNDS.map((round) => ends.get(rowKey({scenario: scenario.name, step: step.id, point, round})))
      if (cells.every((cell) => cell === undefined)) return []
      return [`| ${[step.id, point, ...cells.map((cell) => cell ?? 'not run')].join(' | ')} |`]
    }),
  )
  return [`## ${scenario.name}`, '', '| step | point | resume | rollback |', '| --- | --- | --- | --- |', ...lines, '']
}

/** Statistics targets far above the default make the longest part of an upgrade longer: the one after the outage. */
import type {UpgradeContent} from '../../../ports/upgrade-check.js'
import {counted, listed, warn, type Finding} from './finding.js'

/** Ten times the default (manual: default_statistics_target). */
const HIGH = 1000
/** ANALYZE samples so many rows for each unit of the highest target in a table (analyze.c, std_typanalyze). */
const ROWS_PER_TARGET = 300
/** pg_upgrade carries statistics from this version on, so that stages are only for tables without any. */
const CARRIED_FROM = 18

export function checkStatisticsTargets({statisticsTarget, databases}: UpgradeContent, to: number): Finding[] {
  const columns = databases
    .flatMap(({name, highTargets}) => highTargets.columns.map((column) => ({database: name, ...column})))
    .toSorted((a, b) => b.target - a.target)
  const count = databases.reduce((sum, {highTargets}) => sum + highTargets.count, 0)
  const highest = Math.max(statisticsTarget, ...columns.map(({target}) => target))
  if (highest < HIGH) return []
  const whole = statisticsTarget >= HIGH ? [`default_statistics_target is ${statisticsTarget}`] : []
  const named = listed(columns.map(({object, database, target}) => `${object} in ${database}: ${target}`).slice(0, 5))
  const more = count > 5 ? ` and ${count - 5} more` : ''
  const own =
    count === 0
      ? []
      : [
          `${counted(count, 'column has', 'columns have')} one of ${count === 1 ? 'its' : 'their'} own (${named}${more})`,
        ]
  const passes =
    to >= CARRIED_FROM
      ? ''
      : ' A column’s own target counts in each of its three stages, so such a table is sampled in full three times.'
  return [
    warn({
      code: 'STATISTICS_TARGETS_HIGH',
      area: 'content',
      message: `statistics targets are high: ${[...whole, ...own].join('; ')}`,
      detail: `ANALYZE samples ${ROWS_PER_TARGET} rows for each unit of a table's highest target, up to ${ROWS_PER_TARGET * highest} here. make-statistics, while clients work already, takes so much longer, and plans are bad until it has been at their tables.${passes}`,
      hint: 'Lower those that nobody needs: ALTER TABLE … ALTER COLUMN … SET STATISTICS -1; or count on a long make-statistics',
    }),
  ]
}

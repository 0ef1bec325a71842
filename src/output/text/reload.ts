/** What a reload did to each pgpool. */
import type {ReloadChange, ReloadData, ReloadPool} from '../../report/pools.js'
import type {Style} from '../style.js'
import {escapeText} from '../escape.js'
import {table, wrap} from '../table.js'
import {poolTitle} from './findings.js'

const SENT: Readonly<Record<ReloadData['what'], string>> = {
  config: 'reload',
  log: 'log rotation',
  cache: 'cache invalidation',
}

export function reloadText(data: ReloadData, style: Style): string {
  return data.pools.map((pool) => poolText(pool, data, style)).join('\n\n')
}

function poolText(pool: ReloadPool, data: ReloadData, style: Style): string {
  const title = poolTitle(pool, style)
  if (pool.outcome === 'unreachable') return title
  const word = data.dryRun ? `${SENT[data.what]} not sent` : `${SENT[data.what]} ${pool.outcome}`
  const head = wrap(`${title}: ${word}${pool.seen === null ? '' : `, ${escapeText(pool.seen)}`}`, style.columns, '  ')
  const changes =
    pool.changes.length === 0 ? [] : [changesTable(data.dryRun ? 'would become' : 'now', pool.changes, style)]
  const restart =
    pool.needRestart.length === 0
      ? []
      : [
          `read at start only, restart this pgpool for them:\n${changesTable('in pgpool.conf', pool.needRestart, style)}`,
        ]
  return [head, ...changes, ...restart].join('\n')
}

function changesTable(after: string, changes: readonly ReloadChange[], style: Style): string {
  return table<ReloadChange>(
    [
      {heading: 'parameter', cell: (c) => c.name},
      {heading: after === 'in pgpool.conf' ? 'in effect' : 'was', cell: (c) => c.before},
      {heading: after, cell: (c) => c.after, fill: true},
    ],
    changes,
    style,
  )
}

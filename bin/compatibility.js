// compatibility.js RECORD OUT: the table of docs/compatibility.md from what `bin/test --matrix` ran, a JSON object a line.
// A cell is what was counted there; a pair that did not run has no row.
import {readFileSync, writeFileSync} from 'node:fs'
import {arch, release} from 'node:os'

const [record, out] = process.argv.slice(2)
const runs = readFileSync(record, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line))
if (runs.length === 0) throw new Error(`${record} is empty: nothing ran`)

const columns = ['lab', 'pcp', 'commands', 'recovery', 'promote', 'pgpool-recovery', 'upgrade']
const titles = columns.map((column) => (column === 'pgpool-recovery' ? 'pool recovery' : column))
const pairs = [...new Set(runs.map(({pgpool, postgres, place}) => [pgpool, postgres, place].join('|')))]
const rows = pairs.map((pair) => {
  const [pgpool, postgres, place] = pair.split('|')
  const cells = columns.map((column) => {
    const run = runs.find((one) => one.what === column && [one.pgpool, one.postgres, one.place].join('|') === pair)
    if (run === undefined) return 'not run'
    return run.failed === 0 ? `${run.passed} passed` : `**${run.failed} FAILED**, ${run.passed} passed`
  })
  return [pgpool, postgres, place === 'host' ? 'this machine' : `tree of ${place}`, ...cells]
})

const table = (head, body) => {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((row) => row[column].length)))
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n')
}

const failed = runs.filter((run) => run.failed > 0).length
writeFileSync(
  out,
  `# Versions

Made from the record of what ran (\`bin/test --versions\` runs all of it), on ${new Date().toISOString().slice(0, 10)}, Linux ${release().split('-')[0]} ${arch()}, Node.js ${process.version}.
Each cell counts the tests of one suite against real servers of that pair. ${failed === 0 ? 'None failed.' : `**${failed} ${failed === 1 ? 'cell has' : 'cells have'} failures.**`}

${table(['Pgpool-II', 'PostgreSQL', 'where', ...titles], rows)}

\`lab\` builds, breaks and takes down clusters; \`pcp\` compares every answer with pgpool's own clients, and attaches, detaches and reloads;
\`commands\`, \`recovery\`, \`promote\`, \`pool recovery\` (by pgpool's own recovery and hooks, with the installed scripts) and \`upgrade\` are the
end-to-end tests under writing clients. What depends on one of the two alone is run once for each release of it, with the newest
PostgreSQL of a tree; with an older one there, what the two do together.

## What differs

${table(
  ['since', 'what', 'and before'],
  [
    ['Pgpool-II 4.2', 'PCP reloads the configuration', "poolctl uses the reload of `pgpool.service` on pgpool's host"],
    ['Pgpool-II 4.2', 'health-check counters', 'they are null; the parameters are shown'],
    ['Pgpool-II 4.2', '`backend_clustering_mode`', 'read from `replication_mode` and `master_slave_sub_mode`'],
    ['Pgpool-II 4.2', '`follow_primary_command`', '`scripts install --hooks` sets `follow_master_command`'],
    [
      'Pgpool-II 4.2',
      'one that has no primary looks for it when a standby leaves',
      'only when a node comes: `promote --failover` lets the new primary leave and come back',
    ],
    ['Pgpool-II 4.3', 'what each server says of itself in node info', '`backendStatus` and `backendRole` are null'],
    [
      'Pgpool-II 4.3',
      'recovery by pgpool with an extension of 4.3 or later',
      'an older extension is refused (`EXTENSION_TOO_OLD`): Debian 12 has that for PostgreSQL 13, hence one test there',
    ],
    ['Pgpool-II 4.6', 'log rotation and cache invalidation by PCP', 'exit 6, `PCP_UNSUPPORTED`'],
    [
      'Pgpool-II 4.7',
      'raw is clustering mode 4 and snapshot isolation 5',
      'they are 5 and 6, which is what poolctl goes by',
    ],
    ['PostgreSQL 15', '`pg_backup_start`, `pg_backup_stop`', '`pg_start_backup`, `pg_stop_backup`, never exclusive'],
    [
      'PostgreSQL 17.12',
      'a number is noted at each column (`pg_attver`)',
      'an 18 that does not know it (18.6) refuses the schema: `upgrade prepare` says so before any outage',
    ],
  ],
)}

A newer PostgreSQL than 18 is read with the warning \`VERSION_UNTESTED\`; changing commands refuse it unless \`--allow-untested-version\` is given.
So is a newer Pgpool-II than 4.7 (\`POOL_VERSION_UNTESTED\`), told by \`SHOW POOL_VERSION\` or by rows of PCP that are longer than any known, which are shown as they were sent.
The trees are made by \`bin/tree\`; \`bin/tree list\` shows which suite carries which versions.
`,
)

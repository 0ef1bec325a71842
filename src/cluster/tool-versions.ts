/**
 * Which PostgreSQL the releases of backup and monitoring tools know, each line from the tool's own words. A release knows what the last line
 * at or below it says. PgBouncer, pg_receivewal and the like have none: what they carry does not depend on the major, or they come with it.
 */

type Line = {since: string; postgres: number; source: string}

export type Tool = {name: string; programs: readonly string[]; lines: readonly Line[]}

const PGBACKREST = 'pgbackrest.org/release.html'
const BARMAN = 'EnterpriseDB/barman RELNOTES.md'
const PROBACKUP = 'github.com/postgrespro/pg_probackup'
const EXPORTER = 'prometheus-community/postgres_exporter'
const PG_EXPORTER = 'pigsty.io/docs/pg_exporter/release'

export const TOOLS: readonly Tool[] = [
  {
    name: 'pgBackRest',
    programs: ['pgbackrest'],
    lines: [
      {since: '2.30', postgres: 13, source: `${PGBACKREST}, v2.30`},
      {since: '2.34', postgres: 14, source: `${PGBACKREST}, v2.34`},
      {since: '2.39', postgres: 15, source: `${PGBACKREST}, v2.39`},
      {since: '2.46', postgres: 16, source: `${PGBACKREST}, v2.46`},
      // 2.52 was made with a beta of 17 and does not know what was released (pgbackrest/pgbackrest issues 2465, 2618).
      {since: '2.53.1', postgres: 17, source: `${PGBACKREST}, v2.53.1`},
      {since: '2.55.0', postgres: 18, source: `${PGBACKREST}, v2.55.0`},
    ],
  },
  {
    name: 'Barman',
    programs: ['barman', 'barman-wal-archive', 'barman-cloud-wal-archive', 'barman-cloud-backup'],
    lines: [
      {since: '2.11', postgres: 13, source: `${BARMAN}, 2.11`},
      {since: '3.0.0', postgres: 15, source: `${BARMAN}, 3.0.0`},
      {since: '3.11.0', postgres: 17, source: `${BARMAN}, 3.11.0`},
    ],
  },
  {
    name: 'WAL-G',
    programs: ['wal-g'],
    lines: [{since: '2.0.1', postgres: 15, source: 'wal-g/wal-g pull 1319, supabase/postgres pull 421'}],
  },
  {
    name: 'pg_probackup',
    programs: ['pg_probackup'],
    lines: [
      {since: '2.5.11', postgres: 15, source: `${PROBACKUP} issue 558`},
      {since: '2.5.13', postgres: 16, source: `${PROBACKUP} release 2.5.13`},
      {since: '2.5.15', postgres: 17, source: `${PROBACKUP} issue 639`},
      {since: '2.5.16', postgres: 18, source: `${PROBACKUP} issue 669`},
    ],
  },
  {
    name: 'postgres_exporter',
    programs: ['postgres_exporter', 'prometheus-postgres-exporter'],
    lines: [
      {since: '0.15.0', postgres: 16, source: `${EXPORTER} README of 0.15.0`},
      {since: '0.17.0', postgres: 17, source: `${EXPORTER} CHANGELOG, 0.17.0`},
    ],
  },
  {
    name: 'pg_exporter',
    programs: ['pg_exporter'],
    lines: [
      {since: '0.6.0', postgres: 16, source: `${PG_EXPORTER}, v0.6.0`},
      {since: '0.7.0', postgres: 17, source: `${PG_EXPORTER}, v0.7.0`},
      {since: '1.0.0', postgres: 18, source: `${PG_EXPORTER}, v1.0.0`},
      {since: '1.3.0', postgres: 19, source: `${PG_EXPORTER}, v1.3.0`},
    ],
  },
  {name: 'pgwatch', programs: ['pgwatch', 'pgwatch2', 'pgwatch3', 'pgwatch2-daemon', 'pgwatch3-daemon'], lines: []},
]

/** Whose SQL parser a Pgpool-II carries (doc/src/sgml/release-4.N.sgml of pgpool2, Overview of each 4.N.0). */
const PGPOOL_PARSERS: readonly Line[] = [
  {since: '4.1', postgres: 12, source: 'release notes of 4.1.0'},
  {since: '4.2', postgres: 13, source: 'release notes of 4.2.0'},
  {since: '4.3', postgres: 14, source: 'release notes of 4.3.0'},
  {since: '4.4', postgres: 15, source: 'release notes of 4.4.0'},
  {since: '4.5', postgres: 16, source: 'release notes of 4.5.0'},
  {since: '4.6', postgres: 17, source: 'release notes of 4.6.0'},
  {since: '4.7', postgres: 18, source: 'release notes of 4.7.0'},
]

/** `pg_probackup-13` is pg_probackup. */
export function toolOf(program: string): Tool | null {
  const plain = program.replace(/-\d+$/, '')
  return TOOLS.find(({programs}) => programs.includes(plain)) ?? null
}

/** Newest major that this release is said to know; null: nothing is said of one so old. */
export function newestPostgres(tool: Tool, version: string): number | null {
  return lastAtMost(tool.lines, version)
}

export function parserOf(pgpoolVersion: string): number | null {
  return lastAtMost(PGPOOL_PARSERS, pgpoolVersion)
}

/** The first release that knows a major; null: none is known that does. */
export function firstFor(tool: Tool, postgres: number): string | null {
  return tool.lines.find((line) => line.postgres >= postgres)?.since ?? null
}

export function pgpoolFor(postgres: number): string | null {
  return PGPOOL_PARSERS.find((line) => line.postgres >= postgres)?.since ?? null
}

function lastAtMost(lines: readonly Line[], version: string): number | null {
  return lines.findLast(({since}) => compareVersions(since, version) <= 0)?.postgres ?? null
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0))
  for (let at = 0; at < Math.max(left?.length ?? 0, right?.length ?? 0); at += 1) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

import {expect, test} from 'vitest'
import {firstFor, newestPostgres, parserOf, pgpoolFor, TOOLS, toolOf} from '../../../src/cluster/tool-versions.js'

const tool = (program: string) => toolOf(program)!

test('a release knows what the last line at or below it says', () => {
  const pgbackrest = tool('pgbackrest')
  expect(['2.29', '2.39', '2.45', '2.52', '2.53.1', '2.58.0'].map((v) => newestPostgres(pgbackrest, v))).toEqual([
    ...[null, 15, 15, 16, 17, 18],
  ])
  expect(newestPostgres(tool('barman-wal-archive'), '3.10.1')).toBe(15)
  expect(newestPostgres(tool('wal-g'), '1.1')).toBeNull()
})

test('the first release for a major is named, where one is known', () => {
  expect([firstFor(tool('pgbackrest'), 17), firstFor(tool('barman'), 16), firstFor(tool('wal-g'), 17)]).toEqual([
    ...['2.53.1', '3.11.0', null],
  ])
})

test('a program that has the number of its major in its name is the same tool', () => {
  expect(tool('pg_probackup-13').name).toBe('pg_probackup')
  expect(toolOf('pgbouncer')).toBeNull()
})

test('each Pgpool-II has the parser of one PostgreSQL', () => {
  expect(['4.0.12', '4.3.5', '4.4.0', '4.7.1'].map(parserOf)).toEqual([null, 14, 15, 18])
  expect([pgpoolFor(15), pgpoolFor(18), pgpoolFor(19)]).toEqual(['4.4', '4.7', null])
})

test('lines go up and each names its source', () => {
  for (const {name, lines} of TOOLS) {
    const majors = lines.map(({postgres}) => postgres)
    expect(majors, name).toEqual(majors.toSorted((a, b) => a - b))
    for (const {source} of lines) expect(source).toMatch(/\S+ ?\S/)
  }
})

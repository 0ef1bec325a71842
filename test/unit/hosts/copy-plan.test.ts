import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {planCopy, share, toRemove, type RootPlan} from '../../../src/hosts/copy-plan.js'
import {carried, parseListing, unloggedFiles, type Entry} from '../../../src/hosts/file-list.js'

const file = (path: string, bytes = 8192, mtime = '1000.0000000000'): Entry => ({
  type: 'file',
  path,
  bytes,
  mtime,
  mode: '600',
})
const dir = (path: string): Entry => ({type: 'directory', path, bytes: 4096, mtime: '1.0000000000', mode: '700'})
const link = (path: string): Entry => ({type: 'link', path, bytes: 10, mtime: '1.0000000000', mode: '777'})
const paths = (entries: readonly Entry[]): string[] => entries.map((entry) => entry.path)
const wish = {jobs: 1, compareSince: null, tablespaces: []}

describe('what a copy carries', () => {
  it.each([
    'postmaster.pid',
    'postmaster.opts',
    'backup_label',
    'backup_label.old',
    'tablespace_map',
    'backup_manifest',
    'postgresql.auto.conf.tmp',
    'current_logfiles',
    'current_logfiles.tmp',
    'standby.signal',
    'recovery.signal',
    'recovery.conf',
    'recovery.done',
    'core',
    'core.4711',
    'global/pg_control',
    'global/pg_internal.init',
    'base/5/pg_internal.init.4711',
    'base/pgsql_tmp/pgsql_tmp4711.0',
    'base/5/t3_16384',
    'base/5/t3_16384_fsm',
    'base/5/t3_16384.1',
    'pg_tblspc/16400/PG_15_202209061/5/t12_16500',
    'pg_wal/000000010000000000000001',
    'pg_wal/archive_status/000000010000000000000001.done',
    'pg_replslot/a/state',
    'pg_notify/0000',
    'pg_stat_tmp/global.stat',
    'pg_subtrans/0000',
    'log/postgresql.log',
  ])('leaves out %s', (path) => {
    expect(carried([file(path)])).toEqual([])
  })

  it.each([
    'PG_VERSION',
    'postgresql.conf',
    'postgresql.auto.conf',
    'base/5/1259',
    'base/5/1259_fsm',
    'base/5/pg_filenode.map',
    'global/pg_filenode.map',
    'pg_xact/0000',
    'pg_multixact/offsets/0000',
    'pg_twophase/0000ABCD',
    'pg_logical/mappings/map-1',
    'pg_commit_ts/0000',
    'pg_stat/pgstat.stat',
    't1_2',
    'conf.d/core',
    'base/5/16384_init',
  ])('carries %s', (path) => {
    expect(paths(carried([file(path)]))).toEqual([path])
  })

  it('leaves out every part of an unlogged relation but its init fork, in tablespaces too', () => {
    const space = 'pg_tblspc/16400/PG_15_202209061/5'
    const listing = ['16384', '16384.1', '16384_fsm', '16384_init', '163840', '16385'].flatMap((name) => [
      file(`base/5/${name}`),
      file(`${space}/${name}`),
    ])
    expect(paths(carried(listing)).sort()).toEqual(
      ['16384_init', '163840', '16385'].flatMap((name) => [`base/5/${name}`, `${space}/${name}`]).sort(),
    )
    expect(unloggedFiles(listing)).toHaveLength(6)
  })

  it('keeps the emptied directories and drops the links of tablespaces and of pg_wal', () => {
    const listing = [dir(''), dir('pg_notify'), dir('log'), link('pg_wal'), link('pg_tblspc/16400'), dir('pg_tblspc')]
    expect(paths(carried(listing))).toEqual(['pg_notify', 'log', 'pg_tblspc'])
  })
})

/** Entries as list-files.sh prints them; fields split at `|`, or at blanks when there is none. */
function listed(...entries: string[]): string {
  const fields = entries.flatMap((entry) => entry.split(entry.includes('|') ? '|' : ' '))
  return [...fields, 'end'].map((field) => `${field}\0`).join('')
}

describe('a listing', () => {
  it('is read field by field, whatever a path holds', () => {
    const text = listed('d . 4096 1.5 700', 'f|./a b\n$(x)|7|2.25|600', 's ./sock 0 1 777')
    expect(parseListing(Buffer.from(text), 'db0')).toEqual([
      {type: 'directory', path: '', bytes: 4096, mtime: '1.5', mode: '700'},
      {type: 'file', path: 'a b\n$(x)', bytes: 7, mtime: '2.25', mode: '600'},
    ])
  })

  it('that is cut short is refused, at any byte', () => {
    const whole = Buffer.from(listed('f ./a 7 2.25 600', 'f ./b 7 2.25 600'))
    const cut = Array.from({length: whole.length - 1}, (_, at) => whole.subarray(0, at + 1))
    for (const part of cut) expect(() => parseListing(part, 'db0')).toThrow('incomplete')
  })
})

function withoutFilter(root: RootPlan): Omit<RootPlan, 'filter'> {
  const {root: name, remove, directories, plain, check} = root
  return {root: name, remove, directories, plain, check}
}

describe('the plan of a copy', () => {
  it('sends what differs in size or time, leaves what is equal, and compares relation maps always', () => {
    const source = [
      dir('base'),
      file('PG_VERSION'),
      file('base/1', 8192, '2000.0000000000'),
      file('base/2', 16384),
      file('base/pg_filenode.map'),
      file('new'),
    ]
    const target = [file('PG_VERSION'), file('base/1'), file('base/2'), file('base/pg_filenode.map'), file('gone')]
    const plan = planCopy(source, target, wish)
    expect({...plan, roots: plan.roots.map(withoutFilter)}).toEqual({
      bytesTotal: 8192 + 16384 + 8192 + 8192,
      workers: 1,
      whole: false,
      roots: [
        {
          root: '',
          remove: ['./gone'],
          directories: ['./base'],
          plain: [['./base/2', './base/1', './new']],
          check: [['./base/pg_filenode.map']],
        },
      ],
    })
  })

  it('compares equal-looking files written since the safe horizon by content', () => {
    const both = [file('old', 8192, '999.9000000000'), file('fresh', 8192, '1000.0000000000')]
    expect(planCopy(both, both, {...wish, compareSince: 1000}).roots[0]!.check).toEqual([['./fresh']])
  })

  it('sees a difference of a nanosecond', () => {
    const plan = planCopy([file('a', 1, '1.1234567890')], [file('a', 1, '1.1234567880')], wish)
    expect(plan.roots[0]!.plain).toEqual([['./a']])
  })

  it('splits tablespaces off as roots of their own', () => {
    const at = 'pg_tblspc/16400/PG_15_202209061'
    const source = [dir(at), dir(`${at}/5`), file(`${at}/5/1`), file('base/1')]
    const target = [dir(at), file(`${at}/5/gone`), link('pg_tblspc/16400')]
    const {roots} = planCopy(source, target, {...wish, tablespaces: [{oid: 16400}]})
    expect(roots.map(withoutFilter)).toEqual([
      {root: '', remove: [], directories: [], plain: [['./base/1']], check: [[]]},
      {
        root: 'pg_tblspc/16400',
        remove: ['./PG_15_202209061/5/gone'],
        directories: ['./PG_15_202209061', './PG_15_202209061/5'],
        plain: [['./PG_15_202209061/5/1']],
        check: [[]],
      },
    ])
  })

  it('copies whole only when the target has no file at all', () => {
    expect(planCopy([file('a')], [dir(''), dir('base')], wish).whole).toBe(true)
    expect(planCopy([file('a')], [file('b')], wish).whole).toBe(false)
  })
})

describe('what is removed', () => {
  it('is what the source lacks and what changed its kind, named once for a whole directory', () => {
    const wanted = [dir('base'), file('base/1'), dir('x')]
    const target = [dir('base'), file('base/1'), dir('base/5'), file('base/5/7'), file('x'), file('postmaster.opts')]
    expect(toRemove(wanted, target)).toEqual(['base/5', 'x', 'postmaster.opts'])
  })

  it('never names the directory itself, logs, emptied places, tablespace links, or a path that leads out', () => {
    const target = [
      dir(''),
      dir('log'),
      file('log/a'),
      link('pg_wal'),
      dir('pg_wal/archive_status'),
      link('pg_tblspc/1'),
      dir('pg_tblspc'),
      file('/etc/passwd'),
      file('../x'),
      file('a/../../x'),
    ]
    expect(toRemove([], target)).toEqual([])
  })
})

describe('dividing work', () => {
  it('gives the largest first, each to the worker with the least', () => {
    const items = [1, 100, 60, 50, 2].map((mb) => ({bytes: mb * 1e6}))
    expect(share(items, 2).map((list) => list.map((item) => item.bytes / 1e6))).toEqual([
      [100, 2, 1],
      [60, 50],
    ])
  })

  it('loses and doubles nothing, and no worker has more than the average plus the largest', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 30)), fc.integer({min: 1, max: 9}), (sizes, workers) => {
        const items = sizes.map((bytes, id) => ({bytes, id}))
        const lists = share(items, workers)
        expect(
          lists
            .flat()
            .map((item) => item.id)
            .sort((a, b) => a - b),
        ).toEqual(items.map((item) => item.id))
        const weight = (list: readonly {bytes: number}[]): number => list.reduce((s, i) => s + i.bytes + 16_384, 0)
        const limit = weight(items) / workers + Math.max(0, ...sizes) + 16_384
        expect(lists.every((list) => weight(list) <= limit)).toBe(true)
      }),
    )
  })
})

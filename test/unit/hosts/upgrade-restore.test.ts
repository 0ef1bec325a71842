/** The old cluster of a node from a base backup with a tablespace, and what was there before: the script on real directories. */
import {execFileSync} from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {scriptText} from '../../../src/hosts/scripts.js'

const SPACE = 'PG_13_202007201'
const SEGMENT = '000000010000000000000001'
let home: string
let script: string
const at = (...names: string[]): string => join(home, ...names)
const write = (text: string, ...names: string[]): void => {
  mkdirSync(dirname(at(...names)), {recursive: true})
  writeFileSync(at(...names), text)
}
const read = (...names: string[]): string => readFileSync(at(...names), 'utf8')
const names = (...path: string[]): string[] => readdirSync(at(...path)).toSorted()

function run(verb: 'restore' | 'put-back' | 'drop'): string {
  const words = [at('lock'), 'op1', at('work'), at('data'), verb, ...(verb === 'restore' ? [at('backup')] : [])]
  try {
    return execFileSync('sh', ['-c', script, 'sh', ...words], {encoding: 'utf8', stdio: 'pipe'})
  } catch (error) {
    return (error as {stderr: string}).stderr.trim()
  }
}

/** What a client would read: rows of the data directory, of the tablespace, and of the WAL. */
const rows = (data = 'data'): string[] => [
  read(data, 'base', '1'),
  read(data, 'pg_tblspc', '16400', SPACE, '5'),
  read(data, 'pg_wal', SEGMENT),
]
const LINKED = ['linked', 'linked', 'linked']
const BACKUP = ['backup', 'backup', 'backup']

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'poolctl-restore-test-'))
  script = await scriptText('upgrade-restore')
  write('{"operation":"op1","x":1}\n', 'lock')
  write('linked', 'data', 'base', '1')
  write("work_mem = '9MB'\n", 'data', 'own.conf')
  write('linked', 'far', SPACE, '5')
  write('new', 'far', 'PG_15_202209061', '5')
  write('linked', 'wal', 'main', SEGMENT)
  mkdirSync(at('data', 'pg_tblspc'))
  symlinkSync(at('far'), at('data', 'pg_tblspc', '16400'))
  symlinkSync(at('wal', 'main'), at('data', 'pg_wal'))
  write('13\n', 'backup', 'PG_VERSION')
  write('', 'backup', 'backup_label')
  write('backup', 'backup', 'base', '1')
  write('backup', 'backup', 'pg_tblspc', '16400', SPACE, '5')
  write('backup', 'backup', 'pg_wal', SEGMENT)
})
afterEach(() => {
  rmSync(home, {recursive: true})
})

const asBefore = (): void => {
  expect([rows(), names('far'), names('wal')]).toEqual([LINKED, ['PG_15_202209061', SPACE].toSorted(), ['main']])
  expect([existsSync(at('data.poolctl-linked')), existsSync(at('data.poolctl-part'))]).toEqual([false, false])
}

describe('a base backup with a tablespace', () => {
  it('takes the places that the node has, as often as it is asked, with what was there beside', () => {
    expect([run('restore'), run('restore')]).toEqual(['', ''])
    expect([rows(), rows('data.poolctl-linked')[0]]).toEqual([BACKUP, 'linked'])
    expect([read('far', `.poolctl-linked-${SPACE}`, '5'), read('far', 'PG_15_202209061', '5')]).toEqual([
      'linked',
      'new',
    ])
    expect([readlinkSync(at('data', 'pg_wal')), read('wal', 'main.poolctl-linked', SEGMENT)]).toEqual([
      at('wal', 'main'),
      'linked',
    ])
    expect(read('data', 'own.conf')).toBe("work_mem = '9MB'\n")
  })

  it('gives way to what was there', () => {
    run('restore')
    expect([run('put-back'), run('put-back')]).toEqual(['', ''])
    asBefore()
  })

  it('stays alone in the end', () => {
    run('restore')
    expect([run('drop'), run('drop')]).toEqual(['', ''])
    expect([rows(), names('far'), names('wal')]).toEqual([BACKUP, ['PG_15_202209061', SPACE].toSorted(), ['main']])
    expect(existsSync(at('data.poolctl-linked'))).toBe(false)
  })

  it.each([
    [
      'before the data directory was in place',
      (): void => {
        execFileSync('mv', [at('data'), at('data.poolctl-part')])
      },
    ],
    [
      'between two tablespaces',
      (): void => {
        execFileSync('mv', [at('data'), at('data.poolctl-part')])
        execFileSync('mv', [at('far', SPACE), at('far', `.poolctl-part-${SPACE}`)])
      },
    ],
  ])('that was broken off %s is begun again, or undone', (_when, breakOff) => {
    run('restore')
    breakOff()
    expect([run('restore'), rows()]).toEqual(['', BACKUP])
    breakOff()
    expect(run('put-back')).toBe('')
    asBefore()
  })

  it('is not restored where the node does not say where a tablespace belongs', () => {
    rmSync(at('data', 'pg_tblspc', '16400'))
    expect(run('restore')).toContain('poolctl-error TABLESPACE_PLACE_UNKNOWN')
    expect([names('far'), existsSync(at('data.poolctl-linked'))]).toEqual([
      ['PG_15_202209061', SPACE].toSorted(),
      false,
    ])
  })
})

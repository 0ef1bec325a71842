/** A pg_wal that is a link, in the hands of an upgrade and of a recovery: the functions of wal.sh on real directories. */
import {execFileSync} from 'node:child_process'
import {
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
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {packageFile} from '../../../src/lib/package-file.js'

const SEGMENT = '000000010000000000000001'
const FUNCTIONS = ['prelude', 'wal']
  .map((name) => readFileSync(packageFile(`templates/host/${name}.sh`), 'utf8'))
  .join('')

let home: string
const at = (...names: string[]): string => join(home, ...names)
const make = (...names: string[]): string => {
  mkdirSync(at(...names), {recursive: true})
  return at(...names)
}
const files = (...names: string[]): string[] => readdirSync(at(...names)).toSorted()

/** What it printed; its own words where it failed. */
function run(...words: string[]): string {
  try {
    return execFileSync('sh', ['-c', `${FUNCTIONS}\n"$@"`, 'sh', ...words], {encoding: 'utf8', stdio: 'pipe'})
  } catch (error) {
    return (error as {stderr: string}).stderr.trim()
  }
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'poolctl-wal-test-'))
  make('old')
  make('keep')
  make('wal', 'main', 'archive_status')
  writeFileSync(at('wal', 'main', SEGMENT), 'old')
  symlinkSync(at('wal', 'main'), at('old', 'pg_wal'))
  writeFileSync(at('keep', 'wal-old'), at('wal', 'main'))
})
afterEach(() => {
  rmSync(home, {recursive: true})
})

describe('the WAL of a new version', () => {
  const out = (): string => run('wal_out', at('keep'), '13', '15', at('new'), at('new'))

  it.each([
    ['/wal/main', '/data-15', '/wal/main-15'],
    ['/wal/main-13', '/data-15', '/wal/main-15'],
    ['/wal/main', '/data-15-rehearsal', '/wal/main-15-rehearsal'],
    ['/wal/main', '/data-15-rehearsal-linked', '/wal/main-15-rehearsal-linked'],
  ])('beside %s is for %s in %s', (wal, data, beside) => {
    expect(run('wal_beside', wal, '13', '15', data)).toBe(beside)
  })

  it('that is there is moved beside the old one, once', () => {
    writeFileSync(join(make('new', 'pg_wal'), SEGMENT), 'new')
    expect([out(), out()]).toEqual(['', ''])
    expect(readlinkSync(at('new', 'pg_wal'))).toBe(at('wal', 'main-15'))
    expect([files('new'), files('wal'), files('wal', 'main-15')]).toEqual([['pg_wal'], ['main', 'main-15'], [SEGMENT]])
    expect(readFileSync(at('wal', 'main', SEGMENT), 'utf8')).toBe('old')
  })

  it('is whole where the move was broken off between two renames', () => {
    writeFileSync(join(make('new', 'pg_wal.poolctl-gone'), SEGMENT), 'new')
    writeFileSync(join(make('wal', 'main-15'), SEGMENT), 'new')
    writeFileSync(at('keep', 'wal'), at('wal', 'main-15'))
    expect(out()).toBe('')
    expect([files('new'), readFileSync(at('new', 'pg_wal', SEGMENT), 'utf8')]).toEqual([['pg_wal'], 'new'])
  })

  it('stays inside where the old one is inside', () => {
    rmSync(at('keep', 'wal-old'))
    make('new', 'pg_wal')
    expect([out(), files('wal')]).toEqual(['', ['main']])
  })

  it('never takes the place of what somebody else has there', () => {
    make('new', 'pg_wal')
    writeFileSync(join(make('wal', 'main-15'), 'letters'), '')
    expect(out()).toContain('poolctl-error NEW_WAL_NOT_EMPTY')
    expect(files('wal', 'main-15')).toEqual(['letters'])
  })

  it('goes with the new cluster, and never the old one', () => {
    make('new', 'pg_wal')
    out()
    const drop = (): string => run('wal_drop', at('keep'), at('new'), at('old'))
    expect([drop(), drop(), files('wal'), files('keep')]).toEqual(['', '', ['main'], ['wal-old']])
    writeFileSync(at('keep', 'wal'), at('wal', 'main'))
    expect([drop(), files('wal', 'main')]).toEqual(['', [SEGMENT, 'archive_status']])
  })
})

describe('a directory of WAL', () => {
  it.each(['letters', `${SEGMENT}.txt`])('is not removed with %s in it', (name) => {
    writeFileSync(at('wal', 'main', name), '')
    expect(run('wal_remove', at('wal', 'main'))).toContain(
      `poolctl-error WAL_ELSEWHERE ${at('wal', 'main')} holds ${name}`,
    )
    expect(files('wal', 'main')).toContain(SEGMENT)
  })

  it('is not removed through a link', () => {
    expect(run('wal_remove', at('old', 'pg_wal'))).toContain('is no directory')
    expect(files('wal', 'main')).toContain(SEGMENT)
  })

  it('is removed with all that a server keeps there', () => {
    for (const name of [`${SEGMENT}.partial`, `${SEGMENT}.00000028.backup`, '00000002.history', 'xlogtemp.17'])
      writeFileSync(at('wal', 'main', name), '')
    expect([run('wal_remove', at('wal', 'main')), files('wal')]).toEqual(['', []])
  })
})

describe('a cluster that gives way to a copy', () => {
  const aside = (): void => {
    expect(run('wal_aside', at('old'), 'x')).toBe('')
  }

  it('keeps its WAL under another name, and the copy has its own in the old place', () => {
    writeFileSync(join(make('copy', 'pg_wal'), SEGMENT), 'copy')
    aside()
    aside()
    expect(run('wal_like', at('old'), 'x', at('copy'))).toBe('')
    expect([files('wal'), readlinkSync(at('copy', 'pg_wal'))]).toEqual([['main', 'main.x'], at('wal', 'main')])
    expect([
      readFileSync(at('old', 'pg_wal', SEGMENT), 'utf8'),
      readFileSync(at('copy', 'pg_wal', SEGMENT), 'utf8'),
    ]).toEqual(['old', 'copy'])
  })

  it('has it back, whenever it was broken off', () => {
    const back = (): string => run('wal_back', at('old'), 'x')
    const asBefore = (): void => {
      expect([readlinkSync(at('old', 'pg_wal')), files('wal')]).toEqual([at('wal', 'main'), ['main']])
      expect(readFileSync(at('old', 'pg_wal', SEGMENT), 'utf8')).toBe('old')
    }
    expect(back()).toBe('')
    asBefore()
    aside()
    make('copy')
    run('wal_like', at('old'), 'x', at('copy'))
    expect([back(), back()]).toEqual(['', ''])
    asBefore()
  })

  it('is forgotten with its WAL', () => {
    make('copy')
    aside()
    run('wal_like', at('old'), 'x', at('copy'))
    expect([run('wal_forget', at('old'), 'x'), files('wal')]).toEqual(['', ['main']])
    expect([run('wal_forget', at('copy'), 'x'), files('wal')]).toEqual(['', ['main']])
  })
})

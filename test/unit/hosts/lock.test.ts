/** What is left of an operation on a host once it lets go of its lock. */
import {spawnSync} from 'node:child_process'
import {mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {lockLine} from '../../../src/hosts/lock.js'
import {scriptText} from '../../../src/hosts/scripts.js'

const ENDED = 'upgrade-run-20261125-164210-7f3a'
const OTHER = 'recovery-20261125-164211-0000'

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'poolctl-lock-'))
  for (const [name, ended] of [
    [`${ENDED}-pg-upgrade`, true],
    [`${ENDED}-link`, false],
    [`${OTHER}-copy-data`, true],
  ] as const) {
    const job = join(work, 'jobs', name)
    mkdirSync(job, {recursive: true})
    writeFileSync(join(job, 'links'), 'base/1/1247\n')
    if (ended) writeFileSync(join(job, 'status'), '0')
  }
})
afterEach(() => {
  rmSync(work, {recursive: true})
})

async function lock(...args: string[]): Promise<number | null> {
  return spawnSync('sh', ['-c', await scriptText('lock'), 'lock.sh', ...args]).status
}

const take = (operation: string): Promise<number | null> => {
  const holder = {operation, verb: 'upgrade-run', user: 'op', host: 'admin1', pid: 1, since: '2026-11-25T16:42:10.000Z'}
  return lock('take', join(work, 'lock'), operation, lockLine(holder), 'work')
}
const left = (): string[] => readdirSync(join(work, 'jobs')).toSorted()

describe('an operation that lets go of its lock', () => {
  it('takes its ended jobs along, and leaves one that has not ended and those of others', async () => {
    expect(await take(ENDED)).toBe(0)
    expect(await lock('release', join(work, 'lock'), ENDED)).toBe(0)
    expect([readdirSync(work), left()]).toEqual([['jobs'], [`${OTHER}-copy-data`, `${ENDED}-link`]])
  })

  it('removes nothing while the lock is not its own', async () => {
    expect(await take(OTHER)).toBe(0)
    expect(await lock('release', join(work, 'lock'), ENDED)).toBe(0)
    expect(left()).toEqual([`${OTHER}-copy-data`, `${ENDED}-link`, `${ENDED}-pg-upgrade`])
  })
})

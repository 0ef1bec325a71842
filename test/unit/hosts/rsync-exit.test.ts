import {spawnSync} from 'node:child_process'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {scriptText} from '../../../src/hosts/scripts.js'

const directory = mkdtempSync(join(tmpdir(), 'poolctl-rsync-'))
afterAll(() => rmSync(directory, {recursive: true}))

async function judged(status: number, stderr: string): Promise<number | null> {
  const file = join(directory, 'stderr')
  writeFileSync(file, stderr)
  const script = `${await scriptText('rsync-exit')}\nrsync_ended "$@"`
  return spawnSync('sh', ['-c', script, 'sh', String(status), file]).status
}

const SUMMARY =
  'rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1865) [generator=3.2.7]\n'

describe('the end of an rsync', () => {
  it.each([
    ['0', 0, '', 0],
    ['24, files vanished', 24, 'file has vanished: "/d/base/5/1"\n', 0],
    ['23 when every complaint is about a vanished file', 23, `file has vanished: "/d/a"\n${SUMMARY}`, 0],
    [
      '23 when a listed file is gone',
      23,
      `rsync: [sender] link_stat "/d/base/5/1" failed: No such file or directory (2)\n${SUMMARY}`,
      0,
    ],
    [
      '23 with a file it may not read',
      23,
      `rsync: [sender] send_files failed to open "/d/a": Permission denied (13)\n${SUMMARY}`,
      23,
    ],
    [
      '23 with one bad complaint among vanished files',
      23,
      `file has vanished: "/d/a"\nread errors mapping "/d/b"\n${SUMMARY}`,
      23,
    ],
    ['23 without any reason given', 23, SUMMARY, 23],
    ['12, the connection broke', 12, '', 12],
    ['255, ssh failed', 255, 'Host key verification failed.\n', 255],
  ])('with %s', async (_, status, stderr, expected) => {
    expect(await judged(status, stderr)).toBe(expected)
  })
})

/** The job that makes a standby's new cluster, begun while its server still runs: with stand-ins for rsync and pg_controldata, which copies and prints. */
import {execFile, spawn} from 'node:child_process'
import {mkdir, mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {scriptText} from '../../../src/hosts/scripts.js'

/** The lists come from the primary's job, all else from its new cluster, which has nothing here that was not linked. */
const RSYNC = `#!/bin/sh
for to; do :; done
case $to in ./) cp -- "$LISTS"/* . ;; esac
`
const CONNECTION = `exec '${process.execPath}' -e 'require("node:net").createServer().listen(process.env.POOLCTL_SHARED)'\n`
const CONTROLDATA = '#!/bin/sh\ncat -- "$2/global/pg_control"\n'

const control = (state: string, checkpoint: string): string =>
  `Database cluster state:               ${state}\nLatest checkpoint location:           ${checkpoint}\n`
const AT_REST = control('shut down in recovery', '0/5000028')

let home: string
const inHome = (...names: string[]): string => join(home, ...names)
const write = async (text: string, mode: number, ...names: string[]): Promise<void> => {
  await mkdir(dirname(inHome(...names)), {recursive: true})
  await writeFile(inHome(...names), text, {mode})
}

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'poolctl-link-test-'))
  await write(RSYNC, 0o755, 'bin', 'rsync')
  await write(CONTROLDATA, 0o755, 'bin', 'pg_controldata')
  await write('base/1/16384 base/1/20000\n', 0o644, 'lists', 'links')
  await write('', 0o644, 'lists', 'unlogged')
  await write(
    ['d 0 base', 'd 0 base/1', 'f 5 base/1/20000', 'd 0 pg_tblspc', 'd 0 pg_wal', ''].join('\n'),
    0o644,
    'lists',
    'names',
  )
  await write(control('shut down', '0/5000028'), 0o644, 'lists', 'control')
  await write('rows\n', 0o600, 'old', 'base', '1', '16384')
  await write(AT_REST, 0o600, 'old', 'global', 'pg_control')
  await write("work_mem = '9MB'\n", 0o600, 'keep', 'config', 'conf.d', 'own.conf')
  await write("primary_slot_name = 'poolctl_node_1'\n", 0o600, 'job', 'settings')
  await write(CONNECTION, 0o644, 'job', 'connection')
  await write(await scriptText('upgrade-names', 'upgrade-link'), 0o644, 'job', 'script')
})
afterEach(async () => {
  await rm(home, {recursive: true})
})

type Ended = {status: number; stderr: string; linked: boolean}

async function link(begun: 'early' | 'stopped'): Promise<Ended> {
  const words = [inHome('old'), inHome('new'), '15', 'cluster', 'link', '/srv/jobs/links', 'enter', 'enter']
  const more = [inHome('bin'), inHome('keep'), '', begun]
  const env = {PATH: `${inHome('bin')}:/usr/bin:/bin`, POOLCTL_JOB: inHome('job'), LISTS: inHome('lists')}
  const ended = await new Promise<{status: number; stderr: string}>((resolve) => {
    execFile('sh', [inHome('job', 'script'), ...words, ...more], {env}, (error, _stdout, stderr) => {
      resolve({status: error === null ? 0 : Number(error.code), stderr})
    })
  })
  const names = await stat(inHome('new', 'base', '1', '20000')).catch(() => null)
  return {...ended, linked: names?.nlink === 2}
}

const LINKED: Ended = {status: 0, stderr: '', linked: true}

describe("a standby's new cluster", () => {
  it.each(['early', 'stopped'] as const)('is a standby with its own configuration (%s)', async (begun) => {
    expect(await link(begun)).toEqual(LINKED)
    expect({
      settings: await readFile(inHome('new', 'postgresql.auto.conf'), 'utf8'),
      own: await readFile(inHome('new', 'conf.d', 'own.conf'), 'utf8'),
      signal: (await stat(inHome('new', 'standby.signal'))).size,
    }).toEqual({settings: "primary_slot_name = 'poolctl_node_1'\n", own: "work_mem = '9MB'\n", signal: 0})
  })

  it('is linked where the old control file has been set aside meanwhile', async () => {
    await rm(inHome('old', 'global', 'pg_control'))
    await write(AT_REST, 0o600, 'old', 'global', 'pg_control.old')
    expect(await link('early')).toEqual(LINKED)
  })

  it.each([
    ['came to rest elsewhere', control('shut down in recovery', '0/4FFFFF0')],
    ['was stopped in the middle', control('in archive recovery', '0/5000028')],
    ['has a control file that cannot be read', ''],
  ])('is not begun where the server %s', async (_case, text) => {
    await write(text, 0o600, 'old', 'global', 'pg_control')
    const {status, stderr, linked} = await link('early')
    expect({status, linked}).toEqual({status: 91, linked: false})
    expect(stderr).toContain(`poolctl-error CHECKPOINT_DIFFERS ${inHome('old')} has not come to rest`)
    await expect(stat(inHome('new'))).rejects.toMatchObject({code: 'ENOENT'})
  })

  it('is not waited for where its host cannot log in on the primary', async () => {
    await write('echo "Permission denied (publickey)." >&2\n', 0o644, 'job', 'connection')
    expect(await link('early')).toEqual({
      status: 91,
      stderr: 'poolctl-error PEER_LOGIN_FAILED Permission denied (publickey).\n',
      linked: false,
    })
  })

  it('waits for the server to stop where it was begun before, and refuses where it was not', async () => {
    const server = spawn('sleep', ['60'], {cwd: inHome('old')})
    await write(`${server.pid}\n`, 0o600, 'old', 'postmaster.pid')
    try {
      expect(await link('stopped')).toMatchObject({status: 91, linked: false})
      const early = link('early')
      expect(await Promise.race([early, sleep(500, 'waits')])).toBe('waits')
      server.kill()
      expect(await early).toEqual(LINKED)
    } finally {
      server.kill()
    }
  })
})

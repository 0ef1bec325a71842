/** What a script that pgpool runs says of itself, as script-status.sh prints it from a file and from what rsync has counted since. */
import {execFile} from 'node:child_process'
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterEach, beforeEach, expect, it} from 'vitest'
import {packageFile} from '../../../src/lib/package-file.js'
import {scriptStatusFrom} from '../../../src/hosts/pgpool-scripts.js'

const execute = promisify(execFile)

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-script-status-'))
})
afterEach(async () => {
  await rm(directory, {recursive: true})
})

async function look(text: string): Promise<ReturnType<typeof scriptStatusFrom>> {
  const path = join(directory, 'node-2.first')
  await writeFile(path, text)
  const parts = ['prelude', 'script-status'].map((name) => readFile(packageFile(`templates/host/${name}.sh`), 'utf8'))
  const script = (await Promise.all(parts)).join('\n')
  const {stdout} = await execute('sh', ['-c', script, 'poolctl', path])
  return scriptStatusFrom(stdout)
}

const running = (counts: string): string =>
  [
    'state running',
    `pid ${process.pid}`,
    'at 20',
    'began 10',
    'operation op-1',
    'text copying',
    `counts ${counts}`,
    'sent 1 100 90',
    '',
  ].join('\n')

it('counts on while the stage copies: what was sent since the status was written is in it', async () => {
  await writeFile(join(directory, 'sent.0'), '90 100\n0 4096\n50 8192\n')
  await writeFile(join(directory, 'sent.rest'), '7 3000000000\n')
  expect(await look(running(directory))).toEqual({
    state: 'running',
    began: 10,
    at: 20,
    text: 'copying',
    alive: true,
    sent: {files: 3, bytes: 3_000_008_292, wireBytes: 147},
  })
})

it('keeps the last count when the place where it was counted is gone', async () => {
  expect((await look(running(join(directory, 'gone'))))?.sent).toEqual({files: 1, bytes: 100, wireBytes: 90})
})

it('says nothing of a transfer that has sent nothing yet, or of a stage that has not begun', async () => {
  expect((await look(running(directory).replace('sent 1 100 90', 'sent 0 0 0')))?.sent).toBeNull()
  expect(scriptStatusFrom('')).toBeNull()
})

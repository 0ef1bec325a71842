/** install-file.sh: whose the file is afterwards. What it promises of text and mode is in test/contract. */
import {execFile} from 'node:child_process'
import {chmod, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {packageFile} from '../../../src/lib/package-file.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-install-'))
  await writeFile(join(directory, 'lock'), '{"operation":"op-1","verb":"scripts-install"}\n')
})
afterEach(async () => {
  await rm(directory, {recursive: true})
})

async function install(owner: string, as: readonly string[] = []): Promise<{status: number; said: string}> {
  const parts = ['prelude', 'install-file'].map((name) => readFile(packageFile(`templates/host/${name}.sh`), 'utf8'))
  const text = '#!/bin/sh\n'
  const path = join(directory, 'failover.sh')
  const words = [join(directory, 'lock'), 'op-1', path, '0700', String(text.length), owner, join(directory, 'left')]
  const before = [...as, 'sh', '-c', (await Promise.all(parts)).join('\n'), 'poolctl']
  return new Promise((resolve) => {
    const child = execFile('env', [...before, ...words], (error, _, said) => {
      resolve({status: error === null ? 0 : Number(error.code), said})
    })
    child.stdin?.end(text)
  })
}

const owners = async (...names: string[]): Promise<string[]> =>
  new Promise((resolve) => {
    execFile('stat', ['-c', '%U %a', ...names.map((name) => join(directory, name))], (_, stdout) => {
      resolve(stdout.trim().split('\n'))
    })
  })

describe.runIf(process.getuid?.() === 0)('as root', () => {
  it('a script and the directory of its status belong to the one who runs it', async () => {
    expect(await install('nobody')).toEqual({status: 0, said: ''})
    expect(await owners('failover.sh', 'left')).toEqual(['nobody 700', 'nobody 700'])
  })
})

describe.runIf(process.getuid?.() === 0)('as a user who may not give files away', () => {
  it('it says so and leaves nothing', async () => {
    await chmod(directory, 0o777)
    await chmod(join(directory, 'lock'), 0o644)
    const {status, said} = await install('root', ['setpriv', '--reuid=nobody', '--clear-groups'])
    expect({status, said}).toEqual({
      status: 91,
      said: `poolctl-error OWNER_NOT_SET cannot give ${join(directory, 'failover.sh.poolctl-part')} to root, who is to run it, as nobody\n`,
    })
    expect(await readdir(directory)).toEqual(['lock'])
  })
})

it('a script of an unknown runner is ours', async () => {
  expect(await install('')).toEqual({status: 0, said: ''})
  expect((await owners('failover.sh'))[0]).toMatch(/ 700$/)
})

/** What list-logs.sh prints of a directory of logs, read as the adapter reads it. */
import {execFile} from 'node:child_process'
import {chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterEach, beforeEach, expect, it} from 'vitest'
import {packageFile} from '../../../src/lib/package-file.js'
import {logFilesFrom} from '../../../src/hosts/pgpool-host.js'
import type {LogFile} from '../../../src/ports/host.js'

const execute = promisify(execFile)

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-logs-'))
})
afterEach(async () => {
  await chmod(directory, 0o700)
  await rm(directory, {recursive: true})
})

async function look(path = directory): Promise<LogFile[]> {
  const parts = ['prelude', 'list-logs'].map((name) => readFile(packageFile(`templates/host/${name}.sh`), 'utf8'))
  const script = (await Promise.all(parts)).join('\n')
  const {stdout} = await execute('sh', ['-c', script, 'poolctl', path], {encoding: 'buffer'})
  return logFilesFrom(stdout)
}

it('lists plain files whatever their names, and nothing below', async () => {
  const names = ['pgpool-2026-11-26.log', 'with space', 'with\nline', '-n']
  for (const name of names) await writeFile(join(directory, name), '')
  await mkdir(join(directory, 'old'))
  await writeFile(join(directory, 'old', 'inside'), '')
  expect((await look()).map(({name}) => name).toSorted()).toEqual(names.toSorted())
})

it('tells a file that was made anew under the same name', async () => {
  await writeFile(join(directory, 'pgpool.log'), 'one')
  const before = await look()
  await rename(join(directory, 'pgpool.log'), join(directory, 'pgpool.log.1'))
  await writeFile(join(directory, 'pgpool.log'), 'two')
  const after = await look()
  const inode = (files: LogFile[]): string | undefined => files.find(({name}) => name === 'pgpool.log')?.inode
  expect(inode(after)).not.toBe(inode(before))
})

it('says that there is no such directory, and does not take a list that was cut for a whole one', async () => {
  await expect(look(join(directory, 'gone'))).rejects.toMatchObject({code: 3})
  expect(() => logFilesFrom(Buffer.from('7\0pgpool.log\0'))).toThrow('incomplete')
})

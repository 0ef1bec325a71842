/** Where scripts lie on a machine that the tests can look at; a fake has none. */
import {execFile} from 'node:child_process'
import {chmod, chown, readFile, stat, writeFile} from 'node:fs/promises'
import {promisify} from 'node:util'
import {expect} from 'vitest'
import type {ScriptState} from '../../src/ports/host.js'

export type Disk = {
  /** As whom the scripts are run. */
  runner: string
}

type Installation = {states: () => Promise<ScriptState[]>; install: (wanted: Record<string, string>) => Promise<void>}

const ownerOf = async (path: string): Promise<string> =>
  (await promisify(execFile)('stat', ['-c', '%U', path])).stdout.trim()

const attributes = async (path: string): Promise<{mode: string; owner: string}> => ({
  mode: ((await stat(path)).mode & 0o7777).toString(8),
  owner: await ownerOf(path),
})

/** What `installed` promises of the files themselves: theirs alone, to be run by the one who runs them, the text before kept beside. */
export async function expectRunnable({runner}: Disk, {states, install}: Installation): Promise<void> {
  const [first] = await states()
  const {name, path, wanted} = first!
  expect({...first, ...(await attributes(path))}).toEqual({...first, mode: '700', owner: runner})
  expect(first?.flaw).toBeUndefined()
  await chmod(path, 0o600)
  expect((await states())[0]?.flaw).toBe('it is not executable')
  const {uid, gid} = await stat(path)
  if (process.getuid?.() === 0 && uid !== 0) {
    await chown(path, 0, 0)
    // Readable, since another user's file tells nobody its text.
    await chmod(path, 0o755)
    expect((await states())[0]?.flaw).toBe(`it belongs to root, and ${runner} is to run it`)
    await chown(path, uid, gid)
  }
  await writeFile(path, '# by hand\n')
  await install({[name]: wanted})
  expect(await readFile(`${path}.poolctl-before`, 'utf8')).toBe('# by hand\n')
  expect((await states())[0]).toEqual(first)
  expect(await attributes(path)).toEqual({mode: '700', owner: runner})
}

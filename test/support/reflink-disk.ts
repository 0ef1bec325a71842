/** A file system that shares blocks between files: XFS in a file, mounted over a loop device. */
import {execFile} from 'node:child_process'
import {chmod, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

const execute = promisify(execFile)

/** Sparse: what nobody writes takes no room. */
const BYTES = 8 * 1024 ** 3

/** Needs root, the right to mount, a loop device and mkfs.xfs (bin/install-packages test). */
export async function reflinkDisk(): Promise<{path: string; remove: () => Promise<void>} | {reason: string}> {
  if (process.getuid?.() !== 0) return {reason: 'only root can mount a file system'}
  const home = await mkdtemp(join(tmpdir(), 'poolctl-xfs-'))
  await chmod(home, 0o755)
  const [image, path] = [join(home, 'image'), join(home, 'disk')]
  const remove = async (): Promise<void> => {
    await execute('umount', [path]).catch(() => undefined)
    await rm(home, {recursive: true, force: true})
  }
  try {
    await execute('truncate', ['-s', String(BYTES), image])
    await execute('mkfs.xfs', ['-q', image])
    await execute('install', ['-d', '-m', '755', path])
    await execute('mount', ['-o', 'loop', image, path])
    return {path, remove}
  } catch (error) {
    await remove()
    return {reason: `no XFS can be made here: ${String((error as {stderr?: string}).stderr ?? error)}`}
  }
}

/** Null: the directory's file system can do it. */
export async function cloningFails(directory: string): Promise<string | null> {
  const file = join(directory, 'clone-test')
  await writeFile(file, 'x')
  try {
    await execute('cp', ['--reflink=always', file, `${file}.clone`])
    return null
  } catch (error) {
    return String((error as {stderr?: string}).stderr)
  } finally {
    for (const path of [file, `${file}.clone`]) await rm(path, {force: true})
  }
}

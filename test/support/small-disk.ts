/** A node's data directory on a file system that is too small. */
import {execFile} from 'node:child_process'
import {mkdir, open, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'
import {expect} from 'vitest'
import {requireSpec} from '../../src/lab/store.js'
import {program} from '../../src/lab/postgres-server.js'
import {runAsServer} from '../../src/lab/run.js'
import {dataOf, nodeOf} from './e2e-lab.js'
import type {TestLab} from './lab.js'

const execute = promisify(execFile)

/** Mounting needs root and the right to mount, which a container often takes away. Null: it can be done. */
export async function mountingFails(lab: TestLab): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'only root can mount a small file system'
  const place = join(lab.directory, '..', 'mount-test')
  await mkdir(place)
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'poolctl-test', place])
    await execute('umount', [place])
    return null
  } catch (error) {
    return `this machine does not let root mount: ${String((error as {stderr?: string}).stderr)}`
  } finally {
    await rm(place, {recursive: true, force: true})
  }
}

/** Runs `work` with the node's empty data directory on a file system of `megabytes`. */
export async function onSmallDisk<T>(
  lab: TestLab,
  node: number,
  megabytes: number,
  work: (data: string) => Promise<T>,
): Promise<T> {
  const data = await dataOf(lab, node)
  const {user} = await requireSpec(lab.directory)
  const options = `size=${megabytes}m,mode=700,uid=${user.uid},gid=${user.gid}`
  await execute('mount', ['-t', 'tmpfs', '-o', options, 'poolctl-test', data])
  try {
    return await work(data)
  } finally {
    await execute('umount', [data])
  }
}

/** Runs `work` with all that a node has, its server running, on a file system with `megabytes` free. */
export async function movedToSmallDisk<T>(
  lab: TestLab,
  node: number,
  megabytes: number,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const spec = await requireSpec(lab.directory)
  const {directory, data, log} = nodeOf(spec, node)
  const place = join(lab.directory, '..', `small-${node}`)
  const pgCtl = (words: string[]): Promise<string> =>
    runAsServer(spec, program(spec, 'pg_ctl'), [...words, '-s', '-w', '-D', data, '-l', log])
  await mkdir(place)
  const {stdout} = await execute('du', ['-s', '-B1M', directory])
  const size = Number(stdout.split('\t')[0]) + megabytes
  await pgCtl(['stop', '-m', 'fast'])
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'poolctl-test', place])
  try {
    await execute('cp', ['-a', `${directory}/.`, place])
    await execute('mount', ['--move', place, directory])
    await pgCtl(['start'])
    return await work(directory)
  } finally {
    // Its servers have it open until the lab ends.
    for (const mounted of [directory, place]) await execute('umount', ['-l', mounted]).catch(() => undefined)
    await rm(place, {recursive: true, force: true})
  }
}

/**
 * No block is free until `ended`: rsync gives back what it wrote when it finds the disk full, and the next file would fit there.
 * It is awaited whatever happens, because the disk cannot be unmounted under a recovery. `onFull`: when nothing fits any more.
 */
export async function keptFull<T>(data: string, ended: Promise<T>, onFull = (): void => undefined): Promise<T> {
  const file = await open(join(data, 'filler'), 'w')
  const state = {over: false, full: false}
  const watched = ended.finally(() => (state.over = true))
  try {
    for (const block = Buffer.alloc(256 * 1024); !state.over;) {
      await file.write(block).catch(async (error: unknown) => {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
        if (!state.full) onFull()
        state.full = true
        await sleep(20)
      })
    }
  } finally {
    await file.close()
    await watched
  }
  return watched
}

export async function primaryMegabytes(lab: TestLab): Promise<number> {
  const {stdout} = await execute('du', ['-s', '-B1M', await dataOf(lab, 0)])
  return Number(stdout.split('\t')[0])
}

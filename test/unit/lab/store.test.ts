import {chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {claimDirectory, createSpec, labDirectory, readSpec, requireSpec, saveSpec} from '../../../src/lab/store.js'
import type {LabSpec} from '../../../src/lab/spec.js'

let home: string

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'poolctl-store-')))
  await chmod(home, 0o755)
})
afterEach(async () => {
  await rm(home, {recursive: true, force: true})
})

function specIn(directory: string): LabSpec {
  return {
    kind: 'poolctl-lab',
    version: 1,
    token: 'abc',
    directory,
    directoryNote: null,
    createdAt: '2026-11-25T12:00:00.000Z',
    complete: false,
    builder: null,
    mode: 'streaming',
    postgresMajor: 15,
    bin: '/usr/lib/postgresql/15/bin',
    programs: {sshd: '/usr/sbin/sshd', pgpool: '/usr/sbin/pgpool', pgpoolVersion: '4.3.5'},
    user: {name: 'postgres', uid: 101, gid: 104},
    ports: {ssh: 2222, postgres: 5432, pgpool: 9999, pcp: 9898},
    proxy: {address: '127.9.9.9', directory: join(directory, 'proxy')},
    nodes: [],
    scale: null,
    processes: [],
    sharedMemory: [],
  }
}

describe('labDirectory', () => {
  it('is below the state directory when the servers may enter that', async () => {
    expect(await labDirectory(undefined, {XDG_STATE_HOME: home})).toEqual({
      path: join(home, 'poolctl', 'lab'),
      note: null,
    })
    expect(await labDirectory(undefined, {HOME: home})).toEqual({
      path: join(home, '.local', 'state', 'poolctl', 'lab'),
      note: null,
    })
  })

  it('ignores a relative state directory, as the XDG specification asks', async () => {
    const {path} = await labDirectory(undefined, {XDG_STATE_HOME: 'state', HOME: home})
    expect(path).toBe(join(home, '.local', 'state', 'poolctl', 'lab'))
  })

  it.runIf(process.getuid?.() === 0)(
    'is in /var/tmp, with the reason, when root keeps its home to itself',
    async () => {
      await chmod(home, 0o700)
      expect(await labDirectory(undefined, {HOME: home})).toEqual({
        path: '/var/tmp/poolctl-lab-0',
        note: `the user postgres may not enter ${home}, so the lab is in /var/tmp/poolctl-lab-0`,
      })
    },
  )

  it.runIf(process.getuid?.() === 0)(
    'refuses a directory that was asked for and that the servers cannot reach',
    async () => {
      await chmod(home, 0o700)
      await expect(labDirectory(join(home, 'lab'))).rejects.toMatchObject({code: 'LAB_DIRECTORY_CLOSED', exitCode: 2})
    },
  )
})

describe('the marker', () => {
  it('survives being written, replaced and read', async () => {
    const directory = await claimDirectory(join(home, 'lab'))
    const spec = specIn(directory)
    await createSpec(spec)
    await saveSpec({...spec, complete: true})
    expect(await readSpec(directory)).toEqual({...spec, complete: true})
  })

  it('is made once: the second of two callers is refused', async () => {
    const directory = await claimDirectory(join(home, 'lab'))
    await createSpec(specIn(directory))
    await expect(createSpec(specIn(directory))).rejects.toMatchObject({code: 'LAB_BUSY'})
  })

  it('is not believed in a directory that it does not name', async () => {
    const directory = await claimDirectory(join(home, 'lab'))
    await createSpec(specIn(directory))
    await mkdir(join(home, 'copy'))
    await writeFile(join(home, 'copy', 'lab.json'), await readFile(join(directory, 'lab.json')))
    await expect(readSpec(join(home, 'copy'))).rejects.toMatchObject({code: 'LAB_MARKER_INVALID'})
  })

  it.each(['', 'null', '{"kind":"poolctl-lab","version":2}', '[]'])('is not believed when it says %j', async (text) => {
    await writeFile(join(home, 'lab.json'), text)
    await expect(readSpec(home)).rejects.toMatchObject({code: 'LAB_MARKER_INVALID'})
  })

  it('is missed with a hint where there is no lab', async () => {
    expect(await readSpec(home)).toBeNull()
    await expect(requireSpec(home)).rejects.toMatchObject({code: 'LAB_MISSING', hint: 'Make one with: poolctl lab up'})
  })
})

describe('claimDirectory', () => {
  it('refuses a directory with anything in it', async () => {
    await writeFile(join(home, 'file'), '')
    await expect(claimDirectory(home)).rejects.toMatchObject({code: 'LAB_DIRECTORY_IN_USE'})
  })

  it('refuses a directory that everybody may write in', async () => {
    await chmod(home, 0o777)
    await expect(claimDirectory(home)).rejects.toMatchObject({code: 'LAB_DIRECTORY_FOREIGN'})
  })
})

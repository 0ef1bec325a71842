/** What every `NodeHost` promises. Run on the fake by node-host.test.ts, over real SSH by test/integration/contract.test.ts. */
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {isInstalled} from '../../src/cluster/script-options.js'
import type {DataDirectory, LockHolder, NodeHost} from '../../src/ports/host.js'
import {eventually, refusal, type Bench} from './bench.js'
import {expectRunnable, type Disk} from './disk.js'

/** The machine of a standby that runs and streams. */
export type NodeHostBench = Bench & {host: NodeHost; disk: Disk | null}

const OP = 'contract-20261125-164210-7f3a'
const OTHER = 'contract-20261125-164211-0000'
const FORMER = 'contract-20261125-164209-1111'
const STOP_SECONDS = 60
const OPTIONS = {mode: 'streaming', jobs: 4, limitSeconds: 3600, startWaitSeconds: 60, hookPassfile: null} as const

function holder(operation: string, user = 'op'): LockHolder {
  return {operation, verb: 'recovery', user, host: 'admin1', pid: 4711, since: '2026-11-25T16:42:10.000Z'}
}

const FAILED = {kind: 'ActFailed', sqlState: null}
const REFUSED = {kind: 'Refused', sqlState: null}
const LOCKED = {kind: 'Locked', sqlState: null}

/** What must be the same before and after something was done and undone; sizes and free space are not ours alone. */
function lasting(seen: DataDirectory): object {
  return {...seen, freeBytes: null, usedBytes: null, oldestWalSegment: null}
}

// In order, on one machine: locked first, then stopped, taken apart, put together and started.
export function nodeHostContract(name: string, make: () => Promise<NodeHostBench>): void {
  describe(`a node's machine: ${name}`, () => {
    let bench: NodeHostBench
    let host: NodeHost
    beforeAll(async () => {
      bench = await make()
      host = bench.host
    })
    afterAll(async () => {
      await bench.end()
    })

    test('gives its lock to one operation, again to the same, and to no other', async () => {
      expect(await host.readLock()).toBeNull()
      expect(await host.takeLock(holder(OP))).toBeNull()
      expect(await host.takeLock(holder(OTHER))).toEqual(holder(OP))
      expect(await host.takeLock(holder(OP, 'second'))).toBeNull()
      expect((await host.readLock())?.operation).toBe(OP)
    })

    test('gives its lock to an operation that takes the place of its owner, with records and jobs, and back', async () => {
      expect(await host.takeLock(holder(OTHER), FORMER)).toEqual(holder(OP, 'second'))
      expect(await host.takeLock(holder(OTHER), OP)).toBeNull()
      expect(await host.readLock()).toEqual(holder(OTHER))
      await host.saveRecord(FORMER, '{"seq":1}\n', OTHER)
      expect(await host.readRecord(FORMER)).toBe('{"seq":1}\n')
      await host.stopJobs(OTHER, OP)
      expect(await host.takeLock(holder(OP, 'second'), OTHER)).toBeNull()
      expect(await host.readLock()).toEqual(holder(OP, 'second'))
    })

    test('keeps its lock when another operation lets go, and refuses what that one does', async () => {
      await host.releaseLock(OTHER)
      expect((await host.readLock())?.operation).toBe(OP)
      expect(await refusal(host.stopServer(OTHER, 'fast', STOP_SECONDS))).toEqual(LOCKED)
      expect(await refusal(host.setControlAside(OTHER))).toEqual(LOCKED)
      expect(await refusal(host.cleanUp(OTHER))).toEqual(LOCKED)
      expect((await host.inspect()).postmasterPid).not.toBeNull()
    })

    test('shows the directory of a running standby, and does not take it apart', async () => {
      const seen = await host.inspect()
      const {exists, empty, standbySignal, controlAside, dataAside, control, postmasterPid} = seen
      expect({exists, empty, standbySignal, controlAside, dataAside, state: control?.state}).toEqual({
        exists: true,
        empty: false,
        standbySignal: true,
        controlAside: false,
        dataAside: false,
        state: 'in archive recovery',
      })
      expect(postmasterPid).toBeGreaterThan(1)
      expect(await refusal(host.setControlAside(OP))).toEqual(REFUSED)
      expect(await refusal(host.setDataAside(OP))).toEqual(REFUSED)
      expect(lasting(await host.inspect())).toEqual(lasting(seen))
    })

    test('leaves a running server running when it is to be started', async () => {
      const {postmasterPid} = await host.inspect()
      await host.startServer(OP, STOP_SECONDS)
      expect((await host.inspect()).postmasterPid).toBe(postmasterPid)
    })

    test('stops a server, and takes a stop of a stopped one as no harm', async () => {
      await host.stopServer(OP, 'fast', STOP_SECONDS)
      const stopped = await host.inspect()
      const {postmasterPid, standbySignal, backupLabel, control} = stopped
      expect({postmasterPid, standbySignal, backupLabel, state: control?.state}).toEqual({
        postmasterPid: null,
        standbySignal: true,
        backupLabel: false,
        state: 'shut down in recovery',
      })
      await host.stopServer(OP, 'fast', STOP_SECONDS)
      expect(await host.inspect()).toEqual({...stopped, freeBytes: expect.any(Number) as number})
    })

    test('finds the pages of a stopped server clean, and its files there', async () => {
      expect(await host.checkPages(60_000)).toMatchObject({kind: 'clean'})
      expect((await host.listFiles()).map(({path}) => path)).toEqual(
        expect.arrayContaining(['PG_VERSION', 'global/1262']),
      )
      expect(await host.historyFile(99)).toBeNull()
    })

    test('cannot start while its control file is aside, and starts once it is back', async () => {
      const before = await host.inspect()
      await host.setControlAside(OP)
      await host.setControlAside(OP)
      const aside = await host.inspect()
      expect({control: aside.control, controlAside: aside.controlAside}).toEqual({control: null, controlAside: true})
      expect(await host.checkPages(60_000)).toMatchObject({kind: 'impossible'})
      expect(await refusal(host.startServer(OP, STOP_SECONDS))).toEqual(FAILED)
      expect((await host.inspect()).postmasterPid).toBeNull()
      await host.restoreControl(OP)
      await host.restoreControl(OP)
      expect(lasting(await host.inspect())).toEqual(lasting(before))
      await host.startServer(OP, STOP_SECONDS)
      const started = await eventually(
        'it runs',
        () => host.inspect(),
        (seen) => seen.postmasterPid !== null,
      )
      expect(started.control?.state).toBe('in archive recovery')
      await host.stopServer(OP, 'fast', STOP_SECONDS)
    })

    test('moves a directory aside whole and back, each of them twice without harm', async () => {
      const before = await host.inspect()
      await host.setDataAside(OP)
      await host.setDataAside(OP)
      const {exists, empty, control, pgVersion, dataAside} = await host.inspect()
      expect({exists, empty, control, pgVersion, dataAside}).toEqual({
        exists: true,
        empty: true,
        control: null,
        pgVersion: null,
        dataAside: true,
      })
      expect(await host.listFiles()).toEqual([])
      expect(await refusal(host.startServer(OP, STOP_SECONDS))).toEqual(FAILED)
      await host.restoreData(OP)
      await host.restoreData(OP)
      expect(lasting(await host.inspect())).toEqual(lasting(before))
    })

    test('saves its configuration any number of times, and cleans up any number of times', async () => {
      const before = await host.inspect()
      await host.saveConfig(OP)
      await host.saveConfig(OP)
      await host.cleanUp(OP)
      await host.cleanUp(OP)
      expect(lasting(await host.inspect())).toEqual(lasting(before))
    })

    test('knows nothing of a job that was never started, and takes its end as no harm', async () => {
      expect(await host.jobState(OP, 'copy-data')).toEqual({state: 'absent'})
      await host.stopJob(OP, 'copy-data')
      await host.stopJobs(OP)
      expect(await host.jobState(OP, 'copy-data')).toEqual({state: 'absent'})
    })

    test('keeps the last copy of a record, byte for byte', async () => {
      expect(await host.readRecord(OP)).toBeNull()
      await host.saveRecord(OP, '{"seq":1}\n')
      const text = '{"seq":1,"say":"don\'t $(x) `y` \\\\ é"}\n{"seq":2}\n'
      await host.saveRecord(OP, text)
      expect(await host.readRecord(OP)).toBe(text)
      expect(await host.listRecords()).toEqual([FORMER, OP])
    })

    test('has its scripts once they are installed, as whoever runs the server', async () => {
      const states = (): ReturnType<NodeHost['scripts']> => host.scripts(OPTIONS)
      const wanted = Object.fromEntries((await states()).map((state) => [state.name, state.wanted]))
      expect(await refusal(host.installScripts(OTHER, OPTIONS, wanted))).toEqual(LOCKED)
      await host.installScripts(OP, OPTIONS, wanted)
      expect((await states()).filter((state) => !isInstalled(state))).toEqual([])
      expect(await host.walHookRuns()).toEqual([])
      if (bench.disk !== null)
        await expectRunnable(bench.disk, {states, install: (some) => host.installScripts(OP, OPTIONS, some)})
    })

    test('starts again as it was, and is free for another operation once its owner lets go', async () => {
      await host.startServer(OP, STOP_SECONDS)
      expect((await host.inspect()).postmasterPid).not.toBeNull()
      await host.releaseLock(OP)
      await host.releaseLock(OP)
      expect(await host.readLock()).toBeNull()
      expect(await host.takeLock(holder(OTHER))).toBeNull()
      await host.releaseLock(OTHER)
    })
  })
}

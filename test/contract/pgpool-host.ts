/** What every `PgpoolHost` promises. Run on the fake by pgpool-host.test.ts, over real SSH by test/integration/contract.test.ts. */
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import type {LockHolder, PgpoolHost} from '../../src/ports/host.js'
import {refusal, type Bench} from './bench.js'
import {expectRunnable, type Disk} from './disk.js'

/** The machine of a pgpool that has no fence and no hooks of poolctl's. */
export type PgpoolHostBench = Bench & {host: PgpoolHost; disk: Disk | null}

const OP = 'contract-20261125-164210-7f3a'
const OTHER = 'contract-20261125-164211-0000'
const HOOKS = ['failover.sh', 'follow_primary.sh']
const OPTIONS = {mode: 'streaming', jobs: 4, limitSeconds: 3600, startWaitSeconds: 60, hookPassfile: null} as const
const LOCKED = {kind: 'Locked', sqlState: null}

function holder(operation: string): LockHolder {
  return {operation, verb: 'promote', user: 'op', host: 'admin1', pid: 4711, since: '2026-11-25T16:42:10.000Z'}
}

// In order, on one machine, which is left as it was but for the hooks and the two settings that the last tests write.
export function pgpoolHostContract(name: string, make: () => Promise<PgpoolHostBench>): void {
  describe(`pgpool's machine: ${name}`, () => {
    let bench: PgpoolHostBench
    let host: PgpoolHost
    beforeAll(async () => {
      bench = await make()
      host = bench.host
    })
    afterAll(async () => {
      await host.releaseLock(OP)
      await bench.end()
    })

    test('does nothing without its lock, and gives it to one operation', async () => {
      const before = await host.readConfig()
      expect(await refusal(host.fence(OP, {auto_failback: 'off'}))).toEqual(LOCKED)
      expect(await refusal(host.setValues(OP, {load_balance_mode: 'off'}))).toEqual(LOCKED)
      expect(await refusal(host.installHooks(OP, OPTIONS, await wantedHooks(host)))).toEqual(LOCKED)
      expect(await host.takeLock(holder(OP))).toBeNull()
      expect(await host.takeLock(holder(OTHER))).toEqual(holder(OP))
      expect(await refusal(host.fence(OTHER, {auto_failback: 'off'}))).toEqual(LOCKED)
      expect(await host.readConfig()).toBe(before)
    })

    test('has no log files in a directory that is not there', async () => {
      expect(await host.logFiles('/nonexistent/poolctl')).toBeNull()
    })

    test('names the operation that has fenced it last, and has its own text back without the fence', async () => {
      const before = await host.readConfig()
      expect(await host.fencedBy()).toBeNull()
      await host.fence(OP, {auto_failback: 'off'})
      await host.fence(OP, {failover_on_backend_error: 'off'})
      expect([await host.fencedBy(), (await host.readConfig()) === before]).toEqual([OP, false])
      await host.fence(OP, {failover_on_backend_error: 'off'}, OTHER)
      expect(await host.fencedBy()).toBe(OTHER)
      await host.unfence(OP)
      await host.unfence(OP)
      expect([await host.fencedBy(), await host.readConfig()]).toEqual([null, before])
    })

    test('has hooks once they are installed, and none that were not reviewed', async () => {
      const wanted = await wantedHooks(host)
      expect(Object.keys(wanted)).toEqual(HOOKS)
      expect(await installed(host)).toEqual([null, null])
      expect(await refusal(host.installHooks(OP, OPTIONS, {'failover.sh': 'another'}))).toEqual({
        kind: 'Refused',
        sqlState: null,
      })
      expect(await installed(host)).toEqual([null, null])
      await host.installHooks(OP, OPTIONS, {'failover.sh': wanted['failover.sh'] ?? ''})
      expect(await installed(host)).toEqual([wanted['failover.sh'], null])
      await host.installHooks(OP, OPTIONS, wanted)
      expect(await installed(host)).toEqual(HOOKS.map((one) => wanted[one]))
      expect(await host.hookRuns([])).toEqual([])
      if (bench.disk !== null)
        await expectRunnable(bench.disk, {
          states: async () => (await host.hooks(OPTIONS)).states,
          install: (some) => host.installHooks(OP, OPTIONS, some),
        })
    })

    test('takes settings for good, and sees that they are there', async () => {
      const settings = {recovery_1st_stage_command: 'recovery_1st_stage'}
      expect((await host.settingsEdit(settings))?.before).toBe(await host.readConfig())
      await host.writeSettings(OP, settings)
      expect(await host.settingsEdit(settings)).toBeNull()
      await host.setValues(OP, {backend_data_directory0: '/srv/new'})
      const text = await host.readConfig()
      await host.setValues(OP, {backend_data_directory0: '/srv/new'})
      expect([text.includes("backend_data_directory0 = '/srv/new'"), await host.readConfig()]).toEqual([true, text])
    })
  })
}

async function wantedHooks(host: PgpoolHost): Promise<Record<string, string>> {
  const {states} = await host.hooks(OPTIONS)
  return Object.fromEntries(states.map(({name, wanted}) => [name, wanted]))
}

async function installed(host: PgpoolHost): Promise<(string | null)[]> {
  return (await host.hooks(OPTIONS)).states.map((state) => state.installed)
}

/**
 * An upgrade of a cluster whose first node is a standby: pgpool takes note that it is away while it is down, and would let nobody in when it
 * is back (src/steps/pool-wake.ts).
 */
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {runAsServer} from '../../src/lab/run.js'
import type {DoctorData} from '../../src/report/doctor.js'
import type {StatusData} from '../../src/report/status.js'
import {requireSpec} from '../../src/lab/store.js'
import {expectHealthy, statusOf} from '../support/e2e-checks.js'
import {change, dataOf, DONE, ending, startCheckedLab, underLedger, until, type SharedLab} from '../support/e2e-lab.js'
import {expectRolledBack, labIn, OLD_TO_NEW, versionsOf} from '../support/upgrade-lab.js'

let lab: SharedLab
const {from, to} = OLD_TO_NEW

const WAKE = 'poolctl detach 0, then poolctl attach 0: pgpool looks anew for its first node when one leaves or comes'

/** What a command finds: its codes, and what it says against them. */
async function found(...words: string[]): Promise<{codes: string[]; remedies: string[]}> {
  const {json} = await lab.poolctl([...words, '--json'])
  const {disagreements, checks} = (json as {data: Partial<StatusData & DoctorData>}).data
  const all = disagreements ?? checks?.flatMap(({findings}) => findings) ?? []
  return {codes: all.map(({code}) => code), remedies: all.map(({remedy}) => remedy)}
}

describe.runIf(OLD_TO_NEW.possible)('an upgrade of a cluster whose primary is not its first node', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: from, nodes: 3})
    expect(ending(await change(lab, ['promote', '1', '--yes']))).toEqual(DONE)
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(to)]))).toEqual(DONE)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('is said to let nobody in after its first node was away, with what makes it look anew', async () => {
    const spec = await requireSpec(lab.directory)
    const data = await dataOf(lab, 0)
    const control = (...words: string[]): Promise<unknown> =>
      runAsServer(spec, join(spec.bin, 'pg_ctl'), [...words, '-w', '-D', data])
    // Too short for pgpool's health check; what comes in meanwhile passes the node over.
    await control('stop', '-m', 'fast')
    await statusOf(lab)
    await control('start', '-l', '/dev/null')
    await until('all agree, but for clients', async () => (await found('status')).codes.join() === 'CLIENTS_SHUT_OUT')
    expect(await found('status')).toEqual({codes: ['CLIENTS_SHUT_OUT'], remedies: [WAKE]})
    expect(await found('doctor', '--only', 'sql-through-pgpool')).toEqual({
      codes: ['PROXY_LOGIN_FAILS'],
      remedies: [WAKE],
    })
    expect(ending(await change(lab, ['detach', '0', '--yes']))).toEqual(DONE)
    expect(ending(await change(lab, ['attach', '0', '--yes']))).toEqual(DONE)
    expect(await found('status')).toEqual({codes: [], remedies: []})
    await underLedger(lab, () => Promise.resolve())
  })

  it('lets clients in again, when it goes back and when it is done', async () => {
    const run = ['upgrade', 'run', '--to', String(to), '--way-back', 'none', '--min-standbys', '2', '--confirm', 'lab']
    await underLedger(lab, async () => {
      const killed = await lab.poolctl([...run, '--json'], {env: {POOLCTL_CRASH_AT: 'after-done:link-standbys'}})
      expect(killed.signal).toBe('SIGKILL')
      await expectRolledBack(lab)
    })
    // Its clients are new ones, and must get in.
    await underLedger(lab, async () => {
      expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(to)]))).toEqual(DONE)
      expect(ending(await change(lab, run))).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
    })
    await underLedger(lab, () => Promise.resolve())
    expect(await versionsOf(lab)).toEqual([to, to, to].map(String))
    await expectHealthy(lab, 1)
  })
})

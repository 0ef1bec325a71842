/**
 * An upgrade of a cluster whose first node is a standby: pgpool takes note that it is away while it is down, and would let nobody in when it
 * is back (src/steps/pool-wake.ts).
 */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {expectHealthy} from '../support/e2e-checks.js'
import {change, DONE, ending, startCheckedLab, underLedger, type SharedLab} from '../support/e2e-lab.js'
import {expectRolledBack, labIn, OLD_TO_NEW, versionsOf} from '../support/upgrade-lab.js'

let lab: SharedLab
const {from, to} = OLD_TO_NEW

describe.runIf(OLD_TO_NEW.possible)('an upgrade of a cluster whose primary is not its first node', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: from, nodes: 3})
    expect(ending(await change(lab, ['promote', '1', '--yes']))).toEqual(DONE)
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(to)]))).toEqual(DONE)
  })
  afterAll(async () => {
    await lab.end()
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

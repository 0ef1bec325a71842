/**
 * What goes wrong in the outage of a major upgrade, 13 to 15: each time the exit code, what state things are in, what to type, and that
 * it then ends well. Clients write all the time; no acknowledged row is ever missing, and no two versions ever run side by side.
 */
import {readdir, readFile, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {LabSpec} from '../../src/lab/spec.js'
import {exists, requireSpec} from '../../src/lab/store.js'
import {expectHealthy} from '../support/e2e-checks.js'
import {
  change,
  DONE,
  ending,
  sqlOn,
  startCheckedLab,
  underLedger,
  until,
  type Answer,
  type SharedLab,
} from '../support/e2e-lab.js'
import {cutSsh, stopSsh} from '../support/e2e-processes.js'
import {holdJob, type HeldJob} from '../support/host-jobs.js'
import {saveLab, type SavedLab} from '../support/saved-lab.js'
import {keptFull, mountingFails, movedToSmallDisk} from '../support/small-disk.js'
import {labIn, OLD_TO_NEW, placeOf, versionsOf, type Which} from '../support/upgrade-lab.js'
import {watchVersions} from '../support/upgrade-observe.js'

const {from: FROM, to: TO, possible} = OLD_TO_NEW

let lab: SharedLab
let prepared: SavedLab

/** From a lab where everything is prepared; `work` ends with one version serving, and says which. */
async function withClients<T>(work: (spec: LabSpec) => Promise<[serves: Which, result: T]>): Promise<T> {
  await prepared.restore()
  const spec = await requireSpec(lab.directory)
  const watch = watchVersions(spec, OLD_TO_NEW)
  try {
    const {result} = await underLedger(lab, async () => {
      const [serves, answer] = await work(spec)
      await labIn(lab, OLD_TO_NEW, serves)
      return answer
    })
    return result
  } finally {
    expect(await watch.stop(), 'two versions at once').toEqual([])
  }
}

const run = (...args: string[]): Promise<Answer> =>
  change(lab, ['upgrade', 'run', '--to', String(TO), '--confirm', 'lab', ...args])

async function expectOldServes(): Promise<void> {
  expect(await versionsOf(lab)).toEqual([FROM, FROM, FROM].map(String))
  await expectHealthy(lab)
}

/** Its answer, or that of the fault where the run did not wait for it: nothing may hang on a run that has failed early. */
async function during(running: Promise<Answer>, fault: () => Promise<void>): Promise<Answer> {
  const early = running.then((answer) => {
    throw new Error(`it ended before the fault: ${JSON.stringify(ending(answer))}`)
  })
  early.catch(() => undefined)
  await Promise.race([fault(), early])
  return running
}

/** In the record on this machine of the newest operation. */
async function recorded({stateDirectory}: SharedLab, type: 'intent' | 'undoing', step: string): Promise<boolean> {
  const operations = join(stateDirectory, 'operations')
  const newest = (await readdir(operations))
    .filter((name) => name.startsWith('upgrade-run-'))
    .toSorted()
    .at(-1)
  if (newest === undefined) return false
  const text = await readFile(join(operations, newest, 'journal.ndjson'), 'utf8')
  return text.split('\n').some((line) => line.includes(`"type":"${type}"`) && line.includes(`"step":"${step}"`))
}

/** A server that pg_upgrade has started for itself. */
async function ownServerRuns(spec: LabSpec): Promise<boolean> {
  const [node] = spec.nodes
  if (!node) return false
  const found = await Promise.all(
    (['old', 'new'] as const).map((which) => exists(join(placeOf(node, OLD_TO_NEW, which), 'postmaster.pid'))),
  )
  return found.includes(true)
}

describe.runIf(possible)('an upgrade that is disturbed in its outage', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: FROM, nodes: 3})
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(TO)]))).toEqual(DONE)
    prepared = await saveLab(lab, 'prepared')
  })
  afterAll(async () => {
    await lab.end()
  })

  it('goes back when pg_upgrade is killed on its host, with a server of its own running', async () => {
    const answer = await withClients(async (spec) => [
      'old',
      await during(run(), async () => (await holdJob(spec, 0, 'pg-upgrade', () => ownServerRuns(spec))).kill()),
    ])
    expect({exitCode: answer.exitCode, code: answer.error?.code}).toEqual({exitCode: 7, code: 'JOB_LOST'})
    expect(answer.error?.changed).toBe('none')
    await expectOldServes()
  })

  it('ends well although every connection to the hosts is cut while pg_upgrade runs, and while a standby links', async () => {
    const answer = await withClients(async (spec) => [
      'new',
      await during(run(), async () => {
        for (const [node, job] of [
          [0, 'pg-upgrade'],
          [1, 'link'],
        ] as const) {
          const held = await holdJob(spec, node, job)
          expect(await cutSsh(lab, node)).toBeGreaterThan(0)
          held.goOn()
        }
      }),
    ])
    expect(ending(answer)).toEqual(DONE)
    expect(await versionsOf(lab)).toEqual([String(TO), String(TO), 'down'])
  })

  it("says what to type when the primary's host is cut off, and goes back once it is there again", async () => {
    await withClients(async (spec) => {
      let comeBack = (): Promise<void> => Promise.resolve()
      const answer = await during(run(), async () => {
        const held = await holdJob(spec, 1, 'link')
        await until('pg_upgrade is known to have ended', () => recorded(lab, 'intent', 'link-standbys'))
        comeBack = await stopSsh(lab, 0)
        held.goOn()
      })
      const operation = answer.data?.operation ?? 'none'
      expect({exitCode: answer.exitCode, code: answer.error?.code}).toEqual({exitCode: 8, code: 'STANDBYS_NOT_LINKED'})
      expect(answer.error?.hint).toContain(`poolctl op rollback ${operation}`)
      expect(await versionsOf(lab)).toEqual(['down', 'down', 'down'])
      await comeBack()
      const back = await change(lab, ['op', 'rollback', operation, '--yes'])
      expect(back.exitCode).toBe(7)
      return ['old', null]
    })
    await expectOldServes()
  })

  it("goes on once the primary's host is there again, where it was cut off before the new version started", async () => {
    await withClients(async () => {
      const killed = await lab.poolctl(['upgrade', 'run', '--to', String(TO), '--confirm', 'lab', '--json'], {
        env: {POOLCTL_CRASH_AT: 'after-done:link-standbys'},
      })
      expect(killed.signal).toBe('SIGKILL')
      const comeBack = await stopSsh(lab, 0)
      const {json} = await lab.poolctl(['op', 'list', '--json'])
      const operation =
        (json as {data: {operations: {operation: string; verb: string}[]}}).data.operations.findLast(
          ({verb}) => verb === 'upgrade-run',
        )?.operation ?? 'none'
      const blind = await change(lab, ['op', 'resume', operation, '--yes'])
      expect({exitCode: blind.exitCode, changed: blind.error?.changed}).toEqual({exitCode: 5, changed: 'none'})
      await comeBack()
      const resumed = await change(lab, ['op', 'resume', operation, '--yes'])
      expect(ending(resumed)).toEqual(DONE)
      // Nobody had measured anything yet, and clients are not served before it.
      expect(resumed.data?.outage).toMatchObject({lostWrites: 0})
      expect(resumed.data?.outage?.writesStoppedSeconds).toBeGreaterThan(0)
      expect(resumed.warnings.map(({code}) => code)).toContain('OUTAGE_MEASURED_IN_PART')
      return ['new', null]
    })
    expect(await versionsOf(lab)).toEqual([String(TO), String(TO), 'down'])
  })

  it('leaves out a standby that is not where the primary came to rest, although it had begun to wait for its files', async () => {
    const answer = await withClients(async () => [
      'new',
      await during(run('--way-back', 'none', '--min-standbys', '1'), async () => {
        await until('the standby has logged in', () => recorded(lab, 'intent', 'checkpoint-0'))
        await sqlOn(lab, 1, 'SELECT pg_wal_replay_pause()')
      }),
    ])
    const {exitCode, data} = answer
    expect({exitCode, followUps: data?.followUps}).toEqual({
      exitCode: 13,
      followUps: ['poolctl recovery 1 --method full'],
    })
    expect(data?.facts['leftOut']).toEqual([
      {node: 1, because: expect.stringMatching(/shut down in recovery at .*the shutdown checkpoint/s) as string},
    ])
    expect(await versionsOf(lab)).toEqual([String(TO), 'down', String(TO)])
    const [, one] = (await requireSpec(lab.directory)).nodes
    expect(one && (await exists(placeOf(one, OLD_TO_NEW, 'new')))).toBe(false)
  })

  for (const {needed, title} of [
    {needed: 1, title: 'carries on without a standby whose disk is full, as long as enough others are there'},
    {needed: 2, title: 'goes back when the disk of a standby is full and all of them are needed'},
  ]) {
    it(title, async (context) => {
      const reason = await mountingFails(lab)
      if (reason !== null) return context.skip(reason)
      const answer = await withClients((spec) =>
        movedToSmallDisk(lab, 1, 900, async (directory) => {
          await until('all are attached', async () => {
            const {json} = await lab.poolctl(['status', '--json'])
            if ((json as {data: {disagreements: unknown[]}}).data.disagreements.length === 0) return true
            await lab.poolctl(['attach', '1', '--yes'])
            return false
          })
          const ended = await during(run('--way-back', 'none', '--min-standbys', String(needed)), async () => {
            const held = await holdJob(spec, 1, 'link')
            // It is tried once more, so the disk stays full until that is over, too.
            const over = async (): Promise<boolean> =>
              (await recorded(lab, 'intent', 'start-primary')) || (await recorded(lab, 'undoing', 'link-standbys'))
            await keptFull(directory, until('linking is over', over), () => held.goOn())
            await rm(join(directory, 'filler'))
          })
          return [needed === 1 ? 'new' : 'old', ended]
        }),
      )
      const {exitCode, error, data} = answer
      if (needed === 2) {
        expect({exitCode, code: error?.code}).toEqual({exitCode: 7, code: 'STANDBYS_NOT_LINKED'})
        expect(error?.detail).toMatch(/node 1: .*No space left on device/s)
        expect(await versionsOf(lab)).toEqual([FROM, FROM, FROM].map(String))
        return
      }
      expect({exitCode, followUps: data?.followUps}).toEqual({
        exitCode: 13,
        followUps: ['poolctl recovery 1 --method full'],
      })
      expect(data?.facts['leftOut']).toEqual([
        {node: 1, because: expect.stringContaining('No space left on device') as string},
      ])
      expect(await versionsOf(lab)).toEqual([String(TO), 'down', String(TO)])
    })
  }

  it('goes back within its window although pg_upgrade hangs for good', async () => {
    const answer = await withClients(async (spec) => {
      const began = performance.now()
      // Going back takes ten seconds by what is known then, and five are kept for what nobody thought of.
      const ended = await during(run('--window', '40s'), async () => {
        await holdJob(spec, 0, 'pg-upgrade')
      })
      expect((performance.now() - began) / 1000, 'seconds of its window').toBeLessThan(40)
      return ['old', ended]
    })
    expect({exitCode: answer.exitCode, code: answer.error?.code}).toEqual({exitCode: 7, code: 'WINDOW_WOULD_BE_MISSED'})
    await expectOldServes()
  })

  it('goes on past the point of no return when the window ends there, and says so', async () => {
    const said = await withClients(async (spec) => {
      const began = performance.now()
      const running = lab.poolctl([
        ...['upgrade', 'run', '--to', String(TO), '--confirm', 'lab', '--way-back', 'none', '--window', '30s'],
        ...['--output', 'ndjson'],
      ])
      const held: HeldJob = await holdJob(spec, 2, 'link-late')
      // The window begins with the first step, after everything has been looked at.
      await sleep(Math.max(0, began + 40_000 - performance.now()))
      held.goOn()
      const {code, stdout} = await running
      return ['new', {code, stdout}]
    })
    expect(said.code).toBe(0)
    expect(said.stdout).toMatch(/the window ended at \d\d:\d\d:\d\d UTC; past the point of no return, going on/)
    expect(await versionsOf(lab)).toEqual([TO, TO, TO].map(String))
  })

  it('returns with 13 once clients are served, where it is asked to, and op watch ends with 0 when the rest is in', async () => {
    const answer = await withClients(async () => {
      const served = await run('--way-back', 'none', '--return-when-served')
      const operation = served.data?.operation ?? 'none'
      expect({exitCode: served.exitCode, outcome: served.data?.outcome, followUps: served.data?.followUps}).toEqual({
        exitCode: 13,
        outcome: 'handed-over',
        followUps: [`poolctl op watch ${operation}`],
      })
      const watched = await lab.poolctl(['op', 'watch', operation, '--json'])
      expect(watched.code).toBe(0)
      return ['new', served]
    })
    expect(await versionsOf(lab)).toEqual([TO, TO, TO].map(String))
    await expectHealthy(lab)
    // The page has the outage that only the first process has measured.
    const operation = answer.data?.operation ?? 'none'
    const written = await lab.poolctl(['upgrade', 'report', operation, '--directory', lab.directory])
    expect(written.code).toBe(0)
    expect(await readFile(join(lab.directory, `${operation}.md`), 'utf8')).toMatch(/writes stopped/i)
  })
})

/**
 * What goes wrong while a recovery copies: each time the exit code, what state things are in, and what to type next. Afterwards
 * the node is recovered, so that each failure is also proved to leave nothing in the way.
 */
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {killNode} from '../../src/lab/kill.js'
import {runAsServer} from '../../src/lab/run.js'
import {labPaths, standbyName} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {
  expectHealthy,
  expectInert,
  expectNoBackup,
  expectNothingLeft,
  footprint,
  roles,
  slotsOn,
  statusOf,
} from '../support/e2e-checks.js'
import {
  amcheck,
  change,
  DONE,
  ending,
  recoveryMidCopy,
  sqlOn,
  startCheckedLab,
  underLedger,
  type Answer,
  type SharedLab,
} from '../support/e2e-lab.js'
import {cutSsh} from '../support/e2e-processes.js'
import {keptFull, mountingFails, onSmallDisk, primaryMegabytes} from '../support/small-disk.js'

const NODE = 2

let lab: SharedLab
beforeAll(async () => {
  lab = await startCheckedLab()
})
afterAll(async () => {
  await lab.end()
})

async function expectRecovered(answer: Answer): Promise<void> {
  expect(ending(answer)).toEqual(DONE)
  await expectHealthy(lab)
  expect(await amcheck(lab, NODE)).toBe('')
  for (const id of [0, NODE]) await expectNothingLeft(lab, id)
}

/** Rolled back: the node lies still, the others serve, nothing of the operation is left on the primary. */
async function expectRolledBack(answer: Answer, code: string, slots: string[]): Promise<void> {
  expect({...ending(answer), why: null}).toEqual({exitCode: 7, code, why: null})
  expect(answer.data?.outcome).toBe('rolled-back')
  expect(answer.error?.changed).toBe('none')
  expect(answer.error?.hint).toContain('poolctl ')
  await expectInert(lab, NODE)
  expect(roles(await statusOf(lab)).slice(0, 2)).toEqual([
    'node 0: primary attached; primary on timeline 1',
    'node 1: standby attached; standby on timeline 1',
  ])
  expect(await slotsOn(lab, 0)).toEqual(slots)
  await expectNoBackup(lab, 0)
}

describe('a recovery whose copy is disturbed', () => {
  it('ends well although every SSH connection to the node is cut while rsync runs', async () => {
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, NODE, 'wipe')
      const {ended} = await recoveryMidCopy(lab, NODE)
      expect(await cutSsh(lab, NODE)).toBeGreaterThan(0)
      return ended
    })
    await expectRecovered(result)
  })

  it('ends well although pgpool is restarted meanwhile', async () => {
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, NODE, 'wipe')
      const {ended} = await recoveryMidCopy(lab, NODE)
      const spec = await requireSpec(lab.directory)
      const {pgpoolControl} = labPaths(lab.directory)
      await runAsServer(spec, pgpoolControl, ['stop'])
      await runAsServer(spec, pgpoolControl, ['start'])
      return ended
    })
    await expectRecovered(result)
  })

  it('keeps a second operator out, naming the first operation, and then ends well', async () => {
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, NODE, 'wipe')
      const {operation, ended} = await recoveryMidCopy(lab, NODE)
      const own = join(lab.directory, '..', 'second-operator')
      await mkdir(own, {mode: 0o700})
      const second = await change(lab, ['recovery', String(NODE), '--yes'], {POOLCTL_STATE_DIR: own})
      expect({exitCode: second.exitCode, code: second.error?.code}).toEqual({exitCode: 10, code: 'LOCKED'})
      expect(second.error?.message).toContain(`is locked by operation ${operation}`)
      expect(second.error?.detail).toMatch(/^recovery, started .* by .* on .*, process \d+\.$/)
      expect(second.error?.hint).toContain(`poolctl op show ${operation}`)
      expect(second.error?.changed).toBe('none')
      return ended
    })
    await expectRecovered(result)
  })

  it('is rolled back when the backup session on the primary is ended, and can be repeated as it was typed', async () => {
    await underLedger(lab, async () => {
      await killNode(lab.directory, NODE, 'wipe')
      await sqlOn(lab, 0, `SELECT pg_drop_replication_slot('${standbyName(NODE)}')`)
      const {operation, ended} = await recoveryMidCopy(lab, NODE)
      const terminated = await sqlOn(
        lab,
        0,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'poolctl backup%'",
      )
      expect(terminated).toEqual(['t'])
      const answer = await ended
      await expectRolledBack(answer, 'BACKUP_SESSION_LOST', [`${standbyName(1)}|t`])
      expect(answer.error?.message).toBe('step "copy-data": the session that held the backup on node 0 is gone')
      expect(answer.error?.detail).toMatch(/The primary is out of backup mode and serving/)
      expect(answer.error?.hint).toContain(`poolctl op show ${operation}`)
      await expectRecovered(await change(lab, ['recovery', String(NODE), '--yes']))
    })
  })
})

describe('a recovery onto a disk that is too small', () => {
  it('is refused before anything is changed', async (context) => {
    const reason = await mountingFails(lab)
    if (reason !== null) return context.skip(reason)
    await underLedger(lab, async () => {
      await killNode(lab.directory, NODE, 'wipe')
      const answer = await onSmallDisk(lab, NODE, 16, async () => {
        const before = await footprint(lab, NODE)
        const refused = await change(lab, ['recovery', String(NODE), '--yes'])
        expect(await footprint(lab, NODE)).toEqual(before)
        return refused
      })
      expect({exitCode: answer.exitCode, code: answer.error?.code}).toEqual({exitCode: 6, code: 'NO_SPACE'})
      expect(answer.error?.message).toMatch(/^host 127\.\S+ has \d+ bytes free, the copy needs about \d+$/)
      expect(answer.error?.hint).toBe('Free some space there')
      expect(answer.error?.changed).toBe('none')
      expect(roles(await statusOf(lab))[NODE]).toBe(`node ${NODE}: standby down; unreachable`)
      await expectRecovered(await change(lab, ['recovery', String(NODE), '--yes']))
    })
  })

  it('is rolled back when the disk fills up during the copy', async (context) => {
    const reason = await mountingFails(lab)
    if (reason !== null) return context.skip(reason)
    await underLedger(lab, async () => {
      await killNode(lab.directory, NODE, 'wipe')
      await onSmallDisk(lab, NODE, (await primaryMegabytes(lab)) + 160, async (data) => {
        const {ended} = await recoveryMidCopy(lab, NODE)
        const answer = await keptFull(data, ended)
        await expectRolledBack(answer, 'JOB_FAILED', [`${standbyName(1)}|t`, `${standbyName(NODE)}|f`])
        expect(answer.error?.message).toMatch(/^step "copy-data": the copy ended with status \d+$/)
        expect(answer.error?.detail).toMatch(/No space left on device/)
      })
      await expectRecovered(await change(lab, ['recovery', String(NODE), '--yes']))
    })
  })
})

describe('a record with a line that cannot be read', () => {
  it('is never acted on: show, list and resume exit 8 and name file and line', async () => {
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, NODE)
      return change(lab, ['recovery', String(NODE), '--yes'])
    })
    await expectRecovered(result)
    const operation = result.data?.operation ?? 'none'
    const file = join(lab.stateDirectory, 'operations', operation, 'journal.ndjson')
    const whole = await readFile(file, 'utf8')
    const lines = whole.split('\n')
    lines[2] = '{"seq":3,"at":'
    await writeFile(file, lines.join('\n'))
    const before = roles(await statusOf(lab))
    for (const words of [
      ['show', operation],
      ['list'],
      ['resume', operation, '--yes'],
      ['rollback', operation, '--yes'],
    ]) {
      const {code, stdout, stderr} = await lab.poolctl(['op', ...words])
      expect({words, code}).toEqual({words, code: 8})
      expect(stderr).toContain(`line 3 of the record ${file} cannot be read`)
      expect(stderr).toContain(`poolctl op resume ${operation} --from-host`)
      if (words[0] === 'list') expect(stdout).toMatch(new RegExp(`${operation} +unreadable`))
      else expect(stdout).toBe('')
    }
    expect(roles(await statusOf(lab))).toEqual(before)
    await writeFile(file, whole)
    expect((await lab.poolctl(['op', 'show', operation])).code).toBe(0)
    await expectHealthy(lab)
  })
})

/**
 * A way back that is made before the outage, on real servers, 13 to 15: where there is one standby, none can be held back. Their WAL is on
 * disks of their own; and in a second cluster there is a tablespace.
 */
import {chown, mkdir, readdir, readlink} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {runAsServer} from '../../src/lab/run.js'
import {LAB_DATABASE, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {expectHealthy} from '../support/e2e-checks.js'
import {amcheck, change, DONE, ending, sqlOn, startCheckedLab, underLedger, type SharedLab} from '../support/e2e-lab.js'
import {addTablespace, labIn, linkWal, OLD_TO_NEW, versionsOf, walPlace} from '../support/upgrade-lab.js'

let lab: SharedLab
let old: LabSpec
let backup: string

const hostOf = (id: number): string => old.nodes[id]?.address ?? ''
/** Names beside each node's WAL, and where its `pg_wal` leads. */
const walPlaces = (): Promise<[string[], string][]> =>
  Promise.all(
    old.nodes.map(async (node): Promise<[string[], string]> => {
      return [(await readdir(walPlace(node))).toSorted(), await readlink(join(node.data, 'pg_wal'))]
    }),
  )

const PREPARE = ['upgrade', 'prepare', '--to', '15']

async function beginKeeping(): Promise<void> {
  old = await requireSpec(lab.directory)
  const place = join(old.directory, 'kept')
  await mkdir(place)
  if (old.user.uid !== null) await chown(place, old.user.uid, old.user.gid ?? 0)
  backup = join(place, 'before 15')
}

describe.runIf(OLD_TO_NEW.possible)('a way back that is made before the outage', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: 13, nodes: 2})
    await beginKeeping()
    await linkWal(lab)
    await sqlOn(lab, 0, 'CREATE TABLE place (id int PRIMARY KEY, said text)', LAB_DATABASE)
    await sqlOn(lab, 0, "INSERT INTO place VALUES (1, 'before')", LAB_DATABASE)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('is asked for: a run with one standby is refused without it', async () => {
    expect(ending(await change(lab, PREPARE))).toEqual(DONE)
    for (const way of [[], ['--way-back', 'backup'], ['--way-back', 'command']]) {
      const refused = await change(lab, ['upgrade', 'run', '--to', '15', ...way, '--dry-run'])
      expect({exitCode: refused.exitCode, code: refused.error?.code}).toEqual({exitCode: 6, code: 'NO_WAY_BACK'})
      expect(refused.error?.hint).toContain('poolctl upgrade prepare --to 15 --way-back ')
    }
  })

  it('is a command of the site, run by name only and believed by its status', async () => {
    const words = (...list: string[]): string[] => list.flatMap((word) => ['--backup-command', word])
    const asked = await change(lab, [...PREPARE, '--way-back', 'command', ...words('true'), '--yes', '--no-input'])
    expect({exitCode: asked.exitCode, code: asked.error?.code}).toEqual({exitCode: 12, code: 'CONFIRMATION_NEEDED'})
    const command = [...PREPARE, '--confirm', 'lab', '--way-back', 'command']
    const failed = await change(lab, [...command, ...words('sh', '-c', 'echo no tape; exit 3')])
    expect({exitCode: failed.exitCode, code: failed.error?.code}).toEqual({exitCode: 7, code: 'JOB_FAILED'})
    expect(failed.error?.detail).toContain('no tape')
    const made = await change(lab, [...command, ...words('printf', '%s kept', 'a $HOME "b"')])
    expect(ending(made)).toEqual(DONE)
    expect(made.data?.facts['wayBack']).toEqual({said: 'a $HOME "b" kept'})
    const dry = await change(lab, ['upgrade', 'run', '--to', '15', '--way-back', 'command', '--dry-run'])
    expect(ending(dry)).toEqual(DONE)
  })

  it('is a base backup that is proved, taken while clients write, and never written over another', async () => {
    const args = [...PREPARE, '--way-back', 'backup', '--backup-dir', backup]
    const {result} = await underLedger(lab, () => change(lab, args))
    expect(ending(result)).toEqual(DONE)
    expect(result.data?.facts['wayBack']).toEqual({
      said: expect.stringMatching(/^verified by pg_verifybackup, \d+ bytes$/) as string,
    })
    await runAsServer(old, join(OLD_TO_NEW.bin.old, 'pg_verifybackup'), ['-q', backup])
    const again = await change(lab, args)
    expect({exitCode: again.exitCode, code: again.error?.code}).toEqual({exitCode: 7, code: 'JOB_FAILED'})
    expect(again.error?.detail).toContain('holds something')
    expect(await readdir(join(backup, '..'))).toEqual(['before 15'])
  })

  it('brings the old version back after the new one has served, as of the backup', async () => {
    await underLedger(lab, async () => {
      const args = ['--way-back', 'backup', '--window', '10m', '--confirm', 'lab']
      expect(ending(await change(lab, ['upgrade', 'run', '--to', '15', ...args]))).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
    })
    await sqlOn(lab, 0, "INSERT INTO place VALUES (2, 'after')", LAB_DATABASE)
    const answer = await change(lab, ['upgrade', 'rollback', '--confirm', 'lab'])
    expect({exitCode: answer.exitCode, why: answer.error}).toEqual({exitCode: 13, why: null})
    await labIn(lab, OLD_TO_NEW, 'old')
    expect(answer.data?.facts).toMatchObject({serving: 1, version: 13})
    expect(answer.data?.followUps).toEqual([
      `poolctl recovery 0 --method full --allow-foreign-data unreadable --yes --confirm ${hostOf(0)}`,
    ])
    expect(await versionsOf(lab)).toEqual(['down', '13'])
    expect(await sqlOn(lab, 1, 'SELECT said FROM place ORDER BY id', LAB_DATABASE)).toEqual(['before'])
    await underLedger(lab, async () => {
      for (const command of answer.data?.followUps ?? [])
        expect(ending(await change(lab, command.split(' ').slice(1)))).toEqual(DONE)
    })
    await expectHealthy(lab, 1)
    expect(await amcheck(lab, 0)).toBe('')
    // Until `upgrade prepare` makes the new clusters anew, theirs stays.
    expect(await walPlaces()).toEqual(old.nodes.map((node) => [['main', 'main-15'], walPlace(node, 'main')]))
  })
})

describe.runIf(OLD_TO_NEW.possible)('a backup of a cluster with a tablespace', () => {
  const far = async (id: number): Promise<string[]> => {
    const names = await readdir(join(old.directory, `far${id}`))
    return names.map((name) => name.replace(/_\d+$/, '')).toSorted()
  }

  beforeAll(async () => {
    lab = await startCheckedLab({postgres: 13, nodes: 2})
    await beginKeeping()
    await addTablespace(lab)
    await sqlOn(lab, 0, 'CREATE TABLE place (id int PRIMARY KEY, said text) TABLESPACE far', LAB_DATABASE)
    await sqlOn(lab, 0, "INSERT INTO place SELECT n, 'before' FROM generate_series(1, 3000) AS n", LAB_DATABASE)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('has it in one directory with all else, and is proved', async () => {
    const args = ['--way-back', 'backup', '--backup-dir', backup]
    expect(ending(await change(lab, [...PREPARE, ...args]))).toEqual(DONE)
    await runAsServer(old, join(OLD_TO_NEW.bin.old, 'pg_verifybackup'), ['-q', backup])
    const [oid = ''] = await readdir(join(backup, 'pg_tblspc'))
    expect((await readdir(join(backup, 'pg_tblspc', oid))).join()).toMatch(/^PG_13_\d+$/)
    expect([await far(0), await far(1)]).toEqual([['PG_13'], ['PG_13']])
  })

  it('brings its rows back, where the node has the tablespace', async () => {
    await underLedger(lab, async () => {
      const args = ['--way-back', 'backup', '--window', '10m', '--confirm', 'lab']
      expect(ending(await change(lab, ['upgrade', 'run', '--to', '15', ...args]))).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
    })
    await sqlOn(lab, 0, "UPDATE place SET said = 'after'", LAB_DATABASE)
    const answer = await change(lab, ['upgrade', 'rollback', '--confirm', 'lab'])
    expect({exitCode: answer.exitCode, why: answer.error}).toEqual({exitCode: 13, why: null})
    await labIn(lab, OLD_TO_NEW, 'old')
    expect(await versionsOf(lab)).toEqual(['down', '13'])
    expect(await sqlOn(lab, 1, 'SELECT said, count(*) FROM place GROUP BY said', LAB_DATABASE)).toEqual(['before|3000'])
    expect(await sqlOn(lab, 1, "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'far'")).toEqual([
      join(old.directory, 'far1'),
    ])
    expect(await far(1)).toEqual(['PG_13', 'PG_15'])
    expect(await amcheck(lab, 1)).toBe('')
    await sqlOn(lab, 1, "INSERT INTO place VALUES (0, 'again')", LAB_DATABASE)
  })
})

/**
 * An upgrade by clones from 13 to 15 on a file system that can share blocks, tablespace included: the old clusters of all nodes stay whole
 * and are a way back in seconds after the new version has served. Where the file system cannot, it is refused.
 */
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {runAsServer} from '../../src/lab/run.js'
import {LAB_DATABASE} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {expectHealthy, footprint} from '../support/e2e-checks.js'
import {amcheck, change, DONE, ending, sqlOn, startCheckedLab, underLedger, type SharedLab} from '../support/e2e-lab.js'
import {cloningFails, reflinkDisk} from '../support/reflink-disk.js'
import {addTablespace, labIn, OLD_TO_NEW, placeOf, versionsOf} from '../support/upgrade-lab.js'

const {from: FROM, to: TO, possible} = OLD_TO_NEW
const disk = possible ? await reflinkDisk() : {reason: 'both versions are not installed'}
const RUN = ['upgrade', 'run', '--to', String(TO), '--transfer', 'clone', '--confirm', 'lab']

let lab: SharedLab

const all = (major: number): string[] => [major, major, major].map(String)
const places = (): Promise<string[]> => sqlOn(lab, 0, 'SELECT said FROM place ORDER BY id', LAB_DATABASE)

describe.runIf(possible)('an upgrade by clones where the file system has none', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: FROM, nodes: 2})
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(TO)]))).toEqual(DONE)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('is refused before anything is changed, with what was tried on each node', async (context) => {
    if ((await cloningFails(lab.stateDirectory)) === null) return context.skip('this file system can clone')
    const before = await footprint(lab)
    const refused = await change(lab, RUN)
    expect(refused.exitCode).toBe(6)
    expect(refused.data?.refusals?.map(({code, node}) => ({code, node}))).toEqual([
      {code: 'CLONE_IMPOSSIBLE', node: 0},
      {code: 'CLONE_IMPOSSIBLE', node: 1},
    ])
    expect(refused.data?.refusals?.[0]?.message).toMatch(/ cannot clone a file of \S+data into \S+data-15: \S/)
    expect(await footprint(lab)).toEqual(before)
  })
})

describe.runIf('path' in disk)('an upgrade by clones on XFS', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: FROM, nodes: 3}, 'path' in disk ? disk.path : undefined)
    await addTablespace(lab)
    await sqlOn(lab, 0, 'CREATE TABLE place (id int PRIMARY KEY, said text) TABLESPACE far', LAB_DATABASE)
    await sqlOn(lab, 0, "INSERT INTO place VALUES (1, 'before')", LAB_DATABASE)
    await sqlOn(lab, 0, 'CREATE UNLOGGED TABLE scratch AS SELECT generate_series(1, 500)', LAB_DATABASE)
  })
  afterAll(async () => {
    await lab.end()
    if ('path' in disk) await disk.remove()
  })

  it('carries every node, loses no acknowledged write, and says what its way back is', async () => {
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(TO)]))).toEqual(DONE)
    const {result} = await underLedger(lab, async () => {
      const answer = await change(lab, RUN)
      expect(ending(answer)).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
      return answer
    })
    expect(result.data?.facts).toMatchObject({streaming: [1, 2], held: null, leftOut: [], wayBack: 'clones'})
    expect(result.data?.outage?.lostWrites).toBe(0)
    expect(await versionsOf(lab)).toEqual(all(TO))
    await expectHealthy(lab)
    for (const id of [0, 1, 2]) expect(await amcheck(lab, id)).toBe('')
    const {json} = await lab.poolctl(['upgrade', 'status', '--json'])
    const {data} = json as {data: {wayBack: string; next: string[]}}
    expect(data.wayBack).toMatch(/^the old clusters of nodes 0, 1, 2, without what was written since 20/)
    expect(data.next).toEqual(['poolctl upgrade rollback', 'poolctl upgrade finish'])
  })

  it('is gone back from after the new version has served: all nodes, whole, without what came since', async () => {
    await sqlOn(lab, 0, "INSERT INTO place VALUES (2, 'after')", LAB_DATABASE)
    const answer = await change(lab, ['upgrade', 'rollback', '--confirm', 'lab'])
    expect(ending(answer)).toEqual(DONE)
    expect(answer.data?.plan.steps.filter(({irreversible}) => irreversible).map(({id}) => id)).toEqual(['start-old-0'])
    await labIn(lab, OLD_TO_NEW, 'old')
    expect(await versionsOf(lab)).toEqual(all(FROM))
    expect(await places()).toEqual(['before'])
    await underLedger(lab, () => expectHealthy(lab))
    for (const id of [0, 1, 2]) expect(await amcheck(lab, id)).toBe('')
  })

  it('can be made again after that, and given up for good', async () => {
    await sqlOn(lab, 0, "INSERT INTO place VALUES (3, 'again')", LAB_DATABASE)
    // In a tablespace nobody but the site knows whose a directory is: it is named, with what removes it.
    const left = await change(lab, ['upgrade', 'prepare', '--to', String(TO)])
    const [refusal] = left.data?.refusals?.filter(({node}) => node === 0) ?? []
    expect({exitCode: left.exitCode, code: refusal?.code}).toEqual({exitCode: 6, code: 'TABLESPACE_LEFTOVER'})
    const [, place = ''] = /: rm -r (\S+)$/.exec(refusal?.hint ?? '') ?? []
    await runAsServer(await requireSpec(lab.directory), 'rm', ['-r', place])
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(TO)]))).toEqual(DONE)
    await underLedger(lab, async () => {
      expect(ending(await change(lab, RUN))).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
      expect(ending(await change(lab, ['upgrade', 'finish', '--confirm', 'lab']))).toEqual(DONE)
    })
    expect(await places()).toEqual(['before', 'again'])
    expect(await versionsOf(lab)).toEqual(all(TO))
    await expectHealthy(lab)
    for (const id of [0, 1, 2]) expect(await amcheck(lab, id)).toBe('')
    for (const node of (await requireSpec(lab.directory)).nodes)
      expect(existsSync(join(placeOf(node, OLD_TO_NEW, 'old'), 'PG_VERSION'))).toBe(false)
  })
})

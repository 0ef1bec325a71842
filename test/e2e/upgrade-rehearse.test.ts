/** A rehearsal on real servers, 13 to 15: nobody notices, the node is back, and the run takes about as long as it said. */
import {existsSync} from 'node:fs'
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {runAsServer} from '../../src/lab/run.js'
import {ActFailed} from '../../src/lib/errors.js'
import {LAB_DATABASE, standbyName, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {expectHealthy, expectNothingLeft, footprint, roles, slotsOn, statusOf} from '../support/e2e-checks.js'
import {
  amcheck,
  change,
  DONE,
  ending,
  sqlOn,
  startCheckedLab,
  underLedger,
  type Answer,
  type SharedLab,
} from '../support/e2e-lab.js'
import {labIn, OLD_TO_NEW} from '../support/upgrade-lab.js'

let lab: SharedLab
let spec: LabSpec

/** The one rehearsal that has not ended, killed at a place of its plan. */
async function killedAt(place: string, args: string[]): Promise<string> {
  const killed = await lab.poolctl(['upgrade', 'rehearse', '--to', '15', '--on', '2', ...args, '--yes', '--json'], {
    env: {POOLCTL_CRASH_AT: place},
  })
  expect(killed.signal).toBe('SIGKILL')
  const list = await lab.poolctl(['op', 'list', '--json'])
  const {operations} = (list.json as {data: {operations: {operation: string; verb: string}[]}}).data
  const open = operations.filter(({verb}) => verb === 'upgrade-rehearse')
  return open.at(-1)?.operation ?? ''
}

const codesOf = ({warnings}: Answer): string[] => warnings.map(({code}) => code)

async function expectBack(): Promise<void> {
  await expectHealthy(lab)
  await expectNothingLeft(lab, 2)
  expect(existsSync(`${spec.nodes[2]?.data ?? ''}-15-rehearsal`)).toBe(false)
  expect(await amcheck(lab, 2)).toBe('')
}

async function smokeFile(sql: string): Promise<string> {
  const path = join(lab.directory, 'smoke.sql')
  await writeFile(path, sql)
  return path
}

describe.runIf(OLD_TO_NEW.possible)('a rehearsal from 13 to 15', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: 13, nodes: 3})
    spec = await requireSpec(lab.directory)
    await sqlOn(
      lab,
      0,
      'CREATE TABLE place AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 50000) n',
      LAB_DATABASE,
    )
  })
  afterAll(async () => {
    await lab.end()
  })

  it('shows its plan in a dry run that changes nothing', async () => {
    const before = {roles: roles(await statusOf(lab)), files: await footprint(lab)}
    const dry = await change(lab, ['upgrade', 'rehearse', '--to', '15', '--dry-run'])
    expect(ending(dry)).toEqual(DONE)
    expect(dry.data?.plan.steps.filter(({irreversible}) => irreversible).map(({id}) => id)).toEqual(['promote-alone'])
    expect({roles: roles(await statusOf(lab)), files: await footprint(lab)}).toEqual(before)
    // Of a rehearsal nobody has to be told that there was none.
    expect(codesOf(dry)).not.toContain('NOT_REHEARSED')
    expect(codesOf(await change(lab, ['upgrade', 'prepare', '--to', '15', '--dry-run']))).toContain('NOT_REHEARSED')
  })

  it('goes well while clients write, and leaves the node as it was', async () => {
    const smoke = await smokeFile(
      "SELECT count(*) FROM pg_database;\nSELECT 1 / (current_setting('server_version_num')::int / 150000);\n",
    )
    const {result} = await underLedger(lab, () =>
      change(lab, ['upgrade', 'rehearse', '--to', '15', '--on', '2', '--smoke', smoke, '--yes']),
    )
    expect(ending(result)).toEqual(DONE)
    const facts = result.data?.facts as {passed: boolean; smoke: {name: string; error: string | null}[]}
    expect(facts.passed).toBe(true)
    expect(facts.smoke.map(({name, error}) => [name, error])).toEqual([
      ['first row of every table in postgres', null],
      [`first row of every table in ${LAB_DATABASE}`, null],
      ['first row of every table in template1', null],
      ['your queries', null],
    ])
    await expectBack()
  })

  it('that is killed before the promotion is rolled back: the standby streams and serves again', async () => {
    await underLedger(lab, async () => {
      const operation = await killedAt('after-act:start-alone', [])
      const back = await change(lab, ['op', 'rollback', operation, '--yes'])
      expect({exitCode: back.exitCode, code: back.error?.code}).toEqual({exitCode: 7, code: 'ROLLED_BACK_ON_REQUEST'})
    })
    await expectBack()
  })

  it('is out of reach while it lasts, killed or not, and brings the node back when a query fails', async () => {
    const smoke = await smokeFile('SELECT 1;\nSELECT 1 / 0;\n')
    await underLedger(lab, async () => {
      const operation = await killedAt('after-done:rehearse-stop', ['--smoke', smoke])
      // Whoever starts the promoted copy as the site would gets no second primary: there is no socket to listen on.
      const data = spec.nodes[2]?.data ?? ''
      const stray = await runAsServer(spec, join(OLD_TO_NEW.bin.old, 'postgres'), ['-D', data], {
        withinMs: 10_000,
      }).catch((error: unknown) => (error instanceof ActFailed ? (error.detail ?? error.message) : String(error)))
      expect(stray).toContain('no socket created for listening')
      const again = await lab.poolctl(['op', 'resume', operation, '--yes', '--json'], {
        env: {POOLCTL_CRASH_AT: 'after-done:rehearse-start'},
      })
      expect(again.signal).toBe('SIGKILL')
      // The new version runs now, and nobody sees it.
      expect(roles(await statusOf(lab))[2]).toBe('node 2: standby down; unreachable')
      expect(await slotsOn(lab, 0)).toEqual([`${standbyName(1)}|t`])
      const refused = await change(lab, ['op', 'rollback', operation, '--yes'])
      expect({exitCode: refused.exitCode, code: refused.error?.code}).toEqual({
        exitCode: 6,
        code: 'PAST_POINT_OF_NO_RETURN',
      })
      const resumed = await change(lab, ['op', 'resume', operation, '--yes'])
      expect({exitCode: resumed.exitCode, code: resumed.error?.code}).toEqual({exitCode: 7, code: 'REHEARSAL_FAILED'})
      expect(resumed.error?.detail).toContain('your queries: ')
      expect(resumed.error?.detail).toContain('division by zero')
    })
    await expectBack()
  })

  it('is the forecast of the run, which compares itself with it', async () => {
    const prepared = await change(lab, ['upgrade', 'prepare', '--to', '15'])
    expect(ending(prepared)).toEqual(DONE)
    expect(codesOf(prepared)).not.toContain('NOT_REHEARSED')
    const short = await change(lab, [
      'upgrade',
      'run',
      '--to',
      '15',
      '--window',
      '17s',
      '--way-back',
      'none',
      '--dry-run',
    ])
    expect({exitCode: short.exitCode, code: short.error?.code}).toEqual({exitCode: 6, code: 'WINDOW_TOO_SHORT'})
    const {result} = await underLedger(lab, async () => {
      const args = ['--window', '10m', '--way-back', 'none', '--confirm', 'lab']
      const answer = await change(lab, ['upgrade', 'run', '--to', '15', ...args])
      expect(ending(answer)).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
      return answer
    })
    const {forecast} = result.data?.facts as {
      forecast: {forecastOutageSeconds: number; outageSeconds: number; ratio: number; basis: string}
    }
    const stopped = result.data?.outage?.writesStoppedSeconds ?? 0
    // Printed and not asserted: how busy the machine was is no property of the code.
    process.stdout.write(
      `forecast ${forecast.forecastOutageSeconds.toFixed(1)} s, took ${forecast.outageSeconds.toFixed(1)} s (ratio ${forecast.ratio.toFixed(2)}), writes stopped ${stopped.toFixed(1)} s\n`,
    )
    expect(forecast.basis).toMatch(/^rehearsal upgrade-rehearse-\S+ on node 2 at /)
    expect(forecast.ratio).toBeCloseTo(forecast.outageSeconds / forecast.forecastOutageSeconds, 5)
    const written = await lab.poolctl(['upgrade', 'report', result.data?.operation ?? '', '--directory', lab.directory])
    expect(written.code).toBe(0)
    const page = await readFile(join(lab.directory, `${result.data?.operation ?? ''}.md`), 'utf8')
    expect(page).toContain('forecast')
    await expectHealthy(lab)
  })
})

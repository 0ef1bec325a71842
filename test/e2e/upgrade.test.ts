/** A major upgrade on real servers, 13 to 15 unless POOLCTL_UPGRADE says otherwise (15:17, 17:18:swap): everything there afterwards, nothing acknowledged lost, and the way back before its end. */
import {existsSync} from 'node:fs'
import {appendFile, mkdtemp, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {LAB_DATABASE, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import type {UpgradeStatusData} from '../../src/report/upgrade-status.js'
import {browse, browserInstalled} from '../support/browser.js'
import {expectHealthy, footprint, roles, statusOf} from '../support/e2e-checks.js'
import {amcheck, change, DONE, ending, sqlOn, startCheckedLab, underLedger, type SharedLab} from '../support/e2e-lab.js'
import {
  addTablespace,
  expectRolledBack,
  forgetColumnNotes,
  labIn,
  versionPair,
  versionsOf,
} from '../support/upgrade-lab.js'

const [from, to, transfer = 'link'] = (process.env['POOLCTL_UPGRADE'] ?? '13:15').split(':')
const VERSIONS = versionPair(Number(from), Number(to))
const {from: FROM, to: TO} = VERSIONS
const {new: NEW} = VERSIONS.bin

let lab: SharedLab
let spec: LabSpec

const CONTENT = `
CREATE ROLE reporter LOGIN PASSWORD 'report secret';
CREATE TABLE place (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO place SELECT n, md5(n::text) FROM generate_series(1, 3000) n;
CREATE INDEX place_name ON place (name);
CREATE TABLE elsewhere (id int PRIMARY KEY, body text) TABLESPACE far;
INSERT INTO elsewhere SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 2000) n;
CREATE UNLOGGED TABLE scratch (id int);
INSERT INTO scratch SELECT generate_series(1, 500);
CREATE SEQUENCE ticket START 41;
SELECT nextval('ticket');
CREATE EXTENSION pg_trgm;
SELECT lo_from_bytea(4711, decode(repeat('c0ffee', 1000), 'hex'));
GRANT SELECT ON place TO reporter;
ALTER ROLE reporter SET work_mem = '7MB';
ALTER DATABASE ${LAB_DATABASE} SET myapp.region = 'north';
`

const IDS = [0, 1, 2]
const LATE_RULE = 'host all latecomer 192.0.2.1/32 reject'

/** What somebody does between `upgrade prepare` and the night of the run. */
async function changedSince(id: number): Promise<void> {
  await sqlOn(lab, id, `ALTER SYSTEM SET work_mem = '${id + 5}MB'`)
  await appendFile(join(dataOf(id), 'pg_hba.conf'), `${LATE_RULE}\n`)
}

function dataOf(id: number): string {
  return spec.nodes[id]?.data ?? ''
}

/** What clients would miss: rows, sequence, large object, rights, settings, secrets, extensions. */
async function digest(node: number): Promise<string[]> {
  const text = await sqlOn(
    lab,
    node,
    `SELECT 'place', count(*), md5(string_agg(p::text, ',' ORDER BY id)) FROM place p
UNION ALL SELECT 'elsewhere', count(*), md5(string_agg(e::text, ',' ORDER BY id)) FROM elsewhere e
UNION ALL SELECT 'ticket', last_value, is_called::text FROM ticket
UNION ALL SELECT 'large object', loid::bigint, md5(string_agg(data, '' ORDER BY pageno)) FROM pg_largeobject GROUP BY loid
UNION ALL SELECT 'grants', count(*), string_agg(grantee || privilege_type, ',' ORDER BY 1) FROM information_schema.role_table_grants WHERE table_name = 'place' AND grantee = 'reporter'
UNION ALL SELECT 'settings', count(*), string_agg(setconfig::text, ',' ORDER BY setconfig::text) FROM pg_db_role_setting
UNION ALL SELECT 'index', count(*), max(indexname) FROM pg_indexes WHERE tablename = 'place'
UNION ALL SELECT 'tablespace', count(*), max(t.spcname) FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE c.relname = 'elsewhere'`,
    LAB_DATABASE,
  )
  const secrets = await sqlOn(
    lab,
    node,
    'SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL ORDER BY 1',
  )
  const second = await sqlOn(lab, node, 'SELECT count(*), sum(n) FROM numbers', 'second')
  return [...text, ...secrets, ...second]
}

/** A swap brings the files of sequences over, and a standby's own says how far the primary may count without a word in WAL. */
const asOnPrimary = (row: string): string =>
  transfer === 'swap' ? row.replace(/^ticket\|(\d+)/, (_, value) => `ticket|${Number(value) >= 41 ? 41 : value}`) : row

const all = (major: number): string[] => spec.nodes.map(() => String(major))

/** On a machine that has nothing but the cluster file: what is told comes from the hosts. */
async function expectUnderWay(): Promise<void> {
  const elsewhere = await mkdtemp(join(tmpdir(), 'poolctl-elsewhere-'))
  try {
    const asked = await lab.poolctl(['upgrade', 'status', '--json'], {env: {POOLCTL_STATE_DIR: elsewhere}})
    const {data} = asked.json as {data: UpgradeStatusData}
    expect(data).toMatchObject({phase: 'under-way', underWay: {pastNoReturn: false, verdict: 'go'}})
    expect(data.underWay?.step?.number).toBeGreaterThan(10)
    expect(data.underWay?.elapsedSeconds).toBeGreaterThan(1)
    expect(Date.parse(data.underWay?.latestDecisionAt ?? '')).toBeGreaterThan(Date.now())
    expect(data.next.some((command) => command.includes('op rollback'))).toBe(true)
  } finally {
    await rm(elsewhere, {recursive: true, force: true})
  }
}

describe.runIf(VERSIONS.possible)(`an upgrade from ${FROM} to ${TO}`, () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: FROM, nodes: 3})
    spec = await requireSpec(lab.directory)
    await addTablespace(lab)
    await sqlOn(lab, 0, CONTENT, LAB_DATABASE)
    await sqlOn(lab, 0, 'CREATE DATABASE second')
    await sqlOn(lab, 0, 'CREATE TABLE numbers AS SELECT generate_series(1, 1000) AS n', 'second')
    if (FROM === 17) await forgetColumnNotes(lab)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('is refused before it is prepared, and is prepared while clients write, twice without harm', async () => {
    const early = await change(lab, ['upgrade', 'run', '--to', `${TO}`, '--confirm', 'lab'])
    expect({
      exitCode: early.exitCode,
      codes: early.data?.refusals?.map(({code}) => code) ?? [early.error?.code],
    }).toEqual({exitCode: 6, codes: ['UPGRADE_NOT_PREPARED', 'UPGRADE_NOT_PREPARED', 'UPGRADE_NOT_PREPARED']})
    const before = await footprint(lab)
    for (const asked of [['--dry-run'], ['--yes', '--confirm', 'lab']]) {
      const whole = await change(lab, ['upgrade', '--to', `${TO}`, '--min-standbys', '2', ...asked])
      expect({exitCode: whole.exitCode, code: whole.error?.code}).toEqual({exitCode: 6, code: 'TOO_FEW_STANDBYS'})
    }
    const both = await lab.poolctl(['upgrade', '--to', `${TO}`, '--dry-run'])
    expect({code: both.code, plans: both.stdout.match(/^Plan: [\w-]+/gm)}).toEqual({
      code: 0,
      plans: ['Plan: upgrade-prepare', 'Plan: upgrade-run'],
    })
    expect(await footprint(lab)).toEqual(before)
    await underLedger(lab, async () => {
      for (let round = 0; round < 2; round += 1) {
        expect(ending(await change(lab, ['upgrade', 'prepare', '--to', `${TO}`]))).toEqual(DONE)
      }
    })
    const conf = await readFile(join(`${dataOf(0)}-${TO}`, 'postgresql.conf'), 'utf8')
    expect(conf).toContain("include 'node.conf'")
  })

  it('shows its plan in a dry run that changes nothing', async () => {
    const before = {roles: roles(await statusOf(lab)), files: await footprint(lab)}
    const dry = await change(lab, ['upgrade', 'run', '--to', `${TO}`, '--window', '10m', '--dry-run'])
    expect(ending(dry)).toEqual(DONE)
    expect(dry.data?.plan.steps.filter(({irreversible}) => irreversible).map(({id}) => id)).toEqual(['start-primary'])
    const text = await lab.poolctl(['upgrade', 'run', '--to', `${TO}`, '--window', '10m', '--dry-run'])
    const hosts = spec.nodes.map(({address}) => address)
    expect(text.code).toBe(0)
    // Hosts of a step over several, what is typed there, the bytes of it, its seconds, and the line before what cannot be taken back.
    expect(text.stdout.replaceAll(/\s+/g, ' ')).toContain(`(${hosts.slice(1).join(', ')}; not measured)`)
    expect(text.stdout).toContain(`PGDATA=${dataOf(0)} ${spec.bin}/pg_ctl stop -m fast -w`)
    expect(text.stdout).toContain(`${NEW}/pg_upgrade --link --no-sync --jobs=2 -b ${spec.bin} -B ${NEW}`)
    expect(text.stdout).toMatch(/ sends \d+(\.\d)? MB at most\n/)
    expect(text.stdout).toMatch(/\n---- POINT OF NO RETURN.*\n *\d+\. start version/)
    expect({roles: roles(await statusOf(lab)), files: await footprint(lab)}).toEqual(before)
  })

  it('that is killed after pg_upgrade goes back to the old cluster, which serves all that was acknowledged', async () => {
    const before = await digest(0)
    await underLedger(lab, async () => {
      const killed = await lab.poolctl(
        ['upgrade', 'run', '--to', `${TO}`, '--window', '10m', '--way-back', 'none', '--confirm', 'lab', '--json'],
        {env: {POOLCTL_CRASH_AT: 'after-done:pg-upgrade'}},
      )
      expect(killed.signal).toBe('SIGKILL')
      await expectUnderWay()
      await expectRolledBack(lab)
    })
    expect(await versionsOf(lab)).toEqual(all(FROM))
    expect(await digest(0)).toEqual(before)
    await expectHealthy(lab)
  })

  it('that would miss its window goes back by itself', async () => {
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', `${TO}`]))).toEqual(DONE)
    const {result} = await underLedger(lab, () =>
      change(lab, ['upgrade', 'run', '--to', `${TO}`, '--window', '16s', '--way-back', 'none', '--confirm', 'lab']),
    )
    expect({exitCode: result.exitCode, code: result.error?.code}).toEqual({exitCode: 7, code: 'WINDOW_WOULD_BE_MISSED'})
    expect(await versionsOf(lab)).toEqual(all(FROM))
    await expectHealthy(lab)
  })

  it('carries everything, loses no acknowledged write, and has both standbys back', async () => {
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', `${TO}`]))).toEqual(DONE)
    for (const id of IDS) await changedSince(id)
    const before = await digest(0)
    const {result} = await underLedger(lab, async () => {
      const args = ['--transfer', transfer, '--window', '10m', '--way-back', 'none', '--confirm', 'lab']
      const answer = await change(lab, ['upgrade', 'run', '--to', `${TO}`, ...args])
      expect({...ending(answer), leftOut: answer.data?.facts['leftOut']}).toEqual({...DONE, leftOut: []})
      spec = await labIn(lab, VERSIONS, 'new')
      return answer
    })
    expect(result.data?.facts).toMatchObject({from: FROM, to: TO, streaming: [1, 2], held: null, leftOut: []})
    expect(result.data?.outage?.lostWrites).toBe(0)
    expect(await versionsOf(lab)).toEqual(all(TO))
    expect(await digest(0)).toEqual(before)
    for (const id of [1, 2]) expect((await digest(id)).map(asOnPrimary)).toEqual(before.map(asOnPrimary))
    await expectHealthy(lab)
    for (const id of IDS) {
      expect(await amcheck(lab, id)).toBe('')
      expect(await sqlOn(lab, id, 'SHOW work_mem')).toEqual([`${id + 5}MB`])
      expect(await readFile(join(dataOf(id), 'pg_hba.conf'), 'utf8')).toContain(LATE_RULE)
    }
    expect(await sqlOn(lab, 0, 'SELECT count(*) FROM scratch', LAB_DATABASE)).toEqual(['500'])
  })
})

/** The page of the last run as a browser shows it, on a machine where `upgrade check` was never asked for. */
async function expectReport(wayBack: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'poolctl-page-'))
  try {
    const written = await lab.poolctl(['upgrade', 'report', '--directory', home, '--json'])
    const {data} = written.json as {data: {operation: string; html: string; markdown: string}}
    expect(data.operation).toMatch(/^upgrade-run-/)
    const markdown = await readFile(data.markdown, 'utf8')
    expect(markdown).toContain(`$ ${NEW}/pg_upgrade --${transfer} `)
    const page = browserInstalled
      ? (await browse(home, 'profile', ['--dump-dom', `file://${data.html}`])).stdout
      : await readFile(data.html, 'utf8')
    for (const {address} of spec.nodes) {
      const [, lane = ''] = page.split(`<g class="lane" data-host="${address}">`)
      const own = lane.split('<g class="lane"')[0] ?? ''
      expect(own).toContain('data-step="leave-note"')
      expect(own.includes('data-step="pg-upgrade"')).toBe(address === spec.nodes[0]?.address)
      expect(own.includes('data-step="stop-standbys"')).toBe(address !== spec.nodes[0]?.address)
    }
    for (const text of [page, markdown]) {
      expect(text).toContain(wayBack)
      expect(text).toMatch(/node 2 \(\S+\), held back as the old cluster/)
      expect(text).toMatch(new RegExp(String.raw`Checks of .*: ready`))
      expect(text).toMatch(new RegExp(String.raw`\b${FROM}\.\d+[\s\S]{1,80}\b${TO}\.\d+`))
    }
  } finally {
    await rm(home, {recursive: true, force: true})
  }
}

describe.runIf(VERSIONS.possible)('the whole migration in one command', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: FROM, nodes: 3})
    spec = await requireSpec(lab.directory)
    if (FROM === 17) await forgetColumnNotes(lab)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('keeps a standby as the way back until it is given up, and then has every node in the new version', async () => {
    const {result} = await underLedger(lab, async () => {
      const answer = await change(lab, [
        ...['upgrade', '--to', `${TO}`, '--transfer', transfer, '--window', '10m'],
        ...['--yes', '--confirm', 'lab'],
      ])
      expect(ending(answer)).toEqual(DONE)
      spec = await labIn(lab, VERSIONS, 'new')
      return answer
    })
    expect(result.data?.facts).toMatchObject({from: FROM, to: TO, streaming: [1], held: 2, leftOut: []})
    expect(result.data?.outage?.lostWrites).toBe(0)
    const {json} = await lab.poolctl(['upgrade', 'status', '--json'])
    const {data} = json as {data: {phase: string; next: string[]; nodes: {role: string; serves: number | null}[]}}
    expect({phase: data.phase, next: data.next, nodes: data.nodes.map(({role, serves}) => [role, serves])}).toEqual({
      phase: 'opened',
      next: ['poolctl upgrade rollback', 'poolctl upgrade finish'],
      nodes: [
        ['primary', TO],
        ['standby', TO],
        ['held', null],
      ],
    })
    await expectReport('until upgrade finish')
    await underLedger(lab, async () => {
      expect(ending(await change(lab, ['upgrade', 'finish', '--yes', '--confirm', 'lab']))).toEqual(DONE)
    })
    expect(await versionsOf(lab)).toEqual(all(TO))
    await expectReport(`until ${new Date().toISOString().slice(0, 10)}`)
    for (const {data: place} of spec.nodes) expect(existsSync(place.slice(0, -`-${TO}`.length))).toBe(false)
    await expectHealthy(lab)
  })
})

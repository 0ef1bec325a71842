/** The look itself, on ports that answer what they are asked for and nothing else: what no pgpool names is not asked. */
import {describe, expect, test} from 'vitest'
import type {PoolAdmin, PoolShow} from '../../../../src/ports/pool-admin.js'
import type {Postgres} from '../../../../src/ports/postgres.js'
import {CHECKS} from '../../../../src/operations/doctor/catalog.js'
import {judge} from '../../../../src/operations/doctor/doctor.js'
import {viewsOf} from '../../../../src/operations/doctor/needs.js'
import type {Look, Snapshot} from '../../../../src/operations/doctor/snapshot.js'
import {takeSnapshot, type DoctorWorld} from '../../../../src/operations/doctor/survey.js'
import {Unreachable} from '../../../../src/lib/errors.js'
import {healthySnapshot, unseen, valueOf, type TestSnapshot} from '../../../support/doctor-snapshot.js'
import {fakeAdmin, fakeShow} from '../../../support/fake-pools.js'

function answer<T>(look: Look<T>): Promise<T> {
  if (look.seen) return Promise.resolve(look.value)
  return Promise.reject(new Unreachable({code: look.code, message: look.reason}))
}

function poolOf({name, config, pcp, sql, host}: TestSnapshot['pools'][number]): DoctorWorld['pools'][number] {
  return {
    name,
    host: config.host,
    onHost: null,
    config: () => Promise.resolve(null),
    admin: async (): Promise<PoolAdmin> => fakeAdmin({parameters: Object.fromEntries((await answer(pcp)).parameters)}),
    show: async (): Promise<PoolShow> => {
      const {settings, version} = await answer(sql)
      return fakeShow(settings, {version: () => Promise.resolve(version)})
    },
    machine: {
      look: () => answer(host),
      tryHook: (program, {down, next}) =>
        Promise.resolve({
          program,
          error: program.endsWith('failover.sh') ? `${down.id} ${next.id} ${next.data}` : null,
        }),
    },
  }
}

/** Roles, scripts and databases only where they are asked for by name. */
function worldOf(site: TestSnapshot): {world: DoctorWorld; asked: Set<string>} {
  const asked = new Set<string>()
  const world: DoctorWorld = {
    file: site.file,
    pools: site.pools.map(poolOf),
    postgres: (id) =>
      ({
        facts: () => answer(site.nodes[id]!.server),
        recoveryExtension: (database: string) => {
          asked.add(`database ${database}`)
          return database === 'shop'
            ? Promise.reject(new Unreachable({code: 'POSTGRES_UNREACHABLE', message: 'no pg_hba.conf entry'}))
            : Promise.resolve({available: true, installed: true, parameters: 7})
        },
      }) as unknown as Postgres,
    server: (id) => ({
      facts: async (names) => {
        for (const name of names) asked.add(`role ${name}`)
        const {more} = await answer(site.nodes[id]!.server)
        return {...more, roles: more.roles.filter(({name}) => names.includes(name))}
      },
      refusesLogin: ({user, database, password}) => {
        asked.add(`login ${user} ${database} ${password.reveal()} at ${id}`)
        return Promise.resolve(password.reveal() === 'wrong' ? 'password authentication failed' : null)
      },
    }),
    machine: (id) => ({
      look: async (names) => {
        for (const name of names) asked.add(`script ${name}`)
        const host = await answer(site.nodes[id]!.host)
        return {...host, scripts: names.map((name) => ({name, state: 'executable' as const}))}
      },
      link: () => Promise.resolve({sshError: null, rsyncError: null, hardLinks: true, loginError: null}),
    }),
  }
  return {world, asked}
}

const VIEWS = new Set(CHECKS.flatMap(viewsOf))

async function examined(site: TestSnapshot): Promise<{snapshot: Snapshot; asked: Set<string>; findings: string[]}> {
  const {world, asked} = worldOf(site)
  const snapshot = await takeSnapshot(world, VIEWS, () => undefined)
  const findings = judge(snapshot, CHECKS).checks.flatMap((check) => check.findings.map(({code}) => code))
  return {snapshot, asked, findings}
}

function silence(site: TestSnapshot, index: number): void {
  Object.assign(site.pools[index]!, {
    pcp: unseen('PCP_UNREACHABLE', 'refused'),
    watchdog: unseen('PCP_UNREACHABLE', 'refused'),
    sql: unseen('POSTGRES_UNREACHABLE', 'refused'),
  })
}

describe('the look of the doctor', () => {
  test('with the first pgpool down accuses the others of nothing', async () => {
    const site = healthySnapshot(3)
    silence(site, 0)
    expect((await examined(site)).findings).toEqual(['PCP_SILENT', 'WATCHDOG_OFF'])
  })

  test('asks for what any pgpool names, for single nodes too, and once', async () => {
    const site = healthySnapshot(3)
    silence(site, 0)
    const set = (pool: number, values: Record<string, string>): void => {
      for (const [name, value] of Object.entries(values)) valueOf(site.pools[pool]!.sql).settings.set(name, value)
    }
    set(1, {sr_check_user: 'watcher', health_check_user2: 'nurse', recovery_1st_stage_command: 'first'})
    set(2, {recovery_2nd_stage_command: 'second', recovery_database: 'postgres'})
    const {asked} = await examined(site)
    expect([...asked].toSorted()).toEqual([
      'database postgres',
      'database template1',
      'role nurse',
      'role pgpool',
      'role postgres',
      'role repl',
      'role watcher',
      'script first',
      'script pgpool_remote_start',
      'script second',
    ])
  })

  test('does not take a server for dead because one of its databases lets nobody in', async () => {
    const site = healthySnapshot()
    valueOf(site.pools[0]!.sql).settings.set('recovery_database', 'shop')
    const {snapshot, findings} = await examined(site)
    expect(findings).toEqual([])
    const check = judge(snapshot, CHECKS).checks.find(({id}) => id === 'recovery-extension')!
    expect([check.status, check.blind[0]]).toEqual(['unknown', {node: 0, pool: null, reason: 'no pg_hba.conf entry'}])
  })

  const logins = (asked: ReadonlySet<string>): string[] =>
    [...asked].filter((one) => one.startsWith('login')).toSorted()

  test('tries the logins whose passwords stand in pgpool.conf, for each node with its own, and no others', async () => {
    const site = healthySnapshot()
    const {settings} = valueOf(site.pools[0]!.sql)
    for (const [name, value] of Object.entries({sr_check_database: 'shop', health_check_user1: 'nurse'}))
      settings.set(name, value)
    const text = [
      "sr_check_password = 'TEXTcanary'",
      "health_check_password1 = 'wrong'",
      "recovery_password = 'AESabcdef'",
      '',
    ]
    valueOf(site.pools[0]!.host).configText = text.join('\n')
    for (const {server} of site.nodes)
      valueOf(server).more.roles.push({
        name: 'nurse',
        login: true,
        superuser: false,
        replication: false,
        monitor: false,
      })
    const {asked, snapshot, findings} = await examined(site)
    expect(logins(asked)).toEqual([
      'login nurse postgres wrong at 1',
      ...[0, 1, 2].map((id) => `login pgpool shop canary at ${id}`),
    ])
    expect(JSON.stringify(snapshot.logins)).not.toMatch(/canary|wrong/)
    expect(findings).toContain('POOL_USER_LOGIN_FAILS')
  })

  test("tries poolctl's hooks, each once, with the nodes that pgpool would name", async () => {
    const made = (): TestSnapshot => {
      const site = healthySnapshot()
      const {settings} = valueOf(site.pools[0]!.sql)
      settings.set('failover_command', '"/etc/pgpool2/failover.sh" %d "%H"')
      settings.set('follow_primary_command', '"/etc/pgpool2/follow_primary.sh" %d "%H"')
      valueOf(site.pools[0]!.host).madeHooks = ['/etc/pgpool2/failover.sh', '/etc/pgpool2/follow_primary.sh']
      return site
    }
    const site = made()
    const {snapshot} = await examined(site)
    expect(valueOf(snapshot.pools[0]!.hooks)).toEqual([
      {program: '/etc/pgpool2/failover.sh', error: `0 1 ${site.nodes[1]!.config.data}`},
      {program: '/etc/pgpool2/follow_primary.sh', error: null},
    ])
    const other = made()
    valueOf(other.pools[0]!.host).runsAs = 'pgpool'
    expect((await examined(other)).snapshot.pools[0]!.hooks).toEqual({
      seen: false,
      code: 'unexpected',
      reason: 'pgpool runs as pgpool, and SSH ends at user postgres: what its hooks can do was not tried',
    })
  })

  test('cannot be changed by a check', async () => {
    const {snapshot} = await examined(healthySnapshot())
    expect(Object.isFrozen(snapshot.nodes[0]!.server)).toBe(true)
  })
})

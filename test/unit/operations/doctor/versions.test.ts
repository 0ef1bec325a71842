/** Every row of the tables of faults: found in the release before the one that mended it, and in no other configuration. */
import {describe, expect, test} from 'vitest'
import {CHECKS} from '../../../../src/operations/doctor/catalog.js'
import {POOL_FAULTS} from '../../../../src/operations/doctor/checks/pool-faults.js'
import {SERVER_FAULTS} from '../../../../src/operations/doctor/checks/versions.js'
import {runCheck} from '../../../../src/operations/doctor/check.js'
import {healthySnapshot, valueOf, type TestSnapshot} from '../../../support/doctor-snapshot.js'

type Change = (site: TestSnapshot) => void

const conf =
  (values: Record<string, string>): Change =>
  ({pools}) => {
    for (const [name, value] of Object.entries(values)) valueOf(pools[0]!.sql).settings.set(name, value)
  }

/** A configuration that meets each fault, in the order of the table. */
const MEETS: readonly Change[] = [
  conf({memory_cache_enabled: 'on'}),
  (site) => {
    valueOf(site.pools[0]!.host).hbaMethods = ['password']
  },
  conf({use_watchdog: 'on', wd_lifecheck_method: 'query'}),
  conf({follow_primary_command: '/etc/pgpool2/follow_primary.sh %d'}),
  () => undefined,
  conf({backend_flag0: 'ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER'}),
  conf({auto_failback: 'on'}),
  conf({failover_command: '/etc/pgpool2/failover.sh %d %H', recovery_1st_stage_command: 'recovery_1st_stage'}),
]

function poolFaults(version: string, change: Change): string[] {
  const site = healthySnapshot()
  change(site)
  valueOf(site.pools[0]!.sql).version = version
  const check = CHECKS.find(({id}) => id === 'pgpool-version')!
  return runCheck(check, site).findings.map(({message}) => message)
}

const has = (messages: readonly string[], what: string): boolean => messages.some((message) => message.includes(what))

function previous(version: string): string | null {
  const [a = '', b = '', patch = ''] = version.split('.')
  if (patch !== '0') return `${a}.${b}.${Number(patch) - 1}`
  return b === '0' ? null : `${a}.${Number(b) - 1}.99`
}

describe('the known faults of Pgpool-II', () => {
  test('each have a configuration here that meets them', () => {
    expect(MEETS).toHaveLength(POOL_FAULTS.length)
  })

  test.each(POOL_FAULTS.map((fault, index) => [fault.what, fault, MEETS[index]!] as const))(
    '%s',
    (what, fault, meets) => {
      for (const fixed of fault.fixed) {
        const bad = previous(fixed)
        if (bad !== null) expect([bad, has(poolFaults(bad, meets), what)]).toEqual([bad, true])
        expect([fixed, has(poolFaults(fixed, meets), what)]).toEqual([fixed, false])
      }
      expect(has(poolFaults('4.99.0', meets), what)).toBe(false)
      expect(has(poolFaults('3.7.0', meets), what)).toBe(fault.otherBranches !== false)
    },
  )

  test('are none of a configuration that does not meet them', () => {
    for (const {what, fixed} of POOL_FAULTS.filter((_, index) => index !== 4))
      expect(
        has(
          poolFaults(previous(fixed[0]!)!, () => undefined),
          what,
        ),
      ).toBe(false)
  })

  test("leave Debian's release in the configuration of a lab alone", () => {
    expect(poolFaults('4.3.5', () => undefined)).toEqual([])
  })

  test('say the release of the own branch, and that a distribution may have mended it', () => {
    const site = healthySnapshot()
    MEETS[0]!(site)
    valueOf(site.pools[0]!.sql).version = '4.3.11'
    const [finding] = runCheck(
      CHECKS.find(({id}) => id === 'pgpool-version')!,
      site,
    ).findings
    expect([finding?.severity, finding?.remedy]).toEqual([
      'critical',
      'upgrade to 4.3.12 or later (a distribution may have patched it under the old number)',
    ])
  })
})

describe('the known faults of PostgreSQL', () => {
  const found = (major: number, minor: number): string[] => {
    const site = healthySnapshot()
    valueOf(site.nodes[1]!.server).versionNum = major * 10_000 + minor
    const check = CHECKS.find(({id}) => id === 'server-version')!
    return runCheck(check, site).findings.map(({node, message}) => `${node} ${message}`)
  }

  test.each(
    SERVER_FAULTS.flatMap(({fixed, what}) =>
      Object.entries(fixed).map(([major, minor]) => [Number(major), minor, what] as const),
    ),
  )('of %i before .%i: %s', (major, minor, what) => {
    expect(found(major, minor - 1)).toEqual([`1 node 1 is PostgreSQL ${major}.${minor - 1}: ${what}`])
    expect(found(major, minor)).toEqual([])
  })
})

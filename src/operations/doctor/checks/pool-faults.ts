/** Faults of Pgpool-II that a configuration meets, by the release that mended them: its release notes and security pages, and our own runs. */
import {isOn} from '../../pool-parameters.js'
import type {PoolSettings} from '../../../ports/pool.js'
import {backendsOf, type PoolLook} from '../snapshot.js'

type Version = readonly [number, number, number]

export function parse(text: string): Version {
  const [a = 0, b = 0, c = 0] = text.split('.').map(Number)
  return [a, b, c]
}

/** Before `fixed` of the same branch; a branch that is not listed was never fixed when it is older, and never had it when newer. */
function before(version: Version, {fixed, otherBranches = true}: PoolFault): boolean {
  const fixes = fixed.map(parse)
  const own = fixes.find(([a, b]) => a === version[0] && b === version[1])
  if (own !== undefined) return version[2] < own[2]
  if (!otherBranches) return false
  const oldest = fixes.reduce((least, one) => (compare(one, least) < 0 ? one : least))
  return compare(version, oldest) < 0
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

export type PoolFault = {
  fixed: readonly string[]
  /** False where the notes name the fault for the listed branches alone. */
  otherBranches?: boolean
  /** Only where the configuration meets it. */
  meets: (settings: PoolSettings, pool: PoolLook) => boolean
  what: string
  severity: 'warning' | 'critical'
}

/**
 * The fixed releases by branch. Faults that no setting brings about are no rows: the hang of a graceful detach (before 4.5.12, 4.6.7,
 * 4.7.2), which poolctl never asks for, and the race in node info (before 4.3.21, 4.4.18, 4.5.13, 4.6.8, 4.7.3), for which it has deadlines.
 */
export const POOL_FAULTS: readonly PoolFault[] = [
  {
    fixed: ['4.5.4', '4.4.9', '4.3.12', '4.2.19', '4.1.22'],
    meets: (settings) => isOn(settings.get('memory_cache_enabled')),
    what: 'the query cache shows rows to users who may not read them (CVE-2024-45624)',
    severity: 'critical',
  },
  {
    fixed: ['4.6.1', '4.5.7', '4.4.12', '4.3.15', '4.2.22'],
    meets: (settings, {host}) =>
      isOn(settings.get('enable_pool_hba')) && host.seen && host.value.hbaMethods.includes('password'),
    what: 'method password in pool_hba.conf lets anybody in as any user (CVE-2025-46801)',
    severity: 'critical',
  },
  {
    fixed: ['4.4.2', '4.3.5', '4.2.12', '4.1.15', '4.0.22'],
    meets: (settings) => isOn(settings.get('use_watchdog')) && settings.get('wd_lifecheck_method') === 'query',
    what: 'the password of wd_lifecheck_user can be read over PCP (CVE-2023-22332)',
    severity: 'critical',
  },
  {
    fixed: ['4.2.4', '4.1.8'],
    meets: (settings) => (settings.get('follow_primary_command') ?? settings.get('follow_master_command') ?? '') !== '',
    what: 'a detach of the primary leaves a standby down (release notes 4.1.8, 4.2.4)',
    severity: 'warning',
  },
  {
    fixed: ['4.3.1'],
    otherBranches: false,
    meets: () => true,
    what: 'node info hangs while a node does not answer (release notes 4.3.1)',
    severity: 'warning',
  },
  {
    fixed: ['4.6.5', '4.5.10'],
    otherBranches: false,
    meets: (settings) =>
      backendsOf(settings).some(({id}) => (settings.get(`backend_flag${id}`) ?? '').includes('ALWAYS_PRIMARY')),
    what: 'the flag ALWAYS_PRIMARY overflows a buffer when parameters are shown (release notes 4.5.10, 4.6.5)',
    severity: 'warning',
  },
  {
    fixed: ['4.7.1', '4.6.6', '4.5.11', '4.4.16'],
    meets: (settings) => isOn(settings.get('auto_failback')),
    what: 'a node that is down when pgpool starts has no health check, so auto_failback never brings it back',
    severity: 'warning',
  },
  {
    fixed: ['4.5.0'],
    meets: (settings) =>
      (settings.get('failover_command') ?? '') !== '' && (settings.get('recovery_1st_stage_command') ?? '') !== '',
    what: "a failover waits until a recovery by pgpool has ended, because its PCP connection holds pgpool's main process (seen up to 4.4)",
    severity: 'warning',
  },
]

export function faultsOf(version: string, settings: PoolSettings, pool: PoolLook): PoolFault[] {
  return POOL_FAULTS.filter((fault) => before(parse(version), fault) && fault.meets(settings, pool))
}

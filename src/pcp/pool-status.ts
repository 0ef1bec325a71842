/** Pool status: pgpool's parameters, and some state per node, as rows of name, value, description. */
import type {PoolParameter} from '../ports/pool-admin.js'
import {PcpMalformed} from './errors.js'
import {sequence, type Reply} from './responses.js'
import {isAtLeast, pgpoolRelease} from './version.js'

/** pgpool leaves passwords out, except that old minors send wd_lifecheck_password in clear (CVE-2023-22332). */
const LOOKS_SECRET = /password|passwd|key/i

export function parsePoolStatus(reply: Reply): PoolParameter[] {
  return sequence(reply, 'pool status').map((row) => {
    const [name, value, description] = row
    if (name === undefined || value === undefined) throw new PcpMalformed('a parameter without a value')
    return {name, value: LOOKS_SECRET.test(name) ? null : value, description: description ?? ''}
  })
}

/**
 * The parameters that may be shown, by name, and `backend_clustering_mode` in the numbers of 4.2 to 4.6: also where it was still several
 * parameters (before 4.2), and where the numbers are others (4.7).
 */
export function visibleSettings(parameters: readonly PoolParameter[]): Map<string, string> {
  const settings = new Map<string, string>()
  for (const {name, value} of parameters) {
    if (value !== null) settings.set(name, value)
  }
  const reported = settings.get('backend_clustering_mode')
  const mode = reported === undefined ? oldMode(settings) : newMode(reported, settings)
  if (mode !== null) settings.set('backend_clustering_mode', mode)
  return settings
}

/** Slony's number is gone in 4.7, and those behind it moved up: raw and snapshot isolation are 5 and 6 on 4.3.5, 4 and 5 on 4.7.3 (seen). */
const MOVED_UP = new Map([
  ['4', '5'],
  ['5', '6'],
])

function newMode(reported: string, settings: ReadonlyMap<string, string>): string {
  return isAtLeast(pgpoolRelease(settings), '4.7') ? (MOVED_UP.get(reported) ?? reported) : reported
}

/** `master_slave_sub_mode` as 4.1 reports it (stream seen as 2), and what 4.2 made of each. */
const SUB_MODES = new Map([
  ['1', '4'], // Slony
  ['2', '1'], // streaming replication
  ['3', '3'], // logical replication
])

/** In the numbers of 4.2 and later; null when the parameters are not those of an older pgpool either. */
function oldMode(settings: ReadonlyMap<string, string>): string | null {
  const replication = settings.get('replication_mode')
  if (replication === undefined) return null
  if (replication === '1') return '2'
  if (settings.get('master_slave_mode') !== '1') return '5'
  return SUB_MODES.get(settings.get('master_slave_sub_mode') ?? '') ?? null
}

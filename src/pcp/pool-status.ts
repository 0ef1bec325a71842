/** Pool status: pgpool's parameters, and some state per node, as rows of name, value, description. */
import type {PoolParameter} from '../ports/pool-admin.js'
import {PcpMalformed} from './errors.js'
import {sequence, type Reply} from './responses.js'

/** pgpool leaves passwords out, except that old minors send wd_lifecheck_password in clear (CVE-2023-22332). */
const LOOKS_SECRET = /password|passwd|key/i

export function parsePoolStatus(reply: Reply): PoolParameter[] {
  return sequence(reply, 'pool status').map((row) => {
    const [name, value, description] = row
    if (name === undefined || value === undefined) throw new PcpMalformed('a parameter without a value')
    return {name, value: LOOKS_SECRET.test(name) ? null : value, description: description ?? ''}
  })
}

/** The parameters that may be shown, by name, and `backend_clustering_mode` where it was still several (before 4.2). */
export function visibleSettings(parameters: readonly PoolParameter[]): Map<string, string> {
  const settings = new Map<string, string>()
  for (const {name, value} of parameters) {
    if (value !== null) settings.set(name, value)
  }
  const mode = settings.has('backend_clustering_mode') ? null : oldMode(settings)
  if (mode !== null) settings.set('backend_clustering_mode', mode)
  return settings
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

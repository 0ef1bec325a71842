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

/** The parameters that may be shown, by name. */
export function visibleSettings(parameters: readonly PoolParameter[]): Map<string, string> {
  const settings = new Map<string, string>()
  for (const {name, value} of parameters) {
    if (value !== null) settings.set(name, value)
  }
  return settings
}

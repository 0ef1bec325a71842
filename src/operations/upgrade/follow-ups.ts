/** Commands that come after an upgrade was gone back from, as a script can run them. */
import {shellWord} from '../../lib/shell-word.js'

/**
 * The old control files were set aside, so whose data it is cannot be read any more: that is said by name, and `recovery` then asks for
 * the host's.
 */
export function recoverUnreadable(node: number, host: string): string {
  const name = /^[\w.:-]+$/.test(host) ? host : shellWord(host)
  return `poolctl recovery ${node} --method full --allow-foreign-data unreadable --yes --confirm ${name}`
}

/** Words for a remote shell. */
import {shellWord} from '../lib/shell-word.js'

export {shellWord as quoteWord} from '../lib/shell-word.js'

/** Words as the one line that sshd hands to the login shell. */
export function commandLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}

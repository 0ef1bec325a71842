/** The passphrase of an encrypted SSH key, from a person at the terminal. It is kept in memory only, and never shown. */
import {Secret} from '../lib/secret.js'
import {escapeText} from '../output/escape.js'
import {answered} from './consent.js'

/** By path and for the whole process: hosts are reached at once, and each of them would ask for the same key. */
const asked = new Map<string, Promise<Secret | null>>()
let last: Promise<unknown> = Promise.resolve()

/** Null when nothing was typed. Throws exit 12 (`CONFIRMATION_DECLINED`) on Ctrl-C. One question at a time. */
export function askPassphrase(path: string): Promise<Secret | null> {
  const before = asked.get(path)
  if (before) return before
  const answer = last.then(() => question(path))
  asked.set(path, answer)
  last = answer.catch(() => undefined)
  return answer
}

async function question(path: string): Promise<Secret | null> {
  const {password} = await import('@inquirer/prompts')
  const message = `Passphrase of ${escapeText(path)}:`
  // Without toggleMask a key would show what was typed.
  const typed = await answered(password({message, mask: false, toggleMask: false}, {output: process.stderr}))
  return typed === '' ? null : new Secret(typed)
}

/** Asking, so that "yes" can only come from somebody who saw the question (design §5). */
import {EXIT, PoolctlError} from '../lib/errors.js'
import type {Consent} from '../operations/operation.js'
import {escapeText} from '../output/escape.js'
import type {ChangingValues} from './flags.js'
import type {Terminal} from './terminal.js'

/** Resolves when consent is given; throws exit 12 when it is not, or when there is nobody to ask. */
export async function obtainConsent(
  consent: Consent,
  flags: Pick<ChangingValues, 'yes' | 'confirm'>,
  terminal: Terminal,
): Promise<void> {
  switch (consent.level) {
    case 'none':
      return
    case 'confirm':
      if (flags.yes === true) return
      if (!terminal.canAsk) throw nobodyToAsk(consent.question, '--yes')
      if (!(await askYesNo(consent.question))) throw declined('the answer was no')
      return
    case 'type-name':
      return obtainName(consent, flags, terminal)
  }
}

async function obtainName(
  consent: Extract<Consent, {level: 'type-name'}>,
  flags: Pick<ChangingValues, 'confirm'>,
  terminal: Terminal,
): Promise<void> {
  if (flags.confirm === undefined && !terminal.canAsk) {
    throw nobodyToAsk(consent.question, `--confirm ${consent.name}`)
  }
  const given = flags.confirm ?? (await askText(`${consent.question} Type ${consent.name} to go on:`))
  if (given.trim() !== consent.name) throw declined(`"${given.trim()}" is not "${consent.name}"`)
}

function nobodyToAsk(question: string, flag: string): PoolctlError {
  return new PoolctlError(EXIT.declined, {
    code: 'CONFIRMATION_NEEDED',
    message: 'a confirmation is needed and there is nobody to ask',
    detail: question,
    hint: `Answer it with ${flag}. Look at the plan first with --dry-run.`,
  })
}

function declined(message: string): PoolctlError {
  return new PoolctlError(EXIT.declined, {code: 'CONFIRMATION_DECLINED', message: `${message}; nothing was changed`})
}

/**
 * Default No and on standard error: the library's own defaults are Yes and standard output, which would answer for a
 * tired operator and mix into a result that is piped.
 */
async function askYesNo(question: string): Promise<boolean> {
  const {confirm} = await import('@inquirer/prompts')
  return answered(confirm({message: escapeText(question), default: false}, {output: process.stderr}))
}

async function askText(question: string): Promise<string> {
  const {input} = await import('@inquirer/prompts')
  return answered(input({message: escapeText(question)}, {output: process.stderr}))
}

/** What a prompt answers; Ctrl-C and a closed terminal are a no (exit 12). */
export async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    const name = error instanceof Error ? error.name : ''
    if (name === 'ExitPromptError' || name === 'AbortPromptError' || name === 'CancelPromptError') {
      throw declined('the question was left without an answer')
    }
    throw error
  }
}

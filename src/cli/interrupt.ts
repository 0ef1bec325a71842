/**
 * Ctrl-C and SIGTERM while an operation runs. The first lets the current step end, or breaks it off where that is safe and its end
 * may be hours away (a copy), and says so; the second leaves at once with the operation's id. oclif and listr2 would end the process between an act and its journal entry.
 */
import {EXIT} from '../lib/errors.js'
import type {Interrupts} from '../engine/setup.js'

/** After the second signal the engine has this long to write its last entry; then the process ends whatever it does. */
const LEAVE_MS = 2000

export type InterruptHandling = {interrupts: Interrupts; dispose(): void}

export function handleInterrupts(operation: string, say: (text: string) => void): InterruptHandling {
  const first = new AbortController()
  const second = new AbortController()
  const interrupts: Interrupts = {requested: null, onFirst: first.signal, onSecond: second.signal}
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (interrupts.requested === null || interrupts.requested === 'hand-over') {
      interrupts.requested = signal
      say(
        `${signal}: stopping once the current step has ended; a copy or a wait is broken off. Once more to leave at once (operation ${operation})`,
      )
      first.abort(new Error(`stopped by ${signal}`))
      return
    }
    say(
      `leaving now; see where it stands with: poolctl op show ${operation}, go on with: poolctl op resume ${operation}`,
    )
    second.abort(new Error(`left on a second ${signal}`))
    setTimeout(() => leave(signal), LEAVE_MS).unref()
  }
  const onInt = (): void => onSignal('SIGINT')
  const onTerm = (): void => onSignal('SIGTERM')
  process.on('SIGINT', onInt)
  process.on('SIGTERM', onTerm)
  return {
    interrupts,
    dispose() {
      process.off('SIGINT', onInt)
      process.off('SIGTERM', onTerm)
    },
  }
}

function leave(signal: 'SIGINT' | 'SIGTERM'): void {
  // eslint-disable-next-line no-restricted-syntax -- the operator asked twice; what hangs here may never return
  process.exit(signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted)
}

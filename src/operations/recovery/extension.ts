/** pgpool starts its recovery scripts by a function of its extension on the source: is it there, and the one that this pgpool calls? */
import type {RecoveryExtension} from '../../ports/postgres.js'
import type {Refusal} from '../operation.js'
import type {PrimaryFacts} from './survey.js'

type Facts = {
  primary: PrimaryFacts | null
  extension: RecoveryExtension | null
  /** How many arguments this pgpool gives it. */
  callArguments: number
}

export function checkExtension({node}: {node: number}, {primary, extension, callArguments}: Facts): Refusal[] {
  if (extension === null) return []
  if (!extension.installed) {
    return [
      {
        code: 'EXTENSION_MISSING',
        node,
        message: `node ${primary?.id} lacks the extension pgpool_recovery`,
        detail: null,
        hint: 'poolctl scripts install',
        override: null,
      },
    ]
  }
  const takes = extension.parameters
  if (takes === null || takes >= callArguments) return []
  return [
    {
      code: 'EXTENSION_TOO_OLD',
      node,
      message: `this pgpool calls pgpool_recovery() with ${callArguments} arguments, and node ${primary?.id} has it with ${takes}`,
      detail: 'The extension there comes from an older Pgpool-II, so the call would fail before any script runs.',
      hint: "Install the extension of pgpool's own release there (Debian: postgresql-MAJOR-pgpool2), then: ALTER EXTENSION pgpool_recovery UPDATE",
      override: null,
    },
  ]
}

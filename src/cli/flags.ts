/** Flags that several commands share, written once. Values that need a unit are read by the functions at the end. */
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {UsageError} from '../lib/errors.js'
import {parseNodeId, type NodeId} from '../cluster/node-id.js'
import {parseDuration, parseSize} from '../cluster/config/units.js'

const SHARED = 'GLOBAL'

/** Every command has these. */
export const globalFlags = {
  json: Flags.boolean({
    description: 'print one JSON envelope on standard output, on failure too (same as --output json)',
    helpGroup: SHARED,
    env: 'POOLCTL_JSON',
  }),
  output: Flags.string({
    description: 'form of the result; ndjson prints events of a running operation, then the envelope on one line',
    options: ['table', 'wide', 'json', 'ndjson'],
    helpGroup: SHARED,
    env: 'POOLCTL_OUTPUT',
  }),
  config: Flags.string({
    description: "cluster file (default: ./poolctl.yaml, then the user's, then /etc/poolctl/poolctl.yaml)",
    helpValue: 'FILE',
    helpGroup: SHARED,
    env: 'POOLCTL_CONFIG',
  }),
  timeout: Flags.string({
    description:
      'longest wait for an answer, and for one step of a change, e.g. 30s or 10m (default: limits of the cluster file)',
    helpValue: 'DURATION',
    helpGroup: SHARED,
    env: 'POOLCTL_TIMEOUT',
  }),
  'no-input': Flags.boolean({
    description: 'never ask; where a question would be needed, exit 12 naming the flag that answers it',
    helpGroup: SHARED,
    env: 'POOLCTL_NO_INPUT',
  }),
  color: Flags.boolean({
    description: 'colour, whatever the stream is (default: on a terminal, unless NO_COLOR is set)',
    allowNo: true,
    helpGroup: SHARED,
    env: 'POOLCTL_COLOR',
  }),
  debug: Flags.boolean({
    description: 'stack traces of unexpected errors on standard error',
    helpGroup: SHARED,
    env: 'POOLCTL_DEBUG',
  }),
}

/** Commands that need nothing but PCP work without a cluster file, with the flags of the pcp tools. */
export const pcpFlags = {
  host: Flags.string({
    char: 'h',
    description: "pgpool's PCP host or socket directory; with it no cluster file is read",
    helpGroup: 'PCP',
    env: 'POOLCTL_HOST',
  }),
  port: Flags.string({char: 'p', description: 'PCP port (default: 9898)', helpGroup: 'PCP', env: 'POOLCTL_PORT'}),
  username: Flags.string({
    char: 'U',
    description: 'PCP user; the password comes from $PCPPASSFILE or ~/.pcppass (default: your user name)',
    helpGroup: 'PCP',
    env: 'POOLCTL_USERNAME',
  }),
  'no-password': Flags.boolean({
    char: 'w',
    description: 'never ask for a password (poolctl never does; accepted for scripts written for the pcp tools)',
    helpGroup: 'PCP',
    env: 'POOLCTL_NO_PASSWORD',
  }),
}

export const hostKeyFlag = {
  'accept-new-host-key': Flags.string({
    description:
      'host of the cluster file whose unknown SSH host key is stored, after its fingerprint was shown; may be repeated',
    helpValue: 'HOST',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: SHARED,
    env: 'POOLCTL_ACCEPT_NEW_HOST_KEY',
  }),
}

export const yesFlag = {
  yes: Flags.boolean({
    description: 'answer yes to a yes/no question; checks are not switched off by it',
    helpGroup: 'CHANGE',
    env: 'POOLCTL_YES',
  }),
}

/** Every command that changes something has these. */
/** For a command that is two operations: a plan file and a process in the background belong to one. */
export const consentFlags = {
  ...hostKeyFlag,
  'dry-run': Flags.boolean({
    description: 'look, check and print the plan; change nothing',
    helpGroup: 'CHANGE',
    env: 'POOLCTL_DRY_RUN',
  }),
  ...yesFlag,
  confirm: Flags.string({
    description: 'answer to a question that wants a name typed',
    helpValue: 'NAME',
    helpGroup: 'CHANGE',
    env: 'POOLCTL_CONFIRM',
  }),
  'allow-untested-version': Flags.boolean({
    description: 'change a cluster whose PostgreSQL or Pgpool-II is newer than any that poolctl was tried with',
    helpGroup: 'CHANGE',
    env: 'POOLCTL_ALLOW_UNTESTED_VERSION',
  }),
}

export const changingFlags = {
  ...consentFlags,
  plan: Flags.string({
    description:
      'with --dry-run: write the plan there; without: run that plan, and refuse (exit 11) if the cluster has changed since',
    helpValue: 'FILE',
    helpGroup: 'CHANGE',
    env: 'POOLCTL_PLAN',
  }),
  wait: Flags.boolean({
    description:
      'wait for the end; with --no-wait the operation goes on in the background and the command exits 9 with its id',
    allowNo: true,
    default: true,
    helpGroup: 'CHANGE',
    env: 'POOLCTL_WAIT',
  }),
}

/** For going on with a recorded operation. */
export const continueFlags = {
  ...pcpFlags,
  ...hostKeyFlag,
  ...yesFlag,
  'take-over': Flags.boolean({
    description:
      'take it over from a process on another machine, which cannot be seen from here: be sure that it is dead',
    helpGroup: 'CHANGE',
    env: 'POOLCTL_TAKE_OVER',
  }),
  'from-host': Flags.boolean({
    description: 'fetch its record from the hosts it works on first',
    helpGroup: 'CHANGE',
    env: 'POOLCTL_FROM_HOST',
  }),
}

export const operationArgument = Args.string({description: 'id of the operation, as op list shows it', required: true})

export type GlobalValues = {
  config?: string | undefined
  timeout?: string | undefined
  'no-input'?: boolean
  debug?: boolean
}

export type PcpValues = {host?: string | undefined; port?: string | undefined; username?: string | undefined}

export type ChangingValues = {
  'accept-new-host-key'?: string[] | undefined
  'dry-run'?: boolean
  yes?: boolean
  confirm?: string | undefined
  plan?: string | undefined
  wait?: boolean
  'allow-untested-version'?: boolean
}

export const nodeArgument = Args.string({
  description: "pgpool's number of the node, as node-info shows it",
  required: true,
})

/** Exit 2 for anything but digits up to 127: pgpool itself would take `abc` for node 0 and act on it. */
export function nodeIdArgument(text: string): NodeId {
  const id = parseNodeId(text)
  if (id !== null) return id
  throw new UsageError({
    code: 'NODE_ID_INVALID',
    message: `"${text}" is not a node id`,
    detail: 'A node id is a whole number from 0 to 127.',
    hint: 'List the nodes with: poolctl node-info',
  })
}

/** Milliseconds, or null when the flag was not given. */
export function durationFlag(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const ms = parseDuration(text)
  if (ms !== null && ms > 0) return ms
  throw new UsageError({
    code: 'FLAG_VALUE_INVALID',
    message: `--${flag} needs a duration, not "${text}"`,
    hint: `Give a number and a unit (ms, s, m, h), for example: --${flag} 30s`,
  })
}

/** Bytes, or null when the flag was not given. */
export function sizeFlag(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const bytes = parseSize(text)
  if (bytes !== null) return bytes
  throw new UsageError({
    code: 'FLAG_VALUE_INVALID',
    message: `--${flag} needs a size, not "${text}"`,
    hint: `Give a number and a unit (kB, MB, GB), for example: --${flag} 50MB`,
  })
}

/** A whole number in a range, or null when the flag was not given. */
export function countFlag(flag: string, text: string | undefined, min: number, max: number): number | null {
  if (text === undefined) return null
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError({
    code: 'FLAG_VALUE_INVALID',
    message: `--${flag} needs a whole number from ${min} to ${max}, not "${text}"`,
  })
}

/**
 * Keys to log in with, in the order ssh uses them: what the agent holds, then the identity files (ssh_config(5) IdentityFile,
 * IdentitiesOnly). ssh2 has no user certificates and no FIDO keys; hosts that need those use transport: openssh.
 */
import {readFile} from 'node:fs/promises'
import ssh2, {
  type AnyAuthMethod,
  type BaseAgent,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2'
import {messageOf} from '../../lib/errors.js'
import type {Secret} from '../../lib/secret.js'
import type {SshTarget} from './ssh-config.js'

export type AskPassphrase = (path: string) => Promise<Secret | null>

/** Decrypted keys by path, so that a passphrase is asked for once and not once a host. */
export type KeyCache = Map<string, ParsedKey>

/** What could not be offered, for the message when the server then refuses us. */
export type Skipped = {path: string; why: string; encrypted: boolean}

export type Credentials = {
  /** The next method to offer, or null when there is none left. */
  next(): Promise<AnyAuthMethod | null>
  skipped: Skipped[]
  offered: string[]
}

type Identity = {path: string; text: Buffer; publicKey: ParsedKey | null}

/** `pause` and `resume` stop the connect deadline while a person types a passphrase. */
export async function credentials(
  target: SshTarget,
  cache: KeyCache,
  ask: AskPassphrase | null,
  timer: {pause(): void; resume(): void},
): Promise<Credentials> {
  const skipped: Skipped[] = []
  const offered: string[] = []
  const identities = await readIdentities(target, skipped)
  const agent = agentFor(target, identities)
  const queue = [...identities]
  let agentOffered = false

  const decrypt = async (identity: Identity): Promise<ParsedKey | null> => {
    const cached = cache.get(identity.path)
    if (cached) return cached
    const plain = parse(identity.text, null)
    if (!(plain instanceof Error)) return remember(identity.path, plain)
    if (!/encrypt|passphrase/i.test(plain.message)) return skip(identity.path, plain.message, false)
    if (ask === null) return skip(identity.path, 'it is encrypted and there is nobody to ask for the passphrase', true)
    timer.pause()
    const passphrase = await ask(identity.path).finally(() => timer.resume())
    if (passphrase === null) return skip(identity.path, 'no passphrase was given', true)
    const key = parse(identity.text, passphrase)
    return key instanceof Error
      ? skip(identity.path, 'the passphrase does not open it', true)
      : remember(identity.path, key)
  }
  const remember = (path: string, key: ParsedKey): ParsedKey => {
    cache.set(path, key)
    return key
  }
  const skip = (path: string, why: string, encrypted: boolean): null => {
    skipped.push({path, why, encrypted})
    return null
  }
  return {
    skipped,
    offered,
    async next() {
      if (!agentOffered && agent !== null) {
        agentOffered = true
        offered.push(`agent ${target.agent ?? ''}`)
        return {type: 'agent', username: target.user, agent}
      }
      for (let identity = queue.shift(); identity !== undefined; identity = queue.shift()) {
        const key = await decrypt(identity)
        if (key === null) continue
        offered.push(identity.path)
        return {type: 'publickey', username: target.user, key}
      }
      return null
    },
  }
}

function parse(text: Buffer, passphrase: Secret | null): ParsedKey | Error {
  try {
    const parsed = ssh2.utils.parseKey(text, passphrase?.reveal()) as ParsedKey | ParsedKey[] | Error
    const key = Array.isArray(parsed) ? parsed[0] : parsed
    return key ?? new Error('no key in it')
  } catch (error) {
    return new Error(messageOf(error))
  }
}

async function readIdentities(target: SshTarget, skipped: Skipped[]): Promise<Identity[]> {
  const found: Identity[] = []
  for (const path of target.identityFiles) {
    try {
      const text = await readFile(path)
      const publicText = await readFile(`${path}.pub`).catch(() => null)
      const publicKey = publicText === null ? null : parse(publicText, null)
      found.push({path, text, publicKey: publicKey instanceof Error ? null : publicKey})
    } catch (error) {
      skipped.push({path, why: messageOf(error), encrypted: false})
    }
  }
  return found
}

/** The agent, or one narrowed to the identity files: servers hang up after six keys (MaxAuthTries). */
function agentFor(target: SshTarget, identities: readonly Identity[]): BaseAgent | null {
  if (target.agent === null) return null
  const agent = ssh2.createAgent(target.agent)
  if (!target.identitiesOnly) return agent
  const allowed = identities.flatMap((identity) => identity.publicKey?.getPublicSSH().toString('base64') ?? [])
  return allowed.length === 0 ? null : new NarrowedAgent(agent, allowed)
}

class NarrowedAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent
  readonly #allowed: readonly string[]

  constructor(agent: BaseAgent, allowed: readonly string[]) {
    super()
    this.#agent = agent
    this.#allowed = allowed
  }

  override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    this.#agent.getIdentities((error, keys) => {
      if (error) {
        callback(error)
        return
      }
      const parsed = (keys ?? []) as ParsedKey[]
      callback(
        undefined,
        parsed.filter((key) => this.#allowed.includes(key.getPublicSSH().toString('base64'))),
      )
    })
  }

  override sign(key: ParsedKey, data: Buffer, options: SigningRequestOptions, done?: SignCallback): void
  override sign(key: ParsedKey, data: Buffer, done: SignCallback): void
  override sign(
    key: ParsedKey,
    data: Buffer,
    second: SigningRequestOptions | SignCallback,
    third?: SignCallback,
  ): void {
    if (typeof second === 'function') this.#agent.sign(key, data, second)
    else this.#agent.sign(key, data, second, third)
  }
}

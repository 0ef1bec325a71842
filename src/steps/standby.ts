/**
 * write-standby-settings, await-streaming, verify-standby, clean-up: a stopped directory becomes a proved standby.
 *
 * Precondition: the directory is whole (started before, rewound, or copied and finished). Effect: it follows the primary
 * through its slot; nothing is believed until a row written on the primary is read on the node.
 * Undo: settings stay (they only say whom to follow); clean-up is never undone, it comes last.
 * Repeat: harmless: files are replaced by equal ones, observations are made anew.
 */
import type {NodeId} from '../cluster/node-id.js'
import {lagBytesOf} from '../cluster/lag.js'
import type {Observation} from '../engine/step.js'
import type {JsonObject} from '../lib/json.js'
import type {ServerFacts} from '../ports/postgres.js'
import {
  awaitSeen,
  connectionTo,
  done,
  hostOf,
  idIn,
  nodeConfig,
  numberIn,
  pending,
  serverOf,
  settingsIn,
  type Context,
  type Step,
} from './context.js'

export const writeStandbySettings: Step = {
  kind: 'write-standby-settings',
  probe: () => Promise.resolve(pending('written anew each time')),
  async act(context) {
    const connection = connectionTo(context.world, idIn(context, 'primary'), idIn(context))
    await hostOf(context).writeStandbySettings(context.operation, connection, settingsIn(context.input, 'overrides'))
    return undefined
  },
  async verify(context) {
    const directory = await hostOf(context).look()
    return directory.standbySignal ? done('standby.signal is there') : pending('standby.signal is missing')
  },
}

/** How `node` stands to its primary; every sentence is one that an operator can act on. */
function streaming(context: Context, standby: ServerFacts, primary: ServerFacts): Observation {
  const config = nodeConfig(context.world, idIn(context))
  if (!standby.inRecovery) return pending('it is not in recovery: it runs as a primary')
  if (standby.systemIdentifier !== primary.systemIdentifier) return pending('it belongs to another cluster')
  if (standby.receiver?.status !== 'streaming')
    return pending(`its WAL receiver is ${standby.receiver?.status ?? 'not running'}`)
  if (standby.timeline !== primary.timeline)
    return pending(`it is on timeline ${standby.timeline}, the primary on ${primary.timeline}`)
  const sender = primary.senders.find((candidate) => candidate.applicationName === config.slot)
  if (sender?.state !== 'streaming') return pending(`the primary's sender to it is ${sender?.state ?? 'missing'}`)
  const slot = primary.slots.find((candidate) => candidate.name === config.slot)
  if (slot?.active !== true) return pending(`slot ${config.slot} is ${slot ? 'not active' : 'missing'}`)
  return done('streaming', {timeline: standby.timeline, slot: slot.name})
}

async function look(context: Context): Promise<Observation> {
  const [primary, standby] = await Promise.all([serverOf(context, 'primary').facts(), serverOf(context).facts()])
  const seen = streaming(context, standby, primary)
  if (seen.state !== 'done') return seen
  const lag = lagBytesOf(primary, standby)
  const limit = numberIn(context.input, 'maxLagBytes')
  if (lag === null) return pending('nothing is replayed yet')
  if (lag > limit) return pending(`replay is ${lag} bytes behind, the limit is ${limit}`)
  return done(`streams from node ${idIn(context, 'primary')} on timeline ${standby.timeline}, ${lag} bytes behind`, {
    lagBytes: lag,
  })
}

export const awaitStreaming: Step = {
  kind: 'await-streaming',
  deadlineMs: null,
  probe: look,
  async act(context) {
    const wait = {
      limitMs: numberIn(context.input, 'limitMs'),
      everyMs: 100,
      what: `node ${idIn(context)} streaming with little lag`,
      code: 'NOT_STREAMING',
      hint: 'Look at the server log of the node: it names what it waits for.',
    }
    return ((await awaitSeen(context, wait, () => look(context))) as {result?: JsonObject}).result
  },
  verify: look,
  makeSafe: () => Promise.resolve(),
}

async function markerArrived(context: Context, primary: NodeId): Promise<void> {
  const token = context.world.token()
  await context.world.postgres(primary).writeMarker(token)
  const wait = {limitMs: 30_000, everyMs: 50, what: `a row written on node ${primary}`, code: 'MARKER_NOT_SEEN'}
  await awaitSeen(context, wait, async () =>
    (await serverOf(context).markerSeen(token)) ? done('the row is there') : pending('the row has not arrived'),
  )
}

async function relationsPresent(context: Context): Promise<Observation> {
  const missing = await serverOf(context).missingRelationFiles()
  return missing.length === 0
    ? done('all relation files are there')
    : pending(`relation files are missing: ${missing.slice(0, 5).join(', ')}`)
}

export const verifyStandby: Step = {
  kind: 'verify-standby',
  probe: () => Promise.resolve(pending('to be proved by a row')),
  async act(context) {
    const primary = idIn(context, 'primary')
    await markerArrived(context, primary)
    const wait = {
      limitMs: 3000,
      everyMs: 500,
      what: `every relation file of node ${idIn(context)}`,
      code: 'DATA_INCOMPLETE',
      hint: `The data directory is damaged: poolctl recovery ${idIn(context)} --method delta`,
    }
    await awaitSeen(context, wait, () => relationsPresent(context))
    const [directory, facts] = await Promise.all([hostOf(context).look(), serverOf(context).facts()])
    return {
      rowSeen: true,
      relationFiles: 'present',
      timeline: facts.timeline,
      receiver: facts.receiver?.status ?? null,
      slot: facts.receiver?.slot ?? null,
      controlState: directory.control?.state ?? null,
      systemIdentifier: directory.control?.systemIdentifier ?? null,
    }
  },
  async verify(context) {
    const seen = await look(context)
    if (seen.state !== 'done') return seen
    return done(
      `a row written on node ${idIn(context, 'primary')} was read on node ${idIn(context)}; timeline, slot and receiver agree`,
    )
  },
}

export const cleanUp: Step = {
  kind: 'clean-up',
  probe: () => Promise.resolve(pending('asked anew')),
  async act(context) {
    await hostOf(context).cleanUp(context.operation)
    return undefined
  },
  provesItself: true,
  verify: () => Promise.resolve(done('nothing of this operation is left on the host')),
}

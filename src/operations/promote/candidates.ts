/**
 * Who could take over, rule by rule. The table is shown whole when the chosen node is refused, so that the operator sees which
 * node would do instead and what stands against each of the others.
 */
import {isAttached, type PoolNode} from '../../cluster/pool-node.js'
import {lsnDiff} from '../../cluster/lsn.js'
import type {ServerFacts} from '../../ports/postgres.js'
import type {ServerView} from '../survey-servers.js'
import type {HostView, PromoteFacts} from './survey.js'

export type Rule = {rule: string; ok: boolean; seen: string}
export type Candidate = {node: number; fit: boolean; rules: Rule[]}

const rule = (name: string, ok: boolean, seen: string): Rule => ({rule: name, ok, seen})

function serverRules(server: ServerFacts, primary: ServerFacts | null, slot: string, maxLagBytes: number): Rule[] {
  const found = [
    rule('is a standby', server.inRecovery, server.inRecovery ? 'in recovery' : 'runs as a primary'),
    rule('replays', server.replayPaused !== true, server.replayPaused === true ? 'replay is paused' : 'not paused'),
  ]
  if (primary === null) return found
  const sender = primary.senders.find((candidate) => candidate.applicationName === slot)
  const lag =
    sender?.replayLsn && primary.currentLsn ? Math.max(0, lsnDiff(primary.currentLsn, sender.replayLsn)) : null
  const streams = server.receiver?.status === 'streaming' && sender?.state === 'streaming'
  return [
    ...found,
    rule('same cluster', server.systemIdentifier === primary.systemIdentifier, server.systemIdentifier),
    rule('same timeline', server.timeline === primary.timeline, `${server.timeline}, primary ${primary.timeline}`),
    rule(
      'streams from the primary',
      streams,
      `receiver ${server.receiver?.status ?? 'none'}, sender ${sender?.state ?? 'none'}`,
    ),
    rule(
      'lag within limit',
      lag !== null && lag <= maxLagBytes,
      lag === null ? 'unknown' : `${lag} B of ${maxLagBytes} B`,
    ),
  ]
}

/** As the primary it keeps a slot and serves a WAL sender for every other node; `slots` are their names. */
function roomRules(server: ServerFacts, slots: readonly string[]): Rule[] {
  const number = (name: string): number => Number(server.settings[name] ?? '0')
  const free = number('max_replication_slots') - server.slots.length
  const needed = slots.filter((name) => !server.slots.some((slot) => slot.name === name)).length
  return [
    rule('slots for its standbys', free >= needed, `${free} free, ${needed} needed`),
    rule(
      'WAL senders for its standbys',
      number('max_wal_senders') >= slots.length,
      `${number('max_wal_senders')} senders, ${slots.length} needed`,
    ),
  ]
}

function slotsOfOthers(view: ServerView, facts: PromoteFacts): string[] {
  return facts.servers.filter((other) => other.id !== view.id).map((other) => other.node.slot)
}

export function judge(
  view: ServerView,
  facts: PromoteFacts,
  primary: ServerFacts | null,
  maxLagBytes: number,
): Candidate {
  const pool: PoolNode | undefined = facts.pool.find((node) => node.id === view.id)
  const host: HostView | undefined = facts.hosts.find((candidate) => candidate.id === view.id)
  const rules = [
    rule('attached to the pool', pool !== undefined && isAttached(pool), pool?.status ?? 'not in pgpool'),
    rule('server answers', view.reachable, view.reachable ? 'yes' : view.reason),
    rule('host answers', host?.reachable === true, host?.reachable === false ? host.reason : 'yes'),
    ...(view.reachable ? serverRules(view.facts, primary, view.node.slot, maxLagBytes) : []),
    ...(view.reachable ? roomRules(view.facts, slotsOfOthers(view, facts)) : []),
  ]
  return {node: view.id, fit: rules.every((candidate) => candidate.ok), rules}
}

/** One line a rule that fails, for every node; a node that could take over says so. */
export function candidateTable(candidates: readonly Candidate[]): string {
  return candidates
    .flatMap(({node, fit, rules}) =>
      fit
        ? [`node ${node}: could take over`]
        : rules.filter((entry) => !entry.ok).map((entry) => `node ${node}: not "${entry.rule}" (${entry.seen})`),
    )
    .join('\n')
}

/** `poolctl upgrade rollback` after the new version has served, and `poolctl upgrade finish`. */
import type {PlannedStep} from '../../engine/plan.js'
import type {JsonObject} from '../../lib/json.js'
import {pgMajor} from '../../cluster/pg-version.js'
import type {UpgradeNote} from '../../cluster/upgrade-note.js'
import type {Decision, Operation, Refusal} from '../operation.js'
import {versionsOf} from '../survey-servers.js'
import {recoverUnreadable} from './follow-ups.js'
import {latestNote, notedPairs, safetyFor, surveyFollow, type FollowFacts, type Noted} from './follow-survey.js'
import {planBackToWhole} from './plan-back-to-whole.js'
import {planFinish, planRollback, type Source} from './plan-follow.js'
import type {FollowRequest} from './request.js'

function refusal(code: string, message: string, rest: Partial<Refusal> = {}): Refusal {
  return {code, message, node: null, detail: null, hint: null, override: null, ...rest}
}

type Ground = {note: UpgradeNote; noted: Noted[]}

/** The upgrade that is open, with all its hosts in sight; or why there is nothing to work on. */
function groundOf(facts: FollowFacts, verb: string): Ground | Refusal[] {
  const unseen = facts.notes.filter((view) => view.unseen !== null)
  if (unseen.length > 0) {
    return unseen.map(({node, unseen: why}) =>
      refusal('HOST_UNSEEN', `${node.host} cannot be asked: ${why ?? ''}`, {
        node: node.id,
        hint: 'Bring the machine back first',
      }),
    )
  }
  const note = latestNote(facts)
  if (note?.phase !== 'opened') {
    const what =
      note === null ? 'no upgrade has opened the new version here' : `the upgrade to ${note.to} is ${note.phase}`
    return [
      refusal('NO_OPEN_UPGRADE', `${what}; there is nothing to ${verb}`, {
        hint: 'One that has not ended is gone on with, or back from, by its operation: poolctl op list',
      }),
    ]
  }
  const noted = notedPairs(facts, note.operation)
  return {note, noted}
}

/** Whose note was left out, as it could not be written then: the plan would not stop its server, and both versions would run. */
function unnoted(facts: FollowFacts, {note, noted}: Ground): Refusal[] {
  return facts.servers.flatMap((server) => {
    const known = noted.some(({node}) => node.id === server.id)
    if (known || !server.reachable || pgMajor(server.facts.versionNum) !== note.to) return []
    return [
      refusal('NOTE_MISSING', `node ${server.id} serves version ${note.to}, and its host has no note of the upgrade`, {
        node: server.id,
        hint: `poolctl op resume ${note.operation}, or stop that server`,
      }),
    ]
  })
}

function fenced({fencedBy, run}: FollowFacts): Refusal[] {
  if (fencedBy === null || fencedBy === run?.holder.operation) return []
  return [
    refusal('POOL_FENCED', `pgpool.conf carries the fence of operation ${fencedBy}`, {
      hint: `poolctl op show ${fencedBy}`,
    }),
  ]
}

function decideRollback(request: FollowRequest, facts: FollowFacts): Decision {
  const ground = groundOf(facts, 'roll back')
  if (Array.isArray(ground)) return {kind: 'refused', refusals: [...ground, ...fenced(facts)]}
  const {note, noted} = ground
  if (note.whole.includes(note.primary)) return backToWhole(request, facts, ground)
  const held = sourceOf(facts, note, noted)
  const missing = held
    ? []
    : [
        refusal('NO_WAY_BACK', 'no standby was held back as the old cluster, and poolctl has no backup of it', {
          detail: 'The old data shares its files with the new version, which has written into them.',
          hint:
            facts.run === null ? ownWay(facts, note) : `Go on with it: poolctl op resume ${facts.run.holder.operation}`,
        }),
      ]
  const refusals = [...missing, ...unnoted(facts, ground), ...fenced(facts)]
  if (!held || refusals.length > 0) return {kind: 'refused', refusals}
  const {node, backup, since} = held
  return goingBack(facts, ground, since, {
    who: {held: node.id, backup},
    where: `from ${backup === null ? '' : 'the backup on '}node ${node.id}`,
    steps: planRollback(facts, note, held),
  })
}

/** All of them come up again as they were when the new version was opened. */
function backToWhole(request: FollowRequest, facts: FollowFacts, ground: Ground): Decision {
  const refusals = [...unnoted(facts, ground), ...fenced(facts)]
  if (refusals.length > 0) return {kind: 'refused', refusals}
  const {note} = ground
  return goingBack(facts, ground, note.at, {
    who: {held: note.primary},
    where: 'on all nodes',
    steps: planBackToWhole(request, facts, note),
  })
}

function goingBack(
  facts: FollowFacts,
  {note, noted}: Ground,
  since: string,
  {who, where, steps}: {who: JsonObject; where: string; steps: PlannedStep[]},
): Decision {
  const lost = `everything written since ${since}`
  const newDataKeptIn = [...new Set(noted.map(({pair}) => pair.new.data))]
  return {
    kind: 'planned',
    plan: {
      reasons: {
        from: note.to,
        to: note.from,
        ...who,
        lost,
        newDataKeptIn,
        givesUp: facts.run?.holder.operation ?? null,
      },
      steps,
      ...(facts.run === null ? {} : {takesOver: facts.run.holder}),
      locks: noted.map(({node}): number => node.id).sort((a, b) => a - b),
      // What a prober writes into the new version is lost by design, and would be reported as a fault.
      measuresOutage: false,
    },
    consent: {
      level: 'type-name',
      question: `Go back to version ${note.from} ${where} of cluster ${facts.cluster}? Everything written since ${since} is lost.`,
      name: facts.cluster,
    },
    warnings: [],
  }
}

/** The held standby has everything up to the opening; a backup, what was there when it was taken. */
function sourceOf(facts: FollowFacts, note: UpgradeNote, noted: readonly Noted[]): Source | null {
  const held = noted.find(({node}) => node.id === note.held)
  if (held) return {...held, backup: null, since: note.at}
  const safety = safetyFor(facts, note)
  const place = noted.find(({node}) => node.id === safety?.node && node.id !== note.primary)
  if (!place || safety?.kind !== 'backup' || safety.directory === null) return null
  return {...place, backup: safety.directory, since: safety.at}
}

function ownWay(facts: FollowFacts, note: UpgradeNote): string {
  const safety = safetyFor(facts, note)
  return safety?.kind === 'command'
    ? `Restore what your command made at ${safety.at} (poolctl op show ${safety.operation})`
    : 'Restore your backup of the old version'
}

function decideFinish(request: FollowRequest, facts: FollowFacts): Decision {
  const ground = groundOf(facts, 'finish')
  if (Array.isArray(ground)) return {kind: 'refused', refusals: [...ground, ...fenced(facts)]}
  const {note, noted} = ground
  const refusals = [...notOnNew(facts, note), ...fenced(facts)]
  if (refusals.length > 0) return {kind: 'refused', refusals}
  return {
    kind: 'planned',
    plan: {
      reasons: {from: note.from, to: note.to, held: note.held, removed: noted.map(({pair}) => pair.old.data)},
      steps: planFinish(request, facts, note),
      locks: noted.map(({node}): number => node.id).sort((a, b) => a - b),
      measuresOutage: false,
    },
    consent: {
      level: 'type-name',
      question: `Remove the old data of version ${note.from} on all nodes of cluster ${facts.cluster}? After it there is no way back to ${note.from}.`,
      name: facts.cluster,
    },
    warnings: [],
  }
}

/** A node that is not there yet would be without any data once its old directory is gone. */
function notOnNew({servers}: FollowFacts, note: UpgradeNote): Refusal[] {
  return servers.flatMap((server) => {
    if (server.id === note.held) return []
    const there = server.reachable && pgMajor(server.facts.versionNum) === note.to
    const role = server.reachable && server.facts.inRecovery === (server.id !== note.primary)
    if (there && role) return []
    return [
      refusal('NODE_NOT_ON_NEW_VERSION', `node ${server.id} does not serve version ${note.to} in its place`, {
        node: server.id,
        detail: server.reachable ? null : server.reason,
        hint: `poolctl recovery ${server.id} --method full`,
      }),
    ]
  })
}

function fingerprint(facts: FollowFacts): JsonObject {
  const note = latestNote(facts)
  return {
    operation: note?.operation ?? null,
    phase: note?.phase ?? null,
    roles: facts.pool.map((node) => `${node.id}:${node.role}`),
    running: facts.servers.map((server) => `${server.id}:${server.reachable ? server.facts.versionNum : 'down'}`),
  }
}

function systemIdentifier({servers}: FollowFacts): string | null {
  const primary = servers.find((server) => server.reachable && !server.facts.inRecovery)
  return primary?.reachable === true ? primary.facts.systemIdentifier : null
}

const common = {
  survey: surveyFollow,
  fingerprint,
  systemIdentifier,
  serverVersions: ({servers}: FollowFacts) => versionsOf(servers),
  poolBefore: (facts: FollowFacts) => facts.pool,
}

export const upgradeRollback: Operation<FollowRequest, FollowFacts> = {
  ...common,
  verb: 'upgrade-rollback',
  decide: decideRollback,
  summarise: (plan) => ({
    facts: {
      serving: plan.reasons['held'] ?? null,
      version: plan.reasons['to'] ?? null,
      lost: plan.reasons['lost'] ?? null,
      // What the new version was told can be looked up there; the next `upgrade prepare` makes those places anew.
      newDataKeptIn: plan.reasons['newDataKeptIn'] ?? [],
    },
    followUps: plan.steps
      .filter(({kind, input}) => kind === 'stop-new' && input['comesBack'] !== true)
      .map(({input, host}) => recoverUnreadable(input['node'] as number, host ?? ''))
      .toSorted(),
  }),
}

export const upgradeFinish: Operation<FollowRequest, FollowFacts> = {
  ...common,
  verb: 'upgrade-finish',
  decide: decideFinish,
  summarise: (plan) => ({
    facts: {
      version: plan.reasons['to'] ?? null,
      removed: plan.reasons['removed'] ?? [],
      released: plan.reasons['held'] ?? null,
    },
    followUps: [],
  }),
}

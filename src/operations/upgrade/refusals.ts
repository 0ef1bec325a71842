/** What stands in the way of `upgrade prepare` and `upgrade run` beyond the checks. */
import {isDeepStrictEqual} from 'node:util'
import type {Service} from '../../cluster/cluster-file.js'
import type {Refusal} from '../operation.js'
import {refusalsOf} from './checks/finding.js'
import {accepted, upgradeChecks} from './checks/checks.js'
import {checkSync, synchronousTooFew} from './checks/sync.js'
import {shortestWindowSeconds} from './deadline.js'
import type {PrepareRequest, RunRequest, WayBack} from './request.js'
import {primaryOf, standbysOf, type MigrationFacts, type RunFacts} from './survey.js'

export function refusal(code: string, message: string, rest: Partial<Refusal> = {}): Refusal {
  return {code, message, node: null, detail: null, hint: null, override: null, ...rest}
}

export function prepareRefusals(_request: PrepareRequest, facts: MigrationFacts): Refusal[] {
  return [...refusalsOf(upgradeChecks(facts.check)), ...layoutRefusals(facts)]
}

/** Kept apart from the checks: these are limits of poolctl, not of the cluster. */
function layoutRefusals({pairs}: MigrationFacts): Refusal[] {
  return pairs.flatMap(({node, pair, unseen}) => [
    ...(unseen === null
      ? []
      : [refusal('HOST_UNSEEN', `what is prepared on ${node.host} cannot be seen: ${unseen}`, {node: node.id})]),
    ...(node.service.kind === 'pg_ctl' || !isDeepStrictEqual(pair.new.service, node.service)
      ? []
      : [
          refusal(
            'SERVICE_OF_OLD_VERSION',
            `node ${node.id} is started by ${serviceText(node.service)}, in which nothing says which version`,
            {
              node: node.id,
              detail:
                'poolctl changes the number and the directories in it; here it would start the old version again.',
              hint: 'Say what starts the new one: nodes[].upgrade.service in the cluster file',
            },
          ),
        ]),
  ])
}

function serviceText(service: Exclude<Service, {kind: 'pg_ctl'}>): string {
  return service.kind === 'systemd' ? `the unit ${service.unit}` : service.start.join(' ')
}

export function wayBackOf(request: RunRequest, facts: RunFacts): WayBack | null {
  if (request.wayBack !== null) return request.wayBack
  if (request.transfer === 'clone') return 'clones'
  return standbysOf(facts).length >= 2 ? 'hold-standby' : (facts.safety?.kind ?? null)
}

/** The standby that stays the frozen old cluster: the last, so that the first ones, which sites list by weight, serve. */
export function heldBy(request: RunRequest, facts: RunFacts): number | null {
  if (wayBackOf(request, facts) !== 'hold-standby') return null
  return standbysOf(facts).at(-1)?.node.id ?? null
}

export const NOT_PREPARED = 'UPGRADE_NOT_PREPARED'

export function runRefusals(request: RunRequest, facts: RunFacts): Refusal[] {
  return [
    ...prepareRefusals(request, facts),
    ...notPrepared(request, facts),
    ...tooFew(request, facts),
    ...synchronousGone(request, facts),
    ...tooShort(request),
    ...swapTooEarly(request),
    ...cloneImpossible(request, facts),
    ...movedTablespaces(request, facts),
  ]
}

function notPrepared(request: RunRequest, facts: MigrationFacts): Refusal[] {
  const hint = `poolctl upgrade prepare --to ${request.to}`
  const primary = primaryOf(facts)
  const found =
    primary?.state?.prepared === false
      ? [
          refusal(NOT_PREPARED, `there is no prepared cluster in ${primary.pair.new.data} on ${primary.node.host}`, {
            node: primary.node.id,
            hint,
          }),
        ]
      : []
  const bare = standbysOf(facts).filter(({state}) => state?.configStaged === false)
  return [
    ...found,
    ...bare.map(({node}) =>
      refusal(NOT_PREPARED, `no configuration for version ${request.to} waits on ${node.host}`, {node: node.id, hint}),
    ),
  ]
}

function tooFew(request: RunRequest, facts: RunFacts): Refusal[] {
  const standbys = standbysOf(facts).length
  const way = wayBackOf(request, facts)
  if (way === null) {
    return [
      refusal('NO_WAY_BACK', `with ${standbys} standby there is none to hold back as the old cluster`, {
        detail: 'Once the new version serves, the old data cannot be used any more: both share their files.',
        hint: `poolctl upgrade prepare --to ${request.to} --way-back backup --backup-dir DIR; or, with a backup of your own that you have tried: --way-back none`,
      }),
    ]
  }
  if ((way === 'backup' || way === 'command') && facts.safety?.kind !== way) {
    const how = way === 'backup' ? 'backup --backup-dir DIR' : 'command --backup-command WORD'
    return [
      refusal('NO_WAY_BACK', `no ${way} was made for this upgrade`, {
        hint: `poolctl upgrade prepare --to ${request.to} --way-back ${how}`,
      }),
    ]
  }
  const carried = standbys - (way === 'hold-standby' ? 1 : 0)
  if (carried >= request.minStandbys) return []
  return [
    refusal('TOO_FEW_STANDBYS', `${carried} standbys would be carried, ${request.minStandbys} are asked for`, {
      detail: way === 'hold-standby' ? 'One is held back as the old cluster.' : null,
      hint: 'Ask for fewer with --min-standbys, or hold none back with --way-back none',
    }),
  ]
}

/** Once it is known who is held back and how many are waited for; that all of them would be too few the checks have said. */
function synchronousGone(request: RunRequest, facts: RunFacts): Refusal[] {
  const held = heldBy(request, facts)
  const carried = standbysOf(facts).flatMap(({node}) => (node.id === held ? [] : [node]))
  const known = checkSync(facts.check).some(({code}) => code === 'SYNCHRONOUS_STANDBYS_TOO_FEW')
  const found = known ? [] : synchronousTooFew(facts.check, carried, Math.min(request.minStandbys, carried.length))
  return refusalsOf(found.map((finding) => accepted(finding, request.accept)))
}

function tooShort({windowMs}: RunRequest): Refusal[] {
  const least = shortestWindowSeconds()
  if (windowMs === null || windowMs / 1000 >= least) return []
  return [
    refusal('WINDOW_TOO_SHORT', `in a window of ${windowMs / 1000} s there is no time to go back`, {
      detail: `Going back and its margin take ${least} s at least.`,
      hint: 'Promise a longer one, or none',
    }),
  ]
}

export function windowForeseenShort(
  {windowMs}: RunRequest,
  {reachedSeconds, latestSeconds}: {reachedSeconds: number; latestSeconds: number},
): Refusal {
  return refusal('WINDOW_TOO_SHORT', `by the rehearsal a window of ${(windowMs ?? 0) / 1000} s would not be kept`, {
    detail: `The point of no return would be reached after ${Math.ceil(reachedSeconds)} s, and going back would have to be decided ${Math.max(0, Math.floor(latestSeconds))} s after the start.`,
    hint: 'Promise a longer one, or none',
  })
}

function swapTooEarly({transfer, to}: RunRequest): Refusal[] {
  if (transfer !== 'swap' || to >= 18) return []
  return [
    refusal('SWAP_NEEDS_18', `pg_upgrade of version ${to} cannot swap`, {
      detail: 'It came with version 18, and is quicker than links where there are very many files.',
      hint: 'Leave out --transfer swap',
    }),
  ]
}

/** Tried with a real file of each node, between the very directories. */
function cloneImpossible({transfer}: RunRequest, {check}: RunFacts): Refusal[] {
  if (transfer !== 'clone') return []
  return check.nodes.flatMap(({id, config, target, machine}) => {
    if (!machine.seen) return []
    const {clone, tablespaces} = machine.facts
    const tried = [
      {what: `a file of ${config.data} into ${target.data}`, ...clone},
      ...tablespaces.map((space) => ({what: `a file within ${space.location}`, ...space.clone})),
    ]
    return tried
      .filter(({ok}) => !ok)
      .map(({what, why}) =>
        refusal('CLONE_IMPOSSIBLE', `${config.host} cannot clone ${what}: ${why ?? 'unknown'}`, {
          node: id,
          detail:
            'Clones need a file system that shares blocks (XFS made with reflink=1, Btrfs), with both places on it.',
          hint: 'Leave out --transfer clone: hard links need no such file system',
        }),
      )
  })
}

/** Before 15 pg_upgrade gives tablespaces new numbers, by which a standby could not tell them. */
function movedTablespaces({to}: RunRequest, {check}: MigrationFacts): Refusal[] {
  const primary = check.nodes.find(({id}) => id === check.primary)
  const spaces = primary?.server.reachable === true ? primary.server.facts.tablespaces : []
  if (to >= 15 || spaces.length === 0) return []
  return [
    refusal('TABLESPACES_BEFORE_15', `standbys with tablespaces cannot be linked to version ${to}`, {
      detail: `There ${spaces.length === 1 ? 'is one' : `are ${spaces.length}`}, and versions before 15 give them other numbers.`,
      hint: 'Upgrade to 15 or later',
    }),
  ]
}

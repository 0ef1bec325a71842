/** Why a recovery by pgpool would fail, or not be safe, before it is asked for one. */
import {isAttached} from '../../cluster/pool-node.js'
import type {Refusal} from '../operation.js'
import {checkPrimary} from './checks.js'
import {checkExtension} from './extension.js'
import {checkPoolDirectory} from './pool-directory.js'
import type {PoolDriverFacts} from './pool-driver-survey.js'
import type {RecoveryRequest} from './request.js'

/** Scripts, settings, directory and extension. */
export function checkScripts(request: RecoveryRequest, facts: PoolDriverFacts): Refusal[] {
  const found: Refusal[] = []
  const refuse = (code: string, message: string, detail: string | null, hint: string): void => {
    found.push({code, node: request.node, message, detail, hint, override: null})
  }
  const install = 'poolctl scripts install'
  const {settings} = facts
  const first = settings['recovery_1st_stage_command'] ?? ''
  const needed =
    facts.mode === 'native'
      ? {recovery_1st_stage_command: 'recovery_1st_stage', recovery_2nd_stage_command: 'recovery_2nd_stage'}
      : {recovery_1st_stage_command: 'recovery_1st_stage'}
  for (const [name, value] of Object.entries(needed)) {
    const there = settings[name] ?? ''
    if (there !== value)
      refuse(
        'RECOVERY_COMMAND_OTHER',
        there === '' ? `pgpool has no ${name}` : `pgpool's ${name} is ${there}, not poolctl's ${value}`,
        first.includes('/') ? "pgpool puts the data directory's path before it, so a path of its own breaks it." : null,
        install,
      )
  }
  if ((settings['recovery_user'] ?? '') === '')
    refuse('RECOVERY_USER_MISSING', 'pgpool has no recovery_user', null, install)
  const missing = (facts.scripts ?? []).filter((script) => script.installed === null).map((script) => script.name)
  if (missing.length > 0)
    refuse(
      'SCRIPTS_MISSING',
      `node ${facts.primary?.id} lacks ${missing.join(', ')} in its data directory`,
      null,
      install,
    )
  return [...found, ...checkPoolDirectory(request, facts), ...checkExtension(request, facts)]
}

/** Whether pgpool has a recovery for this node at all. */
export function checkPool(request: RecoveryRequest, facts: PoolDriverFacts): Refusal[] {
  const node = facts.pool.find((candidate) => candidate.id === request.node)
  const refuse = (code: string, message: string, hint: string | null): Refusal[] => [
    {code, node: request.node, message, detail: null, hint, override: null},
  ]
  // A row with an empty host would have pgpool call the scripts with an empty host and directory.
  if (!node || node.status === 'unused' || node.hostname === '')
    return refuse('NODE_UNKNOWN_TO_POOL', `pgpool has no node ${request.node}`, 'poolctl node-info')
  if (facts.mode === null)
    return refuse(
      'NO_RECOVERY_IN_MODE',
      `pgpool has no online recovery in mode ${facts.clusteringMode ?? 'unknown'}`,
      null,
    )
  if (facts.watchdog?.leader === null)
    return refuse('NO_WATCHDOG_LEADER', 'no pgpool that answers leads the watchdog with a quorum', 'poolctl watchdog')
  if (facts.mode === 'native' && facts.watchdog === null && facts.pools > 1)
    return refuse(
      'POOLS_UNWATCHED',
      `${facts.pools} pgpools run without watchdog: the second stage would hold the clients of one of them only`,
      'Stop all pgpools but one, or give them a watchdog',
    )
  if (facts.mode === 'native')
    return facts.primary === null
      ? refuse('NO_PRIMARY', 'no other attached node answers, so there is nothing to recover from', 'poolctl status')
      : []
  if (isAttached(node) && node.role === 'primary')
    return refuse(
      'TARGET_IS_PRIMARY',
      `node ${request.node} is the primary that pgpool sends writes to`,
      'Move the primary role first: poolctl promote NODE',
    )
  return checkPrimary(request, facts)
}

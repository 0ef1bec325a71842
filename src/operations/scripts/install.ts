/**
 * `poolctl scripts install`: what pgpool's own recovery (and, when asked, its failover) needs, in place and proved to be so: scripts in
 * every node's data directory, the extension that calls them; beside every pgpool.conf the hooks, in it the settings; reload.
 *
 * Order: scripts before the settings that name them, because pgpool runs what is set at the next event; the reload comes last.
 */
import {scriptMode, type ScriptMode, type ScriptOptions} from '../../cluster/script-options.js'
import type {PlannedStep} from '../../engine/plan.js'
import {messageOf} from '../../lib/errors.js'
import type {Json, JsonObject} from '../../lib/json.js'
import type {ScriptState} from '../../ports/host.js'
import type {World} from '../../ports/world.js'
import type {PoolNode} from '../../cluster/pool-node.js'
import type {Decision, Operation, Refusal} from '../operation.js'
import {step} from '../planned-step.js'
import {followSetting, lookAtPgpool, outdated, pgpoolSteps, seenPgpools, type PgpoolView} from './install-pgpools.js'

export type InstallRequest = {
  jobs: number
  limitSeconds: number
  /** Also failover_command and follow_primary_command. */
  hooks: boolean
  hookPassfile: string | null
  /** client_idle_limit_in_recovery; null: as it is. */
  clientIdleLimit: number | null
}

export type InstallFacts = {
  pool: PoolNode[]
  mode: ScriptMode | null
  clusteringMode: string | null
  database: string
  systemIdentifier: string | null
  nodes: {
    id: number
    /** Null when its host does not answer. */
    scripts: ScriptState[] | null
    extension: {available: boolean; installed: boolean} | null
    inRecovery: boolean | null
    versionNum: number | null
    systemIdentifier: string | null
    reason: string | null
  }[]
  /** Each of them: the leader recovers and runs the hooks, and any can come to lead. */
  pgpools: PgpoolView[]
}

function optionsFrom(mode: ScriptMode, request: InstallRequest): ScriptOptions {
  const {jobs, limitSeconds, hookPassfile} = request
  return {mode, jobs, limitSeconds, startWaitSeconds: 60, hookPassfile}
}

async function survey(request: InstallRequest, world: World, observe: (text: string) => void): Promise<InstallFacts> {
  observe(`asking ${world.pool.name}, its host and ${world.file.nodes.length} nodes`)
  const [pool, poolSettings] = await Promise.all([world.pool.nodeInfo(), world.pool.settings()])
  const clusteringMode = poolSettings.get('backend_clustering_mode') ?? null
  const mode = scriptMode(clusteringMode)
  const options = optionsFrom(mode ?? 'streaming', request)
  // Configurable from 4.7 on; before, pgpool always goes to template1.
  const database = poolSettings.get('recovery_database') ?? 'template1'
  const hooks = request.hooks ? {options, follow: followSetting(poolSettings)} : null
  const settings = {
    recovery_1st_stage_command: 'recovery_1st_stage',
    recovery_2nd_stage_command: mode === 'native' ? 'recovery_2nd_stage' : '',
    ...(poolSettings.get('recovery_user') ? {} : {recovery_user: world.file.postgres.user}),
    ...(request.clientIdleLimit === null ? {} : {client_idle_limit_in_recovery: String(request.clientIdleLimit)}),
  }
  const [nodes, pgpools] = await Promise.all([
    Promise.all(world.file.nodes.map((node) => lookAt(world, node.id, options, database))),
    Promise.all(world.pools.map((place) => lookAtPgpool(place, settings, hooks))),
  ])
  return {
    pool,
    mode,
    clusteringMode,
    database,
    systemIdentifier: nodes.find((node) => node.systemIdentifier !== null)?.systemIdentifier ?? null,
    nodes,
    pgpools,
  }
}

async function lookAt(
  world: World,
  id: World['file']['nodes'][number]['id'],
  options: ScriptOptions,
  database: string,
): Promise<InstallFacts['nodes'][number]> {
  const server = world.postgres(id)
  const reasons: string[] = []
  const orNull = <T>(asked: Promise<T>): Promise<T | null> =>
    asked.catch((error: unknown) => {
      reasons.push(messageOf(error))
      return null
    })
  const [directory, scripts, facts, extension] = await Promise.all([
    orNull(world.host(id).look()),
    orNull(world.host(id).scripts(options)),
    orNull(server.facts()),
    orNull(server.recoveryExtension(database)),
  ])
  // An empty directory gets its scripts with its copy; a file in it now would only be in the way of one.
  const ready = directory?.exists === true && !directory.empty
  return {
    id,
    scripts: ready ? scripts : null,
    extension,
    inRecovery: facts?.inRecovery ?? null,
    versionNum: facts?.versionNum ?? null,
    systemIdentifier: facts?.systemIdentifier ?? null,
    reason: ready ? null : (reasons[0] ?? 'its data directory is empty'),
  }
}

function checks(facts: InstallFacts): Refusal[] {
  const found: Refusal[] = []
  const refuse = (code: string, message: string, hint: string): void => {
    found.push({code, node: null, message, detail: null, hint, override: null})
  }
  if (facts.mode === null)
    refuse(
      'NO_RECOVERY_IN_MODE',
      `pgpool has no online recovery in clustering mode ${facts.clusteringMode ?? 'unknown'}`,
      'It exists in streaming replication, native replication and snapshot isolation mode.',
    )
  const primaries = facts.nodes.filter((node) => node.inRecovery === false)
  if (primaries.length === 0)
    refuse('NO_PRIMARY', 'no running primary, so the extension cannot be looked for', 'poolctl status')
  for (const node of primaries) {
    if (node.extension && !node.extension.installed && !node.extension.available)
      refuse(
        'EXTENSION_MISSING',
        `node ${node.id} does not offer the extension pgpool_recovery`,
        "Install it there; Debian's package is postgresql-MAJOR-pgpool2.",
      )
  }
  // Whichever leads does what its own files say: one of them without its share is a failover that nobody follows.
  for (const pgpool of facts.pgpools) {
    if (!pgpool.reachable)
      refuse(
        'PGPOOL_HOST_UNREACHABLE',
        `the host of pgpool ${pgpool.name} cannot be asked: ${pgpool.reason}`,
        'Bring it back first, or take it out of the cluster file. poolctl recovery --driver ssh needs nothing of this.',
      )
  }
  return found
}

function decide(request: InstallRequest, facts: InstallFacts): Decision {
  const refusals = checks(facts)
  if (refusals.length > 0 || facts.mode === null) return {kind: 'refused', refusals}
  const options: JsonObject = optionsFrom(facts.mode, request)
  const steps = facts.nodes.flatMap((node): PlannedStep[] => {
    const wanted = node.scripts === null ? {} : outdated(node.scripts)
    if (Object.keys(wanted).length === 0) return []
    const title = `install ${Object.keys(wanted).join(', ')} on node ${node.id}`
    const input = {node: node.id, options, wanted}
    return [step({id: `install-scripts-${node.id}`, kind: 'install-scripts', title, input})]
  })
  for (const node of facts.nodes) {
    // Standbys get it by replication; in native replication each node is a server of its own.
    if (node.inRecovery !== false || node.extension?.installed !== false) continue
    const title = `create the extension pgpool_recovery in ${facts.database} on node ${node.id}`
    const input = {node: node.id, database: facts.database}
    steps.push(step({id: `recovery-extension-${node.id}`, kind: 'recovery-extension', title, input}))
  }
  const pgpools = seenPgpools(facts.pgpools)
  steps.push(...pgpoolSteps(pgpools, options))
  const diff = pgpools.filter((one) => one.diff.length > 0).map(({name, diff: lines}) => ({pool: name, lines}))
  if (steps.length === 0) return {kind: 'nothing-to-do', because: 'scripts, extension and settings are all in place'}
  const reasons: JsonObject = {mode: facts.mode, diff}
  return {
    kind: 'planned',
    plan: {
      reasons,
      steps,
      locks: facts.nodes.filter((n) => n.scripts !== null).map((n) => n.id),
      measuresOutage: false,
    },
    consent: {level: 'confirm', question: `Install what pgpool's own recovery needs (${facts.mode} mode)?`},
    warnings: facts.nodes
      .filter((node) => node.scripts === null)
      .map((node) => ({
        code: 'NODE_LEFT_OUT',
        message: `node ${node.id} is left out: ${node.reason ?? 'its host does not answer'}`,
        node: node.id,
      })),
  }
}

function fingerprint(facts: InstallFacts): JsonObject {
  const states = (list: readonly ScriptState[]): Json =>
    list.map((s) => [s.path, s.wanted, s.installed, s.flaw ?? null])
  return {
    mode: facts.mode,
    nodes: facts.nodes.map((node) => [node.id, states(node.scripts ?? []), node.extension?.installed ?? null]),
    pgpools: seenPgpools(facts.pgpools).map(({name, hooks, diff}) => [name, states(hooks), diff]),
  }
}

export const installScripts: Operation<InstallRequest, InstallFacts> = {
  verb: 'scripts-install',
  survey,
  decide,
  fingerprint,
  systemIdentifier: (facts) => facts.systemIdentifier,
  serverVersions: ({nodes}) => nodes.flatMap(({versionNum}) => (versionNum === null ? [] : [versionNum])),
  poolBefore: (facts) => facts.pool,
  summarise: (plan, steps) => ({
    facts: {mode: plan.reasons['mode'] ?? null, diff: plan.reasons['diff'] ?? []},
    followUps: steps.some((one) => one.kind === 'install-hooks')
      ? ["pgpool's user needs the database servers' SSH key and a ~/.pcppass: poolctl scripts test"]
      : [],
  }),
}

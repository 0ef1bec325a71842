/**
 * `poolctl scripts install`: what pgpool's own recovery (and, when asked, its failover) needs, in place and proved to be so: scripts in
 * every node's data directory, the extension that calls them, pgpool.conf, reload.
 *
 * Order: scripts before the settings that name them, because pgpool runs what is set at the next event; the reload comes last.
 */
import {scriptMode, type ScriptMode, type ScriptOptions} from '../../cluster/script-options.js'
import type {PlannedStep} from '../../engine/plan.js'
import {messageOf, Unreachable} from '../../lib/errors.js'
import type {Json, JsonObject} from '../../lib/json.js'
import type {ScriptState} from '../../ports/host.js'
import type {PoolPlace, World} from '../../ports/world.js'
import type {PoolNode} from '../../cluster/pool-node.js'
import type {Decision, Operation, Refusal} from '../operation.js'
import {lineDiff} from './diff.js'

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
    systemIdentifier: string | null
    reason: string | null
  }[]
  hooks: ScriptState[]
  /** Of each pgpool: the leader recovers, and any of them can come to lead. Empty: has them all. */
  pgpools: {name: string; settings: Record<string, string>; diff: string[]; reason: string | null}[]
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
  const hooks = request.hooks ? await world.pgpoolHost.hooks(options) : {states: [], settings: {}}
  const settings = {
    recovery_1st_stage_command: 'recovery_1st_stage',
    recovery_2nd_stage_command: mode === 'native' ? 'recovery_2nd_stage' : '',
    ...(poolSettings.get('recovery_user') ? {} : {recovery_user: world.file.postgres.user}),
    ...(request.clientIdleLimit === null ? {} : {client_idle_limit_in_recovery: String(request.clientIdleLimit)}),
  }
  const [nodes, pgpools] = await Promise.all([
    Promise.all(world.file.nodes.map((node) => lookAt(world, node.id, options, database))),
    // The hooks lie beside the first one's pgpool.conf, and it alone is told of them.
    Promise.all(world.pools.map((place, at) => editOf(place, at === 0 ? {...settings, ...hooks.settings} : settings))),
  ])
  return {
    pool,
    mode,
    clusteringMode,
    database,
    systemIdentifier: nodes.find((node) => node.systemIdentifier !== null)?.systemIdentifier ?? null,
    nodes,
    hooks: hooks.states,
    pgpools,
  }
}

async function editOf(
  {pool, host}: PoolPlace,
  settings: Record<string, string>,
): Promise<InstallFacts['pgpools'][number]> {
  try {
    const edit = await host.settingsEdit(settings)
    return {name: pool.name, settings, diff: edit === null ? [] : lineDiff(edit.before, edit.after), reason: null}
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    return {name: pool.name, settings, diff: [], reason: error.message}
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
    systemIdentifier: facts?.systemIdentifier ?? null,
    reason: ready ? null : (reasons[0] ?? 'its data directory is empty'),
  }
}

function outdated(states: readonly ScriptState[]): Record<string, string> {
  return Object.fromEntries(states.filter((s) => s.installed !== s.wanted).map((s) => [s.name, s.wanted]))
}

function step(draft: Pick<PlannedStep, 'id' | 'kind' | 'title' | 'input'> & Partial<PlannedStep>): PlannedStep {
  return {host: null, undo: null, irreversible: false, holdsUntil: null, ...draft}
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
  const hooks = outdated(facts.hooks)
  if (Object.keys(hooks).length > 0)
    steps.push(
      step({
        id: 'install-hooks',
        kind: 'install-hooks',
        title: `install ${Object.keys(hooks).join(', ')} beside pgpool.conf`,
        input: {options, wanted: hooks},
      }),
    )
  for (const [at, {name, settings, diff}] of facts.pgpools.entries()) {
    if (diff.length === 0) continue
    const where = facts.pgpools.length === 1 ? '' : ` of ${name}`
    steps.push(
      step({
        id: at === 0 ? 'pgpool-settings' : `pgpool-settings-${at}`,
        kind: 'pgpool-settings',
        title: `set ${Object.keys(settings).join(', ')} in pgpool.conf${where} and reload it`,
        input: {settings, pool: name},
      }),
    )
  }
  const diff = facts.pgpools.find((one) => one.diff.length > 0)?.diff ?? []
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
    warnings: [
      ...facts.nodes
        .filter((node) => node.scripts === null)
        .map((node) => ({
          code: 'NODE_LEFT_OUT',
          message: `node ${node.id} is left out: ${node.reason ?? 'its host does not answer'}`,
          node: node.id,
        })),
      ...facts.pgpools.flatMap(({name, reason}) =>
        reason === null ? [] : [{code: 'POOL_LEFT_OUT', message: `pgpool ${name} is left out: ${reason}`, node: null}],
      ),
    ],
  }
}

function fingerprint(facts: InstallFacts): JsonObject {
  const states = (list: readonly ScriptState[]): Json => list.map((s) => [s.path, s.wanted, s.installed])
  return {
    mode: facts.mode,
    nodes: facts.nodes.map((node) => [node.id, states(node.scripts ?? []), node.extension?.installed ?? null]),
    hooks: states(facts.hooks),
    pgpoolConf: facts.pgpools.map(({name, diff}) => [name, diff]),
  }
}

export const installScripts: Operation<InstallRequest, InstallFacts> = {
  verb: 'scripts-install',
  survey,
  decide,
  fingerprint,
  systemIdentifier: (facts) => facts.systemIdentifier,
  poolBefore: (facts) => facts.pool,
  summarise: (plan, steps) => ({
    facts: {mode: plan.reasons['mode'] ?? null, diff: plan.reasons['diff'] ?? []},
    followUps: steps.some((one) => one.kind === 'install-hooks')
      ? ["pgpool's user needs the database servers' SSH key and a ~/.pcppass: poolctl scripts test"]
      : [],
  }),
}

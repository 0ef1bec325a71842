/**
 * The frozen look that an upgrade is judged from: pgpool, every server, every machine, the primary's content. All nodes are asked at
 * once. What cannot be seen is part of the survey with its reason, because a check that could not be made has not passed.
 */
import type {NodeConfig} from '../../../cluster/cluster-file.js'
import type {NodeId} from '../../../cluster/node-id.js'
import {pgMajor} from '../../../cluster/pg-version.js'
import type {PoolNode} from '../../../cluster/pool-node.js'
import {translateSettings, trialConfig, type SettingChange} from '../../../cluster/settings-translation.js'
import {changesWith, withNewSettings, type NewSettings} from '../../../cluster/new-settings.js'
import {placeOf, upgradeTarget, type ClusterPlace} from '../../../cluster/upgrade-target.js'
import {AuthenticationRefused, messageOf} from '../../../lib/errors.js'
import type {LinkFacts} from '../../../ports/doctor.js'
import type {HostFacts, LockHolder} from '../../../ports/host.js'
import type {
  FileSetting,
  HostQuestion,
  ServerConfiguration,
  SettingsProof,
  Trial,
  UpgradeContent,
  UpgradeHostFacts,
} from '../../../ports/upgrade-check.js'
import type {World} from '../../../ports/world.js'
import {surveyPools} from '../../survey-pools.js'
import {surveyServers, type ServerView} from '../../survey-servers.js'
import {checkQuoted, checkQuotedConfig} from './quoted.js'
import {trialSpaceShort} from './space.js'
import {scansFor} from './scans.js'
import {serviceActs} from './services.js'

export type UpgradeCheckRequest = {
  to: number
  maxLagBytes: number
  /** Codes of checks that the site has lifted, by name. */
  accept: string[]
  /** Restore the schema into a trial cluster; without it the survey is a matter of seconds. */
  trial: boolean
}

export type MachineView =
  | {
      seen: true
      facts: UpgradeHostFacts
      host: HostFacts
      lock: LockHolder | null
      /** Null: the server's settings could not be read, or the new programs are not there. */
      proof: SettingsProof | null
      /** From a standby to the primary; null: it is the primary, or there is no one primary. */
      reach: LinkFacts | null
    }
  | {seen: false; reason: string}

export type NodeSurvey = {
  id: NodeId
  config: NodeConfig
  target: ClusterPlace
  server: ServerView
  machine: MachineView
  settings: FileSetting[] | null
  configuration: ServerConfiguration | null
  changes: SettingChange[]
}

export type UpgradeSurvey = {
  takenAt: string
  request: UpgradeCheckRequest
  /** Null: no server answered. */
  from: number | null
  /** The one server that is not in recovery; null when there is none, or more than one. */
  primary: NodeId | null
  pool: {
    nodes: PoolNode[]
    settings: Record<string, string>
    backendPids: number[]
    fencedBy: string | null
    /** Why some pgpool cannot be fenced; null: each can, or is seen to be away. */
    unseen: string | null
  }
  /** As whom the standbys will follow. */
  replicationUser: string
  /** What the cluster file gives the new version in place of the old one's settings. */
  given: NewSettings
  nodes: NodeSurvey[]
  content: UpgradeContent | null
  contentUnseen: string | null
  trial: Trial | null
  trialSkipped: string | null
}

/** pgpool's settings that decide what it does by itself while servers stop, and as whom it looks at them. */
const POOL_SETTINGS = [
  'backend_clustering_mode',
  'auto_failback',
  'failover_on_backend_error',
  'failover_on_backend_shutdown',
  'detach_false_primary',
  'failover_command',
  'follow_primary_command',
  'health_check_period',
  'health_check_user',
  'sr_check_user',
]

/** A schema of some hundred thousand relations takes about as long as this to restore. */
const TRIAL_MS = 60 * 60_000

/** Throws when pgpool cannot be asked or a password is refused; everything else that cannot be seen is in the survey. */
export async function surveyUpgrade(
  request: UpgradeCheckRequest,
  world: World,
  observe: (text: string) => void,
): Promise<UpgradeSurvey> {
  observe(`asking ${world.pool.name} and ${world.file.nodes.length} servers`)
  const [nodes, settings, sessions, servers] = await Promise.all([
    world.pool.nodeInfo(),
    world.pool.settings(),
    world.pool.sessions(),
    surveyServers(world),
  ])
  const from = versionOf(servers)
  const primaries = servers.filter((server) => server.reachable && !server.facts.inRecovery)
  const primary = primaries.length === 1 ? (primaries[0]?.id ?? null) : null
  const {content, contentUnseen} = await contentOf(world, primary, from, request.to, observe)
  observe(`looking at ${world.file.nodes.map(({host}) => host).join(', ')}`)
  const seen = await Promise.all(
    servers.map((server) =>
      surveyNode(world, server, {
        from: from ?? request.to - 1,
        to: request.to,
        content,
        tablespaces: tablespacesOf(servers),
        primary,
      }),
    ),
  )
  const base = {
    takenAt: world.clock.now().toISOString(),
    request,
    from,
    primary,
    pool: {
      nodes,
      settings: Object.fromEntries(
        POOL_SETTINGS.flatMap((name) => (settings.has(name) ? [[name, settings.get(name) ?? '']] : [])),
      ),
      backendPids: sessions.flatMap(({backendPid}) => (backendPid === null ? [] : [backendPid])),
      ...(await fenceOf(world)),
    },
    replicationUser: world.file.postgres.replicationUser,
    given: world.file.upgrade?.settings ?? {},
    nodes: seen,
    content,
    contentUnseen,
  }
  return {...base, ...(await trialOf(world, base, observe))}
}

function versionOf(servers: readonly ServerView[]): number | null {
  const [first] = servers.flatMap((server) => (server.reachable ? [server.facts.versionNum] : []))
  return first === undefined ? null : pgMajor(first)
}

function tablespacesOf(servers: readonly ServerView[]): HostQuestion['tablespaces'] {
  const seen = servers.find((server) => server.reachable)
  return seen?.reachable === true ? seen.facts.tablespaces.map(({oid, location}) => ({oid, location})) : []
}

async function contentOf(
  world: World,
  primary: NodeId | null,
  from: number | null,
  to: number,
  observe: (text: string) => void,
): Promise<Pick<UpgradeSurvey, 'content' | 'contentUnseen'>> {
  if (primary === null || from === null) return {content: null, contentUnseen: 'there is no one primary to ask'}
  observe(`reading the catalogs of node ${primary}`)
  try {
    return {content: await world.upgradeSql(primary).content(scansFor(from, to)), contentUnseen: null}
  } catch (error) {
    if (error instanceof AuthenticationRefused) throw error
    return {content: null, contentUnseen: messageOf(error)}
  }
}

/** What is known of the site before its machines are looked at. */
type Known = Pick<UpgradeSurvey, 'content' | 'primary'> & Pick<HostQuestion, 'tablespaces'> & {from: number; to: number}

async function surveyNode(
  world: World,
  server: ServerView,
  {from, to, content, tablespaces, primary}: Known,
): Promise<NodeSurvey> {
  const {id, node: config} = server
  const target = upgradeTarget(config, from, to)
  const [settings, configuration] = server.reachable
    ? await Promise.all([fileSettings(world, id), configurationOf(world, id)])
    : [null, null]
  const given = world.file.upgrade?.settings ?? {}
  const {settings: translated, changes} = translateSettings(settings ?? [], from, to)
  const acts = serviceActs(config, target)
  const question: HostQuestion = {
    newBin: target.bin,
    newData: target.data,
    newConfig: target.config,
    newMajor: to,
    tablespaces,
    libraries: librariesOf(content, from),
    extensions: [...new Set(content?.extensions.map(({name}) => name))],
    units: acts.flatMap((act) => ('unit' in act ? [act] : [])),
    programs: [...new Set(acts.flatMap((act) => ('program' in act ? [act.program] : [])))],
    locales: [...new Set(content?.databases.flatMap(({collate, ctype}) => [collate, ctype]))],
  }
  const seen = await machineOf(
    world,
    id,
    question,
    settings === null ? null : trialConfig(withNewSettings(translated, given), false),
  )
  const machine = seen.seen ? {...seen, reach: await reachOf(world, id, primary)} : seen
  const all = changesWith(changes, given, to)
  return {id, config, target, server, machine, settings, configuration, changes: all}
}

/** With those that logical slots need, which are carried from 17 on. */
function librariesOf(content: UpgradeContent | null, from: number): string[] {
  const plugins = from < 17 ? [] : (content?.slots.flatMap(({plugin}) => plugin ?? []) ?? [])
  return [...new Set([...(content?.libraries.map(({library}) => library) ?? []), ...plugins])]
}

async function fileSettings(world: World, id: NodeId): Promise<FileSetting[] | null> {
  return world
    .upgradeSql(id)
    .fileSettings()
    .catch(() => null)
}

/** As a copy and a walreceiver would go. That it could not be tried is as bad as that it failed. */
async function reachOf(world: World, id: NodeId, primary: NodeId | null): Promise<LinkFacts | null> {
  const to = world.file.nodes.find((node) => node.id === primary)
  if (!to || id === primary) return null
  const {replicationUser: user, replicationPassfile: passfile} = world.file.postgres
  try {
    return await world.upgradeHost(id).reach(to, {user, passfile})
  } catch (error) {
    if (error instanceof AuthenticationRefused) throw error
    return {sshError: messageOf(error), rsyncError: null, hardLinks: null, loginError: null}
  }
}

/** A pgpool that cannot be looked at could not be fenced either. */
async function fenceOf(world: World): Promise<Pick<UpgradeSurvey['pool'], 'fencedBy' | 'unseen'>> {
  try {
    return {fencedBy: (await surveyPools(world)).fencedBy, unseen: null}
  } catch (error) {
    return {fencedBy: null, unseen: messageOf(error)}
  }
}

async function configurationOf(world: World, id: NodeId): Promise<ServerConfiguration | null> {
  return world
    .upgradeSql(id)
    .configuration()
    .catch(() => null)
}

async function machineOf(
  world: World,
  id: NodeId,
  question: HostQuestion,
  config: string | null,
): Promise<MachineView> {
  try {
    const upgrade = world.upgradeHost(id)
    const [facts, host, lock] = await Promise.all([
      upgrade.look(question),
      world.host(id).facts(),
      world.host(id).readLock(),
    ])
    const provable = config !== null && !facts.missingPrograms.includes('postgres')
    const proof = provable ? await upgrade.proveSettings(question.newBin, config) : null
    return {seen: true, facts, host, lock, proof, reach: null}
  } catch (error) {
    if (error instanceof AuthenticationRefused) throw error
    return {seen: false, reason: messageOf(error)}
  }
}

/** On the primary alone: its schema is everybody's. Skipped where it could only repeat what is known to be missing. */
async function trialOf(
  world: World,
  survey: Omit<UpgradeSurvey, 'trial' | 'trialSkipped'>,
  observe: (text: string) => void,
): Promise<Pick<UpgradeSurvey, 'trial' | 'trialSkipped'>> {
  const skipped = (trialSkipped: string): Pick<UpgradeSurvey, 'trial' | 'trialSkipped'> => ({trial: null, trialSkipped})
  const {request, primary, content, from} = survey
  if (!request.trial) return skipped('it was not asked for')
  const node = survey.nodes.find(({id}) => id === primary)
  if (!node || !content || from === null || !node.server.reachable) return skipped('there is no one primary to ask')
  if (!node.machine.seen) return skipped(`its machine cannot be asked: ${node.machine.reason}`)
  const {facts} = node.machine
  const impossible = facts.missingPrograms.length > 0 || !facts.newData.parentWritable || facts.newData.nested
  if (impossible) return skipped('the new programs or a place for a cluster are missing')
  if ([...checkQuoted(node), ...checkQuotedConfig(node)].length > 0) return skipped('a path would be run by a shell')
  if (trialSpaceShort(facts) !== null) return skipped('there is too little space to try it beside the running server')
  const template = content.databases.find(({name}) => name === 'template0')
  if (!template || request.to <= from) return skipped('there is nothing to try')
  observe(`trying version ${request.to} on ${node.config.host}: pg_upgrade --check, settings, schema`)
  const {settings} = translateSettings(node.settings ?? [], from, request.to)
  const trial = await world
    .upgradeHost(node.id)
    .trial(
      {
        newBin: node.target.bin,
        newData: node.target.data,
        oldPort: node.config.port,
        address: node.config.address,
        user: content.user.name,
        socketDirectories: socketDirectories(node.settings),
        database: {encoding: template.encoding, collate: template.collate, ctype: template.ctype},
        segmentBytes: Number(node.server.facts.settings['wal_segment_size'] ?? 16 * 1024 ** 2),
        dataChecksums: node.server.facts.settings['data_checksums'] === 'on',
        config: trialConfig(withNewSettings(settings, survey.given), true),
        prepared: facts.newData.pgVersion === String(request.to) && !(await leftBehind(world, node, from, request.to)),
      },
      TRIAL_MS,
    )
  return {trial, trialSkipped: null}
}

/** By an upgrade that was gone back from: it is ours, it was used, and the next `upgrade prepare` makes it anew. */
async function leftBehind(world: World, {id, config, target}: NodeSurvey, from: number, to: number): Promise<boolean> {
  const {ours, prepared} = await world.migrationHost(id).look({from, to, old: placeOf(config), new: target})
  return ours && !prepared
}

/** Debian's and upstream's defaults where the site has set nothing. */
function socketDirectories(settings: readonly FileSetting[] | null): string[] {
  const set = settings?.find(({name}) => name === 'unix_socket_directories')?.value
  const directories = (set ?? '/var/run/postgresql,/tmp').split(',').map((text) => text.trim().replaceAll('"', ''))
  return directories.filter((text) => text.startsWith('/'))
}

/** How the survey is taken: all nodes are asked at once. */
import {lagBytesOf} from '../../../cluster/lag.js'
import type {NodeId} from '../../../cluster/node-id.js'
import {pgMajor} from '../../../cluster/pg-version.js'
import {parseFigures, type RehearsalFigures} from '../../../cluster/rehearsal-figures.js'
import {AuthenticationRefused, messageOf} from '../../../lib/errors.js'
import type {PoolSession} from '../../../ports/pool.js'
import type {ServerFacts} from '../../../ports/postgres.js'
import type {HostQuestion} from '../../../ports/upgrade-check.js'
import type {World} from '../../../ports/world.js'
import {surveyPools} from '../../survey-pools.js'
import {surveyServers, type ServerView} from '../../survey-servers.js'
import {surveyNode} from './look-node.js'
import {lookAtTrial} from './look-trial.js'
import {scansFor} from './scans.js'
import type {NodeSurvey, UpgradeCheckRequest, UpgradeSurvey} from './survey.js'

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
  'num_init_children',
  'max_pool',
  'reserved_connections',
]

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
  const askedAtMs = world.clock.now().getTime()
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
        rates: request.rates,
      }),
    ),
  )
  const withLater = await lagLater(world, {nodes: seen, primary, maxLagBytes: request.maxLagBytes, askedAtMs})
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
      clients: clientsOf(sessions),
      versions: await versionsOfPools(world),
      ...(await fenceOf(world)),
    },
    replicationUser: world.file.postgres.replicationUser,
    given: world.file.upgrade?.settings ?? {},
    nodes: withLater,
    content,
    contentUnseen,
    rehearsals: await rehearsalsOf(world),
    toolVersion: world.toolVersion,
  }
  return {...base, ...(await lookAtTrial(world, base, observe))}
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

/** A pgpool that cannot be looked at could not be fenced either. */
async function fenceOf(world: World): Promise<Pick<UpgradeSurvey['pool'], 'fencedBy' | 'unseen'>> {
  try {
    return {fencedBy: (await surveyPools(world)).fencedBy, unseen: null}
  } catch (error) {
    return {fencedBy: null, unseen: messageOf(error)}
  }
}

async function versionsOfPools(world: World): Promise<UpgradeSurvey['pool']['versions']> {
  return Promise.all(
    world.pools.map(async ({pool, show}) => ({name: pool.name, version: await show.version().catch(() => null)})),
  )
}

function clientsOf(sessions: readonly PoolSession[]): UpgradeSurvey['pool']['clients'] {
  const connected = sessions.filter((session) => session.connected)
  return {
    connected: new Set(connected.map(({pid}) => pid)).size,
    // A child that has served nobody yet has a row without names.
    pairs: new Set(sessions.filter(({user}) => user !== '').map(({user, database}) => `${user}\0${database}`)).size,
  }
}

/** A host that cannot be asked is a finding of the checks; another one may have them. */
async function rehearsalsOf(world: World): Promise<RehearsalFigures[]> {
  const texts = await Promise.all(
    world.file.nodes.map(({id}) =>
      world
        .rehearsalHost(id)
        .readNote()
        .catch(() => null),
    ),
  )
  return texts.flatMap((text) => (text === null ? [] : (parseFigures(text) ?? [])))
}

type Lag = {nodes: NodeSurvey[]; primary: NodeId | null; maxLagBytes: number; askedAtMs: number}

/** Lag that shrinks is another thing than lag that grows: those that are too far behind are asked twice. */
async function lagLater(world: World, {nodes, primary, maxLagBytes, askedAtMs}: Lag): Promise<NodeSurvey[]> {
  const own = nodes.find(({id}) => id === primary)?.server
  const far = nodes.filter(
    ({id, server}) =>
      id !== primary &&
      server.reachable &&
      own?.reachable === true &&
      (lagBytesOf(own.facts, server.facts) ?? 0) > maxLagBytes,
  )
  if (primary === null || far.length === 0) return nodes
  const ask = (id: NodeId): Promise<ServerFacts | null> =>
    world
      .postgres(id)
      .facts()
      .catch(() => null)
  const [ownLater, ...theirs] = await Promise.all([ask(primary), ...far.map(({id}) => ask(id))])
  const afterSeconds = (world.clock.now().getTime() - askedAtMs) / 1000
  return nodes.map((node) => {
    const facts = theirs[far.indexOf(node)]
    const lagBytes = ownLater && facts ? lagBytesOf(ownLater, facts) : null
    return lagBytes === null ? node : {...node, later: {lagBytes, afterSeconds}}
  })
}

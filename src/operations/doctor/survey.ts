/** One look at everything that the chosen checks want to know. What cannot be seen is part of the picture, with the reason. */
import type {ClusterFile, NodeConfig} from '../../cluster/cluster-file.js'
import type {NodeId} from '../../cluster/node-id.js'
import type {DoctorNodeHost, DoctorPgpoolHost, DoctorServer, PgpoolPlaces} from '../../ports/doctor.js'
import type {PoolSettings} from '../../ports/pool.js'
import type {Postgres} from '../../ports/postgres.js'
import type {PoolMember} from '../ask-pools.js'
import {hookPrograms} from './hooks.js'
import {look, NOT_ASKED} from './look.js'
import {
  settingsOf,
  type LinkLook,
  type NodeLook,
  type PoolLook,
  type ServerLook,
  type Snapshot,
  type ViewName,
} from './snapshot.js'
import {tryHooks, tryLogins} from './trials.js'
import {wantedBy, type Wanted} from './wanted.js'

/** The ports of `doctor`, as the composition root hands them out. */
export type DoctorWorld = {
  file: ClusterFile
  /** In the order of the cluster file. */
  pools: readonly (PoolMember & {machine: DoctorPgpoolHost})[]
  postgres(id: NodeId): Postgres
  server(id: NodeId): DoctorServer
  machine(id: NodeId): DoctorNodeHost
}

export async function takeSnapshot(
  world: DoctorWorld,
  views: ReadonlySet<ViewName>,
  observe: (text: string) => void,
): Promise<Snapshot> {
  observe(`looking at ${[...views].join(', ')}`)
  const pools = await Promise.all(world.pools.map((member, index) => lookAtPool(world, member, index, views)))
  const wanted = wantedBy(pools, world.file.postgres)
  const [nodes, links, logins] = await Promise.all([
    Promise.all(world.file.nodes.map((node) => lookAtNode(world, node, {views, wanted}))),
    lookAtLinks(world, views),
    views.has('login') ? tryLogins(pools, world) : [],
  ])
  return frozen({file: world.file, pools, nodes, links, logins})
}

async function lookAtPool(
  world: DoctorWorld,
  member: DoctorWorld['pools'][number],
  index: number,
  views: ReadonlySet<ViewName>,
): Promise<PoolLook> {
  const config = world.file.pgpool[index]
  if (config === undefined) throw new Error('more pgpools than the cluster file has')
  const [pcp, watchdog, sql] = await Promise.all([
    look(views.has('pcp'), async () => {
      const admin = await member.admin()
      const rows = await admin.parameters()
      const parameters = new Map(rows.flatMap(({name, value}) => (value === null ? [] : [[name, value] as const])))
      return {nodes: await admin.nodeInfo(), parameters}
    }),
    look(views.has('watchdog'), async () => (await member.admin()).watchdog()),
    look(views.has('sql'), async () => {
      const show = await member.show()
      if (show === null) throw new Error('pgpool was named without a cluster file')
      return {settings: await show.settings(), version: await show.version()}
    }),
  ])
  const pool: PoolLook = {config, name: member.name, pcp, watchdog, sql, host: NOT_ASKED, hooks: NOT_ASKED}
  const settings = settingsOf(pool)
  const places = placesOf(settings.seen ? settings.value : new Map<string, string>())
  const withHost = {...pool, host: await look(views.has('pgpool-host'), () => member.machine.look(places))}
  return {...withHost, hooks: await look(views.has('hook'), () => tryHooks(withHost, member.machine))}
}

function placesOf(settings: PoolSettings): PgpoolPlaces {
  const directory = settings.get('pcp_socket_dir')?.split(',')[0]?.trim()
  const port = settings.get('pcp_port')
  return {
    // From 4.7 on pgpool_status lies in work_dir (Pgpool-II 4.7, release notes).
    statusDirectory: settings.get('work_dir') ?? settings.get('logdir') ?? null,
    pcpSocket: directory && port ? `${directory}/.s.PGSQL.${port}` : null,
    pidFile: settings.get('pid_file_name') ?? null,
    programs: hookPrograms(settings).flatMap(({program}) => (program.startsWith('/') ? [program] : [])),
  }
}

async function lookAtNode(
  world: DoctorWorld,
  config: NodeConfig,
  {views, wanted}: {views: ReadonlySet<ViewName>; wanted: Wanted},
): Promise<NodeLook> {
  const {postgres} = world.file
  const [server, host] = await Promise.all([
    look(views.has('server'), async () => {
      const server = world.postgres(config.id)
      const facts = await server.facts()
      const more = await world.server(config.id).facts(wanted.roles)
      return {...facts, more, extensions: await lookForExtension(server, wanted.databases, more.databases)}
    }),
    look(views.has('node-host'), () => world.machine(config.id).look(wanted.scripts, postgres.replicationPassfile)),
  ])
  return {config, server, host}
}

/** A login at one more database can fail where the server itself answers well. */
async function lookForExtension(
  server: Postgres,
  databases: readonly string[],
  existing: readonly string[],
): Promise<ServerLook['extensions']> {
  const looks = databases.map(async (database) => {
    const there = existing.includes(database)
    return [database, await look(true, async () => (there ? server.recoveryExtension(database) : null))] as const
  })
  return new Map(await Promise.all(looks))
}

/** Every ordered pair: any node can become the one that the others copy from. From one host one after another. */
async function lookAtLinks(world: DoctorWorld, views: ReadonlySet<ViewName>): Promise<LinkLook[]> {
  if (!views.has('link')) return []
  const {nodes, postgres} = world.file
  const login = {user: postgres.replicationUser, passfile: postgres.replicationPassfile}
  const all = await Promise.all(
    nodes.map(async (from) => {
      const links: LinkLook[] = []
      for (const to of nodes.filter(({id}) => id !== from.id)) {
        links.push({from, to, look: await look(true, () => world.machine(from.id).link(to, login))})
      }
      return links
    }),
  )
  return all.flat()
}

/** A check that changed what it looks at would change what the next one sees. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) frozen(inner as unknown)
  return value instanceof Map ? value : Object.freeze(value)
}

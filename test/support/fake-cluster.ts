/** The ports of a fake site, and what must hold of it whatever happened. */
import type {World} from '../../src/ports/world.js'
import {siteClock, type FakeClock} from './fake-clock.js'
import {FakeNodeHost} from './fake-node-host.js'
import {FakePgpoolHost, FakePool, FakeProxy} from './fake-pool.js'
import {FakePostgres} from './fake-postgres.js'
import {FakeMigrationHost, FakeNewServer, FakeRehearsalHost, moveInFile} from './fake-migration.js'
import {FakeUpgradeHost, FakeUpgradeSql} from './fake-upgrade.js'
import {isPrimary, nodeOf, replicate, runPool, upstream, type FakeNode, type Site} from './fake-site.js'

export type FakeWorld = World & {readonly clock: FakeClock}

/** One process's view of `site`. Make a new one after a simulated kill. */
export function fakeWorld(site: Site): FakeWorld {
  const pool = new FakePool(site)
  return {
    file: site.file,
    clock: siteClock(site),
    toolVersion: '0.1.0',
    pool,
    pools: [{pool, show: {version: () => Promise.resolve(site.pool.version ?? null)}, host: new FakePgpoolHost(site)}],
    proxy: new FakeProxy(site),
    postgres: (id) => new FakePostgres(site, id),
    host: (id) => new FakeNodeHost(site, id, site.file.nodes.find((node) => node.id === id)?.data),
    upgradeSql: (id) => new FakeUpgradeSql(site, id),
    upgradeHost: (id) => new FakeUpgradeHost(site, id),
    wayBackHost: (id) => new FakeMigrationHost(site, id, 'wayBack'),
    rehearsalHost: (id) => new FakeRehearsalHost(site, id),
    migrationHost: (id) => new FakeMigrationHost(site, id),
    newServer: (id) => new FakeNewServer(site, id),
    hostAt: (node) => new FakeNodeHost(site, node.id, node.data),
    moveInFile: (_operation, places) => moveInFile(site, places),
    giveUpRecord: (operation) => {
      site.givenUp = [...new Set([...(site.givenUp ?? []), operation])]
      return Promise.resolve()
    },
    token: () => {
      site.next += 1
      return `token-${site.next}`
    },
  }
}

function settle(site: Site): void {
  runPool(site)
  replicate(site)
}

function attachedIds(site: Site): number[] {
  return site.pool.nodes.filter((n) => n.status === 'up' || n.status === 'waiting').map((n) => n.id)
}

function ids(site: Site): number[] {
  return Object.keys(site.nodes).map(Number)
}

/** What must never be, by whatever way an operation ended. Empty: all is well. */
export function dangers(site: Site): string[] {
  settle(site)
  const found: string[] = []
  const attached = attachedIds(site)
  const primaries = ids(site).filter((id) => isPrimary(nodeOf(site, id)))
  if (site.sawTwoPrimaries) found.push('two primaries were attached at the same time')
  if (primaries.length > 1) found.push(`nodes ${primaries.join(' and ')} both run as primary`)
  for (const id of ids(site)) {
    const node = nodeOf(site, id)
    if (node.directory?.content === 'spoiled') found.push(`node ${id} was started from a half copy`)
    if (isPrimary(node) && node.directory?.content !== 'whole') found.push(`node ${id} serves from a half copy`)
    if (startable(node) && node.directory?.content === 'mixed')
      found.push(`node ${id} holds a half copy that would start`)
  }
  for (const id of attached) {
    if (isPrimary(nodeOf(site, id))) continue
    const {sender, why} = upstream(site, id)
    if (sender === null) found.push(`node ${id} is attached and does not stream: ${why}`)
    else if (!attached.includes(sender))
      found.push(`node ${id} is attached and streams from node ${sender}, which is not`)
  }
  return found
}

function startable(node: FakeNode): boolean {
  return node.directory?.control === true
}

/** Exactly one primary is attached and running, pgpool knows it, and it has every row that a client was told it has. */
export function unserved(site: Site): string[] {
  settle(site)
  const serving = attachedIds(site).filter((id) => isPrimary(nodeOf(site, id)))
  const [primary] = serving
  if (primary === undefined || serving.length > 1) return [`${serving.length} primaries serve in the pool`]
  const rows = new Set(nodeOf(site, primary).directory?.rows)
  const lost = site.acknowledged.filter((row) => !rows.has(row))
  const believed = site.pool.nodes.find((n) => n.role === 'primary')?.id
  return [
    ...(lost.length > 0 ? [`acknowledged rows ${lost.join(', ')} are lost`] : []),
    ...(believed === primary ? [] : [`pgpool believes that node ${believed ?? 'none'} is primary, it is ${primary}`]),
  ]
}

/** The node takes part, whole and streaming, or lies still: detached, and not running or unable to start. */
export function halfDone(site: Site, id: number): string[] {
  settle(site)
  const node = nodeOf(site, id)
  const attached = attachedIds(site).includes(id)
  if (attached)
    return isPrimary(node) || upstream(site, id).sender !== null ? [] : [`node ${id} is attached and not streaming`]
  if (!node.running) return []
  if (isPrimary(node)) return [`node ${id} runs as a primary outside the pool`]
  return node.directory?.content === 'whole' ? [] : [`node ${id} runs from a half copy`]
}

/** What an operation must not leave behind; `before` is the site as it was. */
export function leftovers(site: Site, before: Site): string[] {
  settle(site)
  const found: string[] = []
  if (site.pool.fence) found.push(`the fence of ${site.pool.fence.operation} stands`)
  if (JSON.stringify(site.pool.applied) !== JSON.stringify(before.pool.applied))
    found.push('pgpool runs with other settings')
  if (site.sessions.some((s) => s.open)) found.push('a backup session is open')
  for (const id of ids(site)) {
    const node = nodeOf(site, id)
    const known = new Set(nodeOf(before, id).directory?.slots.map((s) => s.name))
    const added = node.directory?.slots.filter((s) => !known.has(s.name)).map((s) => s.name) ?? []
    if (node.running && added.length > 0) found.push(`node ${id} keeps slots ${added.join(', ')}`)
    if (Object.values(node.jobs).some((job) => job.state === 'running')) found.push(`a job runs on node ${id}`)
    if (node.dataAside) found.push(`node ${id} keeps a data directory aside`)
  }
  return found
}

/** All of the above in one: what any end of any operation must satisfy; `rolledBack` adds that nothing is left behind. */
export function allowedState(site: Site, about: {target: number; before: Site; rolledBack: boolean}): string[] {
  return [
    ...dangers(site),
    ...unserved(site),
    ...halfDone(site, about.target),
    ...(about.rolledBack ? leftovers(site, about.before) : []),
  ]
}

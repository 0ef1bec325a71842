/**
 * Three pgpools under watchdog in front of the servers of a lab, each with an address and a directory of its own, on this one machine; when
 * asked for, each also with an sshd of its own, so that its host can die.
 */
import {appendFile, cp, readFile, rename, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {giveToServers, writeForServers} from '../../src/lab/credentials.js'
import {labProcesses, pidFrom} from '../../src/lab/processes.js'
import {runAsServer} from '../../src/lab/run.js'
import {noteSegments} from '../../src/lab/shared-memory.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {sshPidFile, startSsh, writeSshConfig, type LabHost} from '../../src/lab/ssh-server.js'
import {saveSpec} from '../../src/lab/store.js'

export type WatchdogPool = {id: number; address: string; directory: string; watchdogPort: number}

const IDS = [0, 1, 2]

export function watchdogPools(spec: LabSpec): WatchdogPool[] {
  const network = spec.proxy.address.split('.').slice(0, 3).join('.')
  return IDS.map((id) => ({
    id,
    address: `${network}.${101 + id}`,
    directory: join(spec.directory, `wd${id}`),
    // Watchdog and heartbeat listen on every address, so members on one machine need ports of their own.
    watchdogPort: spec.ports.pcp + 10 + id,
  }))
}

/** The lab's own pgpool is stopped. Returns a cluster file that names the three; they are not started yet. */
export async function makeWatchdogPools(spec: LabSpec, ssh: 'one' | 'each' = 'one'): Promise<string> {
  const paths = labPaths(spec.directory)
  await runAsServer(spec, paths.pgpoolControl, ['stop'], {withinMs: 60_000})
  const pools = watchdogPools(spec)
  for (const pool of pools) await makeOne(spec, pool, pools)
  const [, , , secret = ''] = (await readFile(paths.pcpPassfile, 'utf8')).trim().split(':')
  await writeFile(paths.pcpPassfile, `*:${spec.ports.pcp}:pcpadmin:${secret}\n`, {mode: 0o600})
  const passfile = await readFile(paths.passfile, 'utf8')
  const own = passfile.split('\n').filter((line) => line.startsWith(`${spec.proxy.address}:`))
  const more = pools.flatMap(({address}) => own.map((line) => line.replace(spec.proxy.address, address)))
  await writeFile(paths.passfile, `${passfile}${more.join('\n')}\n`, {mode: 0o600})
  if (ssh === 'each') {
    const known = (await readFile(paths.knownHosts, 'utf8'))
      .split('\n')
      .filter((line) => line.includes(spec.proxy.address))
    const lines = pools.flatMap(({address}) => known.map((line) => `${line.replace(spec.proxy.address, address)}\n`))
    await appendFile(paths.knownHosts, lines.join(''))
    for (const pool of pools) {
      await writeSshConfig(spec, sshHost(pool))
      await startPoolSsh(spec, pool)
    }
  }
  return clusterFile(spec, pools, ssh)
}

function sshHost({id, address, directory}: WatchdogPool): LabHost {
  return {name: `proxy${id}`, address, directory}
}

export async function startPoolSsh(spec: LabSpec, pool: WatchdogPool): Promise<void> {
  await startSsh(spec, sshHost(pool))
}

/** Nobody can log in any more; who is logged in is cut off too. */
export async function killPoolSsh(spec: LabSpec, pool: WatchdogPool): Promise<void> {
  const pid = await pidFrom(sshPidFile(pool))
  if (pid === null) return
  const all = await labProcesses(spec)
  const ours = new Set([pid])
  // Sessions are children of the daemon and of each other.
  for (const {pid: child, parent} of all.toSorted((a, b) => a.pid - b.pid)) if (ours.has(parent)) ours.add(child)
  for (const one of ours) {
    try {
      process.kill(one, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

async function makeOne(spec: LabSpec, pool: WatchdogPool, pools: readonly WatchdogPool[]): Promise<void> {
  const {proxy} = labPaths(spec.directory)
  await cp(proxy, pool.directory, {
    recursive: true,
    filter: (source) => !/\.s\.PGSQL|pgpool\.(?:pid|log)$|sshd[^/]*$/.test(source),
  })
  for (const name of [
    '',
    'run',
    'pgpool.conf',
    'pcp.conf',
    'pool_hba.conf',
    'pool_passwd',
    'pgpool_status',
    'pgpool-control',
  ]) {
    await giveToServers(spec, join(pool.directory, name)).catch(() => undefined)
  }
  const own = (text: string): string =>
    text.replaceAll(`${proxy}/`, `${pool.directory}/`).replaceAll(`'${proxy}'`, `'${pool.directory}'`)
  const conf = own(await readFile(join(pool.directory, 'pgpool.conf'), 'utf8'))
  const settings: Record<string, string | number> = {
    listen_addresses: pool.address,
    pcp_listen_addresses: pool.address,
    use_watchdog: 'on',
    wd_ipc_socket_dir: join(pool.directory, 'run'),
    wd_lifecheck_method: 'heartbeat',
    wd_heartbeat_keepalive: 1,
    wd_heartbeat_deadtime: 4,
    wd_interval: 1,
    wd_priority: 3 - pool.id,
    search_primary_node_timeout: 3,
    ...Object.fromEntries(
      pools.flatMap(({id, address, watchdogPort}) => [
        [`hostname${id}`, address],
        [`wd_port${id}`, watchdogPort],
        [`pgpool_port${id}`, spec.ports.pgpool],
        [`heartbeat_hostname${id}`, address],
        [`heartbeat_port${id}`, watchdogPort + 10],
        [`heartbeat_device${id}`, ''],
      ]),
    ),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
  await writeForServers(spec, join(pool.directory, 'pgpool.conf'), `${conf}${lines.join('')}`)
  await writeForServers(spec, join(pool.directory, 'pgpool_node_id'), `${pool.id}\n`)
  const control = join(pool.directory, 'pgpool-control')
  await writeForServers(spec, control, own(await readFile(control, 'utf8')), 0o755)
}

async function clusterFile(spec: LabSpec, pools: readonly WatchdogPool[], ssh: 'one' | 'each'): Promise<string> {
  const path = join(spec.directory, 'watchdog.yaml')
  const lines = (await readFile(labPaths(spec.directory).clusterFile, 'utf8')).split('\n')
  const at = lines.findIndex((line) => line.startsWith('  - {"host"'))
  const one = JSON.parse((lines[at] ?? '').slice('  - '.length)) as {pcp: object; service: object}
  const entries = pools.map(({address, directory}) => {
    const control = (verb: string): string[] => [join(directory, 'pgpool-control'), verb]
    const service = {start: control('start'), stop: control('stop'), reload: control('reload')}
    const own = {address, pcp: {...one.pcp, host: address}, config: join(directory, 'pgpool.conf'), service}
    const entry = {...one, ...own, ...(ssh === 'each' ? {host: address} : {})}
    return `  - ${JSON.stringify(entry)}`
  })
  await writeFile(`${path}.new`, [...lines.slice(0, at), ...entries, ...lines.slice(at + 1)].join('\n'))
  await rename(`${path}.new`, path)
  return path
}

export async function startWatchdogPool(spec: LabSpec, pool: WatchdogPool): Promise<void> {
  await runAsServer(spec, join(pool.directory, 'pgpool-control'), ['start'], {withinMs: 60_000})
  await noteWatchdogPool(spec, pool)
}

export async function noteWatchdogPool(spec: LabSpec, pool: WatchdogPool): Promise<void> {
  const pid = await pidFrom(join(pool.directory, 'pgpool.pid'))
  if (pid === null) return
  // What it leaves when it is killed goes with the lab.
  await noteSegments(spec, [pid])
  await saveSpec(spec)
}

/** Killed with all its children: it leads a session of its own. */
export async function killWatchdogPool(pool: WatchdogPool): Promise<void> {
  const pid = await pidFrom(join(pool.directory, 'pgpool.pid'))
  try {
    if (pid !== null) process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // Killed before, its pid file is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

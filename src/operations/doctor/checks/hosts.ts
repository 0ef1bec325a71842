/** Machines: programs, room, clocks, and what earlier work has left. */
import {bytesText, secondsText} from '../../../lib/human.js'
import {ofNodeHosts, ofSite, type Check, type Found} from '../check.js'
import {primaryOf, seenServers} from '../snapshot.js'
import {passfileProblem} from './links.js'

const programs = ofNodeHosts(
  {
    id: 'programs',
    code: 'PROGRAM_MISSING',
    topic: 'host',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'critical',
    holds: "each node's PostgreSQL programs are where the cluster file says",
  },
  ({missingPrograms}, {config}) =>
    missingPrograms.length === 0
      ? null
      : {
          message: `${config.bin} on node ${config.id} lacks ${missingPrograms.join(', ')}`,
          remedy: `correct bin of node ${config.id} in the cluster file, or install the server package there`,
        },
)

const programVersion = ofNodeHosts(
  {
    id: 'program-version',
    code: 'PROGRAM_VERSION_WRONG',
    topic: 'host',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'critical',
    holds: "each node's programs are of its server's major version",
  },
  ({serverVersion}, {config, server}) => {
    if (serverVersion === null || !server.seen) return null
    const major = Math.floor(server.value.versionNum / 10_000)
    return Number(serverVersion.split('.')[0]) === major
      ? null
      : {
          message: `${config.bin} on node ${config.id} is PostgreSQL ${serverVersion}, the server is ${major}`,
          remedy: `bin: /usr/lib/postgresql/${major}/bin at node ${config.id} in the cluster file`,
        }
  },
  ['server'],
)

const rsync = ofNodeHosts(
  {
    id: 'rsync',
    code: 'RSYNC_MISSING',
    topic: 'host',
    serves: ['recovery', 'upgrade'],
    severity: 'critical',
    holds: 'rsync 3.1.3 or newer is on every node',
  },
  ({rsync: version}, {config}) => {
    if (version === null)
      return {message: `there is no rsync on node ${config.id}`, remedy: `on ${config.host}: apt-get install rsync`}
    // --modify-window=-1, which compares nanoseconds, came with 3.1.3 (rsync NEWS).
    return older(version, [3, 1, 3])
      ? {
          message: `rsync on node ${config.id} is ${version}: it compares times to the second only`,
          remedy: `on ${config.host}: install rsync 3.1.3 or newer`,
        }
      : null
  },
)

function older(version: string, than: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10))
  for (const [index, wanted] of than.entries()) {
    const own = parts[index] ?? 0
    if (own !== wanted) return own < wanted
  }
  return false
}

const sshClient = ofNodeHosts(
  {
    id: 'ssh-client',
    code: 'SSH_CLIENT_MISSING',
    topic: 'host',
    serves: ['recovery', 'upgrade'],
    severity: 'critical',
    holds: 'every node has an ssh client',
  },
  ({ssh}, {config}) =>
    ssh
      ? null
      : {message: `there is no ssh on node ${config.id}`, remedy: `on ${config.host}: apt-get install openssh-client`},
)

/** The server refuses to start with any other (postmaster.c, checkDataDir). */
const dataMode = ofNodeHosts(
  {
    id: 'data-directory-mode',
    code: 'DATA_DIRECTORY_MODE_WRONG',
    topic: 'host',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'critical',
    holds: "every data directory has the rights that a server's start asks for",
  },
  ({dataMode: mode}, {config}) =>
    mode === null || mode === '700' || mode === '750'
      ? null
      : {
          message: `${config.data} of node ${config.id} has mode ${mode}: its server runs on, and does not start again`,
          remedy: `on ${config.host}: chmod 700 ${config.data}`,
        },
)

const work = ofNodeHosts(
  {
    id: 'work-directory',
    code: 'WORK_DIRECTORY_BLOCKED',
    topic: 'host',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'critical',
    holds: 'poolctl may keep its lock and jobs beside the data',
  },
  ({workBlockedBy, user}, {config}) =>
    workBlockedBy === null
      ? null
      : {
          message: `${user} cannot write in ${workBlockedBy} on node ${config.id}, where ${config.work} would be`,
          remedy: `on ${config.host}: mkdir ${config.work} && chown ${user} ${config.work}; or set work of node ${config.id} in the cluster file`,
        },
)

const leftovers = ofNodeHosts(
  {
    id: 'leftovers',
    code: 'COPY_UNFINISHED',
    topic: 'host',
    serves: ['recovery', 'upgrade'],
    severity: 'warning',
    holds: 'no broken-off copy lies about',
  },
  ({leftovers: left}, {config}) =>
    left.length === 0
      ? null
      : {
          message: `${config.work} on node ${config.id} holds ${left.join(', ')}: a recovery was broken off`,
          remedy: 'poolctl op list, then poolctl op resume or rollback of that operation',
        },
)

const lock = ofNodeHosts(
  {
    id: 'locks',
    code: 'HOST_LOCKED',
    topic: 'host',
    serves: ['attach', 'detach', 'promote', 'recovery', 'upgrade'],
    severity: 'warning',
    holds: 'no operation holds a lock',
  },
  ({lock: holder}, {config}) =>
    holder === null
      ? null
      : {
          message: `node ${config.id} is locked by ${holder.operation} (${holder.verb} of ${holder.user}@${holder.host}, since ${holder.since})`,
          remedy: `poolctl op list; when it is dead: poolctl op unlock ${holder.operation}`,
        },
)

const MARGIN = 256 * 1024 ** 2

const space = ofNodeHosts(
  {
    id: 'disk-space',
    code: 'DISK_SPACE_SHORT',
    topic: 'host',
    serves: ['recovery', 'upgrade'],
    severity: 'warning',
    holds: 'every node has room for a second copy of the data',
  },
  ({freeBytes}, {config}, snapshot) => {
    const bytes = (primaryOf(snapshot) ?? seenServers(snapshot)[0])?.server.databaseBytes
    if (bytes === undefined || freeBytes >= bytes + MARGIN) return null
    return {
      severity: freeBytes < MARGIN ? 'critical' : 'warning',
      message: `${bytesText(freeBytes)} are free at ${config.data} of node ${config.id}, the databases take ${bytesText(bytes)}: a full copy does not fit beside the old one`,
      remedy: `make room on ${config.host}`,
    }
  },
  ['some-server'],
)

const inodes = ofNodeHosts(
  {
    id: 'inodes',
    code: 'INODES_SHORT',
    topic: 'host',
    serves: ['recovery', 'upgrade'],
    severity: 'warning',
    holds: 'every node has inodes left',
  },
  ({freeInodes, totalInodes}, {config}) =>
    freeInodes === null || totalInodes === null || freeInodes >= totalInodes * 0.05
      ? null
      : {
          message: `${freeInodes} of ${totalInodes} inodes are free at ${config.data} of node ${config.id}`,
          remedy: `remove small files on ${config.host}: find / -xdev -type d -size +1M`,
        },
)

/** A wrong clock spoils timeouts of the watchdog's heartbeat, Kerberos and certificates, and every comparison of logs. */
const SKEW_MS = 2000

const clocks = ofSite(
  {
    id: 'clocks',
    code: 'CLOCK_WRONG',
    topic: 'host',
    serves: ['recovery', 'failover', 'upgrade'],
    severity: 'warning',
    holds: 'all clocks agree with this machine to two seconds',
  },
  ['node-host', 'pgpool-host'],
  (snapshot) =>
    [
      ...snapshot.nodes.flatMap(({config, host}) =>
        host.seen ? [{host: config.host, node: config.id, clock: host.value.clock}] : [],
      ),
      ...snapshot.pools.flatMap(({config, name, host}) =>
        host.seen ? [{host: config.host, pool: name, clock: host.value.clock}] : [],
      ),
    ].flatMap(({host, clock, ...subject}): Found[] => {
      if (Math.abs(clock.offsetMs) - clock.uncertaintyMs <= SKEW_MS) return []
      return [
        {
          ...subject,
          message: `the clock of ${host} is ${secondsText(Math.abs(clock.offsetMs) / 1000)} ${clock.offsetMs > 0 ? 'ahead of' : 'behind'} this machine's`,
          remedy: `on ${host}: timedatectl set-ntp true (or chronyc makestep)`,
        },
      ]
    }),
)

const passfile = ofNodeHosts(
  {
    id: 'replication-passfile',
    code: 'REPLICATION_PASSFILE_EXPOSED',
    topic: 'replication',
    serves: ['recovery', 'promote'],
    severity: 'critical',
    holds: "no node's replication password file is readable by others",
  },
  ({passfile: file, user}, {config}) => {
    const problem = passfileProblem(file.mode)
    return problem === null
      ? null
      : {
          message: `${file.path} of ${user} on node ${config.id} has ${problem}: libpq ignores it, and the standby cannot log in`,
          remedy: `on ${config.host}: chmod 600 ${file.path}`,
        }
  },
)

export const HOSTS: readonly Check[] = [
  programs,
  programVersion,
  rsync,
  sshClient,
  dataMode,
  work,
  leftovers,
  lock,
  space,
  inodes,
  clocks,
  passfile,
]

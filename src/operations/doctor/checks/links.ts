/** From host to host: what a copy, a rewind and a standby need. */
import type {Check, Found} from '../check.js'
import type {ofSite} from '../check.js'
import {type LinkLook, type Snapshot} from '../snapshot.js'

/** Links whose own causes are not told elsewhere: a host that SSH does not reach says so itself. */
function links(
  snapshot: Snapshot,
  find: (facts: Extract<LinkLook['look'], {seen: true}>['value'], link: LinkLook) => Found | null,
): Found[] {
  const host = (id: number): boolean => snapshot.nodes.find(({config}) => config.id === id)?.host.seen === true
  const asked = snapshot.nodes.some((node) => node.host.seen)
  return snapshot.links.flatMap((link) => {
    if (!link.look.seen || (asked && !host(link.to.id))) return []
    const found = find(link.look.value, link)
    return found === null ? [] : [{node: link.from.id, ...found}]
  })
}

function ofLinks(
  about: Parameters<typeof ofSite>[0],
  find: (snapshot: Snapshot) => Parameters<typeof links>[1],
  more: Check['needs'] = [],
): Check {
  return {...about, needs: ['link', 'node-host', ...more], look: (snapshot) => links(snapshot, find(snapshot))}
}

const way = ({from, to}: LinkLook): string => `from node ${from.id} (${from.host}) to node ${to.id} (${to.address})`

const sshBetween = ofLinks(
  {
    id: 'ssh-between',
    code: 'SSH_BETWEEN_HOSTS_FAILS',
    topic: 'ssh',
    serves: ['recovery', 'upgrade', 'failover'],
    severity: 'critical',
    holds: "every node reaches every other by SSH as the server's user",
  },
  () =>
    ({sshError}, link) =>
      sshError === null
        ? null
        : {
            message: `SSH ${way(link)}: ${sshError}`,
            remedy: `on ${link.from.host} as the server's user: ssh ${link.to.address} true; keys and known_hosts are ssh.peerIdentity and ssh.peerKnownHosts`,
          },
)

const hasRsync = (snapshot: Snapshot, id: number): boolean =>
  snapshot.nodes.every(({config, host}) => config.id !== id || !host.seen || host.value.rsync !== null)

const rsyncTransfer = ofLinks(
  {
    id: 'rsync-transfer',
    code: 'RSYNC_FAILS',
    topic: 'ssh',
    serves: ['recovery', 'upgrade'],
    severity: 'critical',
    holds: 'rsync carries files between all nodes',
  },
  (snapshot) =>
    ({rsyncError}, link) =>
      rsyncError === null || !hasRsync(snapshot, link.from.id) || !hasRsync(snapshot, link.to.id)
        ? null
        : {
            message: `rsync ${way(link)}: ${rsyncError}`,
            remedy: `on ${link.from.host}: rsync -aH ${link.to.address}:/etc/hostname /tmp/; a login shell there must print nothing`,
          },
)

const hardLinks = ofLinks(
  {
    id: 'rsync-hard-links',
    code: 'HARD_LINKS_LOST',
    topic: 'ssh',
    serves: ['upgrade'],
    severity: 'critical',
    holds: 'rsync carries hard links between all nodes',
  },
  () =>
    ({hardLinks: kept}, link) =>
      kept !== false
        ? null
        : {
            message: `two names of one file became two files ${way(link)}`,
            remedy: `put the data of node ${link.from.id} on a file system with hard links (not FAT, not some network shares)`,
          },
)

const replicationLogin = ofLinks(
  {
    id: 'replication-login',
    code: 'REPLICATION_LOGIN_FAILS',
    topic: 'replication',
    serves: ['promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: 'every node may stream from every other',
  },
  (snapshot) =>
    ({loginError}, link) => {
      const {replicationUser} = snapshot.file.postgres
      const to = snapshot.nodes.find(({config}) => config.id === link.to.id)
      const from = snapshot.nodes.find(({config}) => config.id === link.from.id)
      const role = to?.server.seen ? to.server.value.more.roles.find(({name}) => name === replicationUser) : undefined
      const explained =
        to?.server.seen !== true ||
        role?.replication === false ||
        role?.login === false ||
        (from?.host.seen === true && passfileProblem(from.host.value.passfile.mode) !== null)
      return loginError === null || explained
        ? null
        : {
            message: `replication login ${way(link)} as ${replicationUser}: ${loginError}`,
            remedy: `pg_hba.conf of node ${link.to.id}: host replication ${replicationUser} ${link.from.address}/32 scram-sha-256, then: SELECT pg_reload_conf()`,
          }
    },
  ['server'],
)

/** libpq ignores a password file that others can read. A missing one is right where logins need no password. */
export function passfileProblem(mode: string | null): string | null {
  return mode === null || mode.endsWith('00') ? null : `mode ${mode}`
}

export const LINKS: readonly Check[] = [sshBetween, rsyncTransfer, hardLinks, replicationLogin]

/** A cluster file and hosts for integration tests of src/hosts, around a real sshd. */
import type {ClusterFile, NodeConfig, SshDefaults} from '../../src/cluster/cluster-file.js'
import {nodeId} from '../../src/cluster/node-id.js'
import {createHosts, type Hosts, type HostsOptions} from '../../src/hosts/hosts.js'
import type {LockHolder} from '../../src/ports/host.js'
import type {Sshd} from './sshd.js'

export const BIN = '/usr/lib/postgresql/15/bin'

export function sshDefaults(sshd: Sshd, own: Partial<SshDefaults> = {}): SshDefaults {
  return {
    user: sshd.user,
    port: sshd.port,
    identity: sshd.identity,
    knownHosts: sshd.knownHosts,
    transport: 'ssh2',
    peerIdentity: sshd.identity,
    peerKnownHosts: sshd.knownHosts,
    ...own,
  }
}

export function clusterFile(ssh: SshDefaults): ClusterFile {
  return {
    name: 'test',
    path: '/test.yaml',
    hash: '',
    pgpool: [],
    nodes: [],
    ssh,
    postgres: {
      user: 'postgres',
      database: 'postgres',
      passfile: null,
      replicationUser: 'postgres',
      replicationPassfile: null,
    },
    limits: {maxLagBytes: 16_777_216, stepTimeoutMs: 60_000},
  }
}

export function hostsFor(sshd: Sshd, own: Partial<SshDefaults> = {}, options: Partial<HostsOptions> = {}): Hosts {
  return createHosts({file: clusterFile(sshDefaults(sshd, own)), env: {}, ...options})
}

export function nodeAt(host: string, data: string, own: Partial<NodeConfig> = {}): NodeConfig {
  return {
    ...{id: nodeId(0), host, address: host, port: 5432, data, bin: BIN, config: null},
    ...{service: {kind: 'pg_ctl'} as const, work: `${data}.poolctl`, slot: 'poolctl_node_0', sshPort: null},
    ...own,
  }
}

export function holder(operation: string): LockHolder {
  return {operation, verb: 'recovery', user: 'dba', host: 'ops1', pid: 4711, since: '2026-11-25T00:00:00Z'}
}

/** Asks until the answer is good, at most ten seconds. */
export async function eventually<T>(ask: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 10_000
  for (;;) {
    const value = await ask()
    if (good(value) || performance.now() > end) return value
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

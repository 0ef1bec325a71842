/** All machines of one site, for the composition root. Nothing is contacted before the first question. */
import type {Duplex} from 'node:stream'
import type {ClusterFile, NodeConfig, PgpoolConfig, SshDefaults} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import type {DoctorNodeHost, DoctorPgpoolHost} from '../ports/doctor.js'
import type {NodeHost, PgpoolHost} from '../ports/host.js'
import type {UpgradeHost} from '../ports/upgrade-check.js'
import {DoctorNode, DoctorPgpool} from './doctor.js'
import type {MigrationHost, RehearsalHost} from '../ports/upgrade-host.js'
import {LocalTransport} from './local.js'
import type {Secret} from '../lib/secret.js'
import {Machine} from './machine.js'
import {RemoteNodeHost} from './node-host.js'
import {RemotePgpoolHost} from './pgpool-host.js'
import {RemoteRehearsalHost} from './rehearsal-host.js'
import type {AskPassphrase, KeyCache} from './ssh/identities.js'
import {OpensshTransport} from './ssh/openssh-transport.js'
import {Ssh2Transport} from './ssh/ssh2-transport.js'
import type {ForwardTarget, Transport} from './transport.js'
import {RemoteUpgradeHost} from './upgrade-check.js'
import {RemoteMigrationHost} from './upgrade-host.js'

export type HostsOptions = {
  file: ClusterFile
  /** Hosts, by their name in the cluster file or in ProxyJump, whose unknown key is recorded. Never a changed or revoked one. */
  acceptNewHostKeys?: readonly string[]
  /** Asks a person for the passphrase of a key file; null when nobody is there or nothing was typed. */
  askPassphrase?: AskPassphrase
  /** Where SSH_AUTH_SOCK is read from. Default: this process. */
  env?: NodeJS.ProcessEnv
}

export interface Hosts {
  /** Throws for an id that is not in the cluster file: our bug, ids are checked first. */
  node(id: NodeId): NodeHost
  nodeHost(node: NodeConfig): NodeHost
  /** `password`: of the superuser, for a trial that asks the old server from its own machine. */
  upgrade(id: NodeId, password: () => Promise<Secret | null>): UpgradeHost
  migration(id: NodeId): MigrationHost
  rehearsal(id: NodeId): RehearsalHost
  wayBack(id: NodeId): MigrationHost
  pgpoolHost(pgpool: PgpoolConfig): PgpoolHost
  doctorNode(node: NodeConfig): DoctorNodeHost
  doctorPgpool(pgpool: PgpoolConfig): DoctorPgpoolHost
  /** A byte stream to an address as that machine sees it. */
  forward(host: {host: string; sshPort: number | null}, target: ForwardTarget): Promise<Duplex>
  /** Ends all connections. */
  close(): Promise<void>
}

export function createHosts(options: HostsOptions): Hosts {
  return new Site(options)
}

class Site implements Hosts {
  readonly #file: ClusterFile
  readonly #open: (host: string, port: number | null) => Transport
  readonly #machines = new Map<string, {machine: Machine; transport: Transport}>()

  constructor(options: HostsOptions) {
    this.#file = options.file
    const {ssh} = options.file
    const keys: KeyCache = new Map()
    const acceptNewHostKey = new Set(options.acceptNewHostKeys ?? [])
    const env = options.env ?? process.env
    const askPassphrase = options.askPassphrase ?? null
    this.#open = (host, port) => openTransport(host, port, ssh, {ssh, keys, acceptNewHostKey, env, askPassphrase})
  }

  node(id: NodeId): NodeHost {
    return this.nodeHost(this.#config(id))
  }

  upgrade(id: NodeId, password: () => Promise<Secret | null>): UpgradeHost {
    const node = this.#config(id)
    return new RemoteUpgradeHost(node, this.#machine(node), this.#file, password)
  }

  migration(id: NodeId): MigrationHost {
    const node = this.#config(id)
    return new RemoteMigrationHost(node, this.#machine(node), this.#file.ssh)
  }

  wayBack(id: NodeId): MigrationHost {
    const node = this.#config(id)
    return new RemoteMigrationHost(node, this.#machine(node), this.#file.ssh, `${node.work}/way-back`)
  }

  rehearsal(id: NodeId): RehearsalHost {
    const node = this.#config(id)
    return new RemoteRehearsalHost(node, this.#machine(node), this.#file.ssh)
  }

  #config(id: NodeId): NodeConfig {
    const found = this.#file.nodes.find((node) => node.id === id)
    if (!found) throw new Error(`node ${id} is not in the cluster file`)
    return found
  }

  nodeHost(node: NodeConfig): NodeHost {
    return new RemoteNodeHost(node, this.#machine(node), this.#file)
  }

  pgpoolHost(pgpool: PgpoolConfig): PgpoolHost {
    return new RemotePgpoolHost(pgpool, this.#machine(pgpool), this.#file)
  }

  doctorNode(node: NodeConfig): DoctorNodeHost {
    return new DoctorNode(node, this.#machine(node), this.#file)
  }

  doctorPgpool(pgpool: PgpoolConfig): DoctorPgpoolHost {
    return new DoctorPgpool(pgpool, this.#machine(pgpool), this.pgpoolHost(pgpool))
  }

  forward(host: {host: string; sshPort: number | null}, target: ForwardTarget): Promise<Duplex> {
    return this.#machine(host).forward(target)
  }

  async close(): Promise<void> {
    const open = [...this.#machines.values()]
    this.#machines.clear()
    await Promise.all(open.map(({transport}) => transport.close()))
  }

  #machine({host, sshPort}: {host: string; sshPort: number | null}): Machine {
    const key = `${host}\0${sshPort ?? ''}`
    let found = this.#machines.get(key)
    if (!found) {
      const transport = this.#open(host, sshPort)
      found = {machine: new Machine(host, transport), transport}
      this.#machines.set(key, found)
    }
    return found.machine
  }
}

function openTransport(
  host: string,
  port: number | null,
  ssh: SshDefaults,
  options: ConstructorParameters<typeof Ssh2Transport>[2],
): Transport {
  if (host === 'local') return new LocalTransport()
  if (ssh.transport === 'openssh') return new OpensshTransport(host, port, ssh)
  return new Ssh2Transport(host, port, options)
}

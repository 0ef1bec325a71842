/** The ports of `doctor` for one site: those that every verb has, and its own. */
import type {NodeConfig} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import type {DoctorWorld} from '../operations/doctor/survey.js'
import {durationFlag, type GlobalValues} from './flags.js'
import {memberOf} from './pools.js'
import {clusterFile, hostsOf, type SessionFlags} from './session.js'

export type DoctorSession = {world: DoctorWorld; [Symbol.asyncDispose](): Promise<void>}

/** Nothing is contacted yet. Throws what a cluster file that is missing or wrong throws: without one there is nothing to examine. */
export async function openDoctor(flags: GlobalValues & SessionFlags): Promise<DoctorSession> {
  durationFlag('timeout', flags.timeout)
  const {file} = await clusterFile(flags)
  const [hosts, {createPostgres}, {createDoctorServer}] = await Promise.all([
    hostsOf(file, flags),
    import('../postgres/server.js'),
    import('../postgres/doctor.js'),
  ])
  const nodeOf = (id: NodeId): NodeConfig => {
    const found = file.nodes.find((node) => node.id === id)
    if (!found) throw new Error(`node ${id} is not in the cluster file`)
    return found
  }
  const servers = new Map(file.nodes.map((node) => [node.id, createPostgres({node, access: file.postgres})]))
  const world: DoctorWorld = {
    file,
    pools: file.pgpool.map((pgpool) => ({
      ...memberOf(pgpool, file, hosts, flags),
      machine: hosts.doctorPgpool(pgpool),
    })),
    postgres(id) {
      const server = servers.get(id)
      if (!server) throw new Error(`node ${id} is not in the cluster file`)
      return server
    },
    server: (id) => createDoctorServer({node: nodeOf(id), access: file.postgres}),
    machine: (id) => hosts.doctorNode(nodeOf(id)),
  }
  return {
    world,
    async [Symbol.asyncDispose]() {
      await Promise.all([hosts.close(), ...[...servers.values()].map((server) => server.close())])
    },
  }
}

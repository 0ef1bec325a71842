/** The promises that plans on fakes are tested against, kept by real servers: one lab, one session as a command opens it. */
import {afterAll, beforeAll} from 'vitest'
import {fileSession, type Session, type SessionFlags} from '../../src/cli/session.js'
import {requireClusterFile} from '../../src/cluster/config/locate.js'
import {nodeHostContract} from '../contract/node-host.js'
import {pgpoolHostContract} from '../contract/pgpool-host.js'
import {poolContract} from '../contract/pool.js'
import {postgresContract} from '../contract/postgres.js'
import {startLab, type TestLab} from '../support/lab.js'

let lab: TestLab & {end: () => Promise<void>}
let session: Session
const end = (): Promise<void> => Promise.resolve()

beforeAll(async () => {
  lab = await startLab()
  const flags = {'no-input': true} as SessionFlags
  session = await fileSession((await requireClusterFile(lab.clusterFile)).file, flags)
})

afterAll(async () => {
  await session[Symbol.asyncDispose]()
  await lab.end()
})

// The suites run in this order on the same site, and each but the last leaves it as it found it.
poolContract('Pgpool-II over PCP', () => {
  const {pool, file} = session.world
  const nodes = file.nodes.map(({id}) => id)
  return Promise.resolve({pool, nodes, standby: nodes[2]!, end})
})

postgresContract('PostgreSQL by SQL', () => {
  const {world} = session
  const [primary, standby] = world.file.nodes
  const connection = {
    host: primary!.address,
    port: primary!.port,
    user: world.file.postgres.replicationUser,
    applicationName: standby!.slot,
    slot: standby!.slot,
    passfile: world.file.postgres.replicationPassfile,
  }
  return Promise.resolve({primary: world.postgres(primary!.id), standby: world.postgres(standby!.id), connection, end})
})

nodeHostContract('over SSH', () => {
  const {world} = session
  return Promise.resolve({host: world.host(world.file.nodes[2]!.id), disk: {runner: world.file.ssh.user ?? ''}, end})
})

pgpoolHostContract('over SSH', () => {
  const {pools, file} = session.world
  return Promise.resolve({host: pools[0]!.host, disk: {runner: file.ssh.user ?? ''}, end})
})

import {fakeWorld} from '../support/fake-cluster.js'
import {healthySite} from '../support/fake-site.js'
import {postgresContract} from './postgres.js'

postgresContract('the fakes', () => {
  const site = healthySite()
  const world = fakeWorld(site)
  const [primary, standby] = world.file.nodes.map(({id}) => world.postgres(id))
  const {connection} = site.nodes[1]!.directory!
  return Promise.resolve({primary: primary!, standby: standby!, connection: connection!, end: () => Promise.resolve()})
})

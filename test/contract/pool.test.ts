import {fakeWorld} from '../support/fake-cluster.js'
import {healthySite} from '../support/fake-site.js'
import {poolContract} from './pool.js'

poolContract('the fake', () => {
  const {pool, file} = fakeWorld(healthySite())
  const nodes = file.nodes.map(({id}) => id)
  return Promise.resolve({pool, nodes, standby: nodes[2]!, end: () => Promise.resolve()})
})

import {fakeWorld} from '../support/fake-cluster.js'
import {healthySite} from '../support/fake-site.js'
import {nodeHostContract} from './node-host.js'

nodeHostContract('the fake', () => {
  const world = fakeWorld({...healthySite(), locksRequired: true})
  return Promise.resolve({host: world.host(world.file.nodes[2]!.id), disk: null, end: () => Promise.resolve()})
})

import {fakeWorld} from '../support/fake-cluster.js'
import {healthySite} from '../support/fake-site.js'
import {pgpoolHostContract} from './pgpool-host.js'

pgpoolHostContract('the fake', () => {
  const [place] = fakeWorld({...healthySite(), locksRequired: true}).pools
  return Promise.resolve({host: place!.host, disk: null, end: () => Promise.resolve()})
})

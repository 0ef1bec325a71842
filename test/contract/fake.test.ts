/** The fake site keeps the contracts that test/integration/contract.test.ts holds real servers to. */
import {nodeId} from '../../src/cluster/node-id.js'
import {fakeWorld} from '../support/fake-cluster.js'
import {healthySite} from '../support/fake-site.js'
import {nodeHostContract} from './node-host.js'
import {poolContract} from './pool.js'
import {postgresContract} from './postgres.js'
import type {ContractSite} from './site.js'

function make(): Promise<ContractSite> {
  const end = (): Promise<void> => Promise.resolve()
  const site = {...healthySite(), locksRequired: true}
  return Promise.resolve({world: fakeWorld(site), primary: nodeId(0), standby: nodeId(2), end})
}

poolContract('the fake site', make)
postgresContract('the fake site', make)
nodeHostContract('the fake site', make)

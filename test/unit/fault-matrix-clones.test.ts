import {disturbedRun} from '../support/fake-fault-runs.js'

disturbedRun('by clones', {wayBack: null, transfer: 'clone'})

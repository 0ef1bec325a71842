import {disturbedRun} from '../support/fake-fault-runs.js'

disturbedRun('by links, one standby later', {wayBack: 'none'})

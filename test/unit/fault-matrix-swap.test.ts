import {disturbedRun} from '../support/fake-fault-runs.js'

disturbedRun('by swap', {wayBack: 'none', transfer: 'swap'})

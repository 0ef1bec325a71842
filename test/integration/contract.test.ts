/** The promises that the fakes are built on, kept by the real adapters: one lab, one session as a command opens it. */
import {afterAll, beforeAll} from 'vitest'
import {loadForContract} from '../support/none.js'

import type {PromoteRequest} from '../../src/operations/promote/request.js'
import type {RecoveryRequest} from '../../src/operations/recovery/request.js'

export function recoveryRequest(change: Partial<RecoveryRequest> = {}): RecoveryRequest {
  return {
    node: 2,
    method: 'auto',
    jobs: 4,
    maxBytesPerSecond: null,
    verifyPages: 'after-crash',
    allowForeignData: null,
    discardSecondPrimary: false,
    maxLagBytes: 16 * 1024 * 1024,
    ...change,
  }
}

export function promoteRequest(change: Partial<PromoteRequest> = {}): PromoteRequest {
  return {
    node: 1,
    failover: false,
    allowDataLoss: false,
    primaryIsFenced: false,
    maxLagBytes: 16 * 1024 * 1024,
    ...change,
  }
}

/** One question of the survey: its answer, or why there is none. */
import {PoolctlError, reasonOf} from '../../lib/errors.js'
import type {Look} from './snapshot.js'

export const NOT_ASKED: Look<never> = {seen: false, code: 'not-asked', reason: 'no chosen check wants to know it'}

export async function look<T>(wanted: boolean, ask: () => Promise<T>): Promise<Look<T>> {
  if (!wanted) return NOT_ASKED
  try {
    return {seen: true, value: await ask()}
  } catch (error) {
    return {seen: false, code: error instanceof PoolctlError ? error.code : 'unexpected', reason: reasonOf(error)}
  }
}

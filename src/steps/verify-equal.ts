/**
 * verify-equal: in native replication, where no server follows another: the node is one more server of the same data.
 *
 * Precondition: the node was recovered and runs. Effect: none, it looks. Undo: none. Repeat: harmless.
 */
import type {Observation} from '../engine/step.js'
import {ActFailed} from '../lib/errors.js'
import {awaitSeen, done, idIn, pending, serverOf, textIn, type Context, type Step} from './context.js'

async function seenEqual(context: Context): Promise<Observation> {
  const [source, target] = await Promise.all([serverOf(context, 'on').facts(), serverOf(context).facts()])
  if (target.inRecovery) return pending('it is still in recovery')
  if (target.systemIdentifier !== source.systemIdentifier) return pending('it belongs to another cluster')
  if (target.timeline !== source.timeline)
    return pending(`it is on timeline ${target.timeline}, the source on ${source.timeline}`)
  return done(`it serves the same data on timeline ${target.timeline}`)
}

export const verifyEqual: Step = {
  kind: 'verify-equal',
  probe: () => Promise.resolve(pending('to be looked at')),
  async act(context) {
    const wait = {limitMs: 30_000, everyMs: 200, what: 'the node with the same data', code: 'NODE_NOT_EQUAL'}
    const seen = await awaitSeen(context, wait, () => seenEqual(context))
    const missing = await serverOf(context).missingRelationFiles()
    if (missing.length > 0)
      throw new ActFailed({
        code: 'DATA_INCOMPLETE',
        message: `relation files are missing on node ${idIn(context)}: ${missing.slice(0, 5).join(', ')}`,
      })
    return {because: seen.because, relationFiles: 'present', source: textIn(context.input, 'source')}
  },
  verify: seenEqual,
}

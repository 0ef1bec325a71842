/**
 * checkpoint: CHECKPOINT on a server.
 *
 * Precondition: a running server (`on`). Effect: dirty pages are written, so that what follows (a shutdown, a rewind that
 * must see the new timeline in pg_control) is quick and right. Undo: nothing. Repeat: harmless, only costs its time.
 */
import {done, pending, serverOf, type Step} from './context.js'

export const checkpoint: Step = {
  kind: 'checkpoint',
  probe: () => Promise.resolve(pending('a new checkpoint is wanted')),
  async act(context) {
    await serverOf(context, 'on').checkpoint()
    return undefined
  },
  verify: () => Promise.resolve(done('the server reported the checkpoint complete')),
}

/** Whether anybody can serve the pool's writes, asked of the servers themselves before something is done to pgpool that counts on it. */
import {ActFailed} from '../lib/errors.js'
import type {Context} from './context.js'

/** Throws what would become of pgpool, where no server answers as a primary: the next rollback finds one, once the hosts are there again. */
export async function refuseUnserved(context: Context, what: {code: string; consequence: string}): Promise<void> {
  const {world, operation} = context
  const serving = await Promise.all(
    world.file.nodes.map(({id}) =>
      world
        .postgres(id)
        .facts()
        .then(
          ({inRecovery}) => !inRecovery,
          () => false,
        ),
    ),
  )
  if (serving.includes(true)) return
  throw new ActFailed({
    code: what.code,
    message: `no primary answers, and ${what.consequence}`,
    hint: `Once the hosts can be reached again: poolctl op rollback ${operation}`,
  })
}

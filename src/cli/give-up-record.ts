/** The port `World.giveUpRecord`: the record of an operation that nobody may go on with, closed here and on the hosts. */
import {finalClosing} from '../engine/record.js'
import {EXIT} from '../lib/errors.js'
import {recordCopies} from '../operations/record-copies.js'
import type {World} from '../ports/world.js'
import {isRecorded, openJournal} from './state.js'

export async function giveUpRecord(world: World, operation: string, lockedBy: string): Promise<void> {
  const {journal} = await openJournal()
  if (!(await isRecorded(journal, operation))) {
    const {longest} = await recordCopies(world, operation)
    if (longest === null) return
    await journal.adopt(operation, longest)
  }
  const writer = await journal.reopen(operation, {takeOver: true})
  try {
    if (finalClosing(writer.entries) === null)
      await writer.append({type: 'closed', outcome: 'given-up', exitCode: EXIT.rolledBack})
    const {entryLine} = await import('../journal/entries.js')
    const text = writer.entries.map(entryLine).join('')
    await Promise.all(world.file.nodes.map(({id}) => world.host(id).saveRecord(operation, text, lockedBy)))
  } finally {
    await writer.release()
  }
}

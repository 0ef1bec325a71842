/** Copies of an operation's record on the hosts that it works on. */
import {messageOf} from '../lib/errors.js'
import {parsedObject} from '../lib/json.js'
import type {JournalEntry} from '../ports/journal.js'
import type {World} from '../ports/world.js'

/** `longest`: of all hosts, since a copy may be behind by a step; null when none has one. `failures`: hosts that could not be asked. */
export type RecordCopies = {longest: string | null; failures: {host: string; reason: string}[]}

/** Never throws. */
export async function recordCopies(world: World, operation: string): Promise<RecordCopies> {
  const answers = await Promise.all(
    world.file.nodes.map(async ({id}) => {
      const host = world.host(id)
      try {
        return {host: host.name, text: await host.readRecord(operation), reason: null}
      } catch (error) {
        return {host: host.name, text: null, reason: messageOf(error)}
      }
    }),
  )
  const copies = answers.flatMap(({text}) => (text === null ? [] : [text]))
  const [longest = null] = copies.toSorted((a, b) => b.length - a.length)
  return {longest, failures: answers.flatMap(({host, reason}) => (reason === null ? [] : [{host, reason}]))}
}

/** Empty when no host has a copy. */
export async function copiedRecord(
  world: World,
  operation: string,
  observe: (text: string) => void = () => undefined,
): Promise<JournalEntry[]> {
  const {longest, failures} = await recordCopies(world, operation)
  for (const {host, reason} of failures) observe(`no copy of the record from ${host}: ${reason}`)
  return (longest ?? '').split('\n').flatMap((line) => {
    const entry = parsedObject(line)
    return entry === null ? [] : [entry as unknown as JournalEntry]
  })
}

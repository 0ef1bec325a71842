/**
 * create-slot, drop-slots: physical replication slots, which keep WAL on their server until the standby has it.
 *
 * Precondition: a running server (`on`) with a free slot. Effect: WAL is kept from now on, before any copy starts.
 * Undo: a slot that this step made is dropped, since a forgotten slot fills the disk; one that was there before stays.
 * Repeat: harmless, the slot is looked for by name.
 */
import type {JsonObject} from '../lib/json.js'
import type {Json} from '../lib/json.js'
import {done, pending, serverOf, textIn, type Context, type Step} from './context.js'

async function slotNames(context: Context): Promise<string[]> {
  return (await serverOf(context, 'on').facts()).slots.map((slot) => slot.name)
}

export const createSlot: Step = {
  kind: 'create-slot',
  async probe(context) {
    const slot = textIn(context.input, 'slot')
    const found = (await serverOf(context, 'on').facts()).slots.find((candidate) => candidate.name === slot)
    if (!found) return pending(`no slot ${slot}`)
    if (found.walStatus === 'lost') return pending(`slot ${slot} has lost its WAL`)
    return done(`slot ${slot} keeps WAL from ${found.restartLsn ?? 'its first use'}`)
  },
  async act(context) {
    const slot = textIn(context.input, 'slot')
    const server = serverOf(context, 'on')
    const stale = (await server.facts()).slots.find((candidate) => candidate.name === slot)
    // A slot whose WAL is gone protects nothing any more; only a new one reserves WAL again.
    if (stale?.walStatus === 'lost') await server.dropSlot(slot)
    await server.createSlot(slot)
    return {slot}
  },
  async verify(context) {
    const slot = textIn(context.input, 'slot')
    return (await slotNames(context)).includes(slot) ? done(`slot ${slot} is there`) : pending(`no slot ${slot}`)
  },
  async undo(context) {
    if (context.input['keepOnUndo'] === true) return
    await serverOf(context, 'on').dropSlot(textIn(context.input, 'slot'))
  },
}

function namesIn(input: JsonObject): string[] {
  const names = input['slots'] as Json
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : []
}

/**
 * drop-slots: a former primary keeps the slots of its standbys; on a standby nobody moves them and they would hold WAL for
 * ever. Undo: nothing, they are made anew whenever the node becomes primary.
 */
export const dropSlots: Step = {
  kind: 'drop-slots',
  async probe(context) {
    const left = (await slotNames(context)).filter((name) => namesIn(context.input).includes(name))
    return left.length === 0 ? done('no stale slot is left') : pending(`stale: ${left.join(', ')}`)
  },
  async act(context) {
    for (const name of namesIn(context.input)) await serverOf(context, 'on').dropSlot(name)
    return undefined
  },
  async verify(context) {
    const left = (await slotNames(context)).filter((name) => namesIn(context.input).includes(name))
    return left.length === 0 ? done('no stale slot is left') : pending(`stale: ${left.join(', ')}`)
  },
}

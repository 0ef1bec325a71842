/**
 * take-backup, run-command, restore-backup, drop-replaced: a way back to the old version is made while clients work, before anything of the upgrade can fail.
 *
 * Precondition: the old primary serves. Effect: a base backup in a directory of a host, whole and proved where it can be; or the site's
 * own command (a snapshot, a backup tool) has ended with status 0. Both as jobs on the host. A note of it lies on each host, and
 * `upgrade run` takes that way back only with such a note.
 * restore-backup: once the new version is down, a copy of the backup takes the old cluster's place on that host, in its tablespaces too; what
 * was there, which shares its files with the new version, is kept beside it until the old version serves.
 * Undo: nothing, a backup harms nobody; what was replaced takes its place again. Repeat: joins a running job, one that ended well counts; another that failed is begun again.
 */
import type {WayBackNote} from '../cluster/way-back-note.js'
import {nodeId} from '../cluster/node-id.js'
import {ActFailed} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import type {WayBackJob} from '../ports/upgrade-host.js'
import {followJob, tablespacesIn} from './copy-data.js'
import {done, hostOf, idIn, nodeConfig, pending, textIn, type Context, type Step} from './context.js'
import {at, nodesIn, pairOf} from './upgrade-place.js'

/** A backup of terabytes takes a night. */
const NO_DEADLINE = null

function jobFor(context: Context): WayBackJob {
  const {input, world} = context
  if (textIn(input, 'way') === 'command') {
    const words = input['words']
    const list = Array.isArray(words) ? words.filter((word): word is string => typeof word === 'string') : []
    if (list.length === 0)
      throw new ActFailed({code: 'PLAN_INPUT', message: 'the plan\'s "words" are no command', changed: 'none'})
    return {kind: 'command', words: list}
  }
  const primary = nodeConfig(world, idIn(context, 'primary'))
  const {replicationUser: user, replicationPassfile: passfile} = world.file.postgres
  const source = {address: primary.address, port: primary.port, user, passfile}
  const {bin} = nodeConfig(world, idIn(context))
  return {kind: 'backup', directory: textIn(input, 'directory'), bin, source, tablespaces: tablespacesIn(input)}
}

async function keepNote(context: Context, said: string): Promise<void> {
  const {world, operation, input} = context
  const {from, to} = pairOf(context, idIn(context))
  const {directory} = input
  const note: WayBackNote = {
    ...{operation, at: world.clock.now().toISOString(), from, to, node: idIn(context), said},
    kind: textIn(input, 'way') === 'command' ? 'command' : 'backup',
    directory: typeof directory === 'string' ? directory : null,
  }
  const text = JSON.stringify(note)
  await Promise.all(
    nodesIn(context).map((id) => world.wayBackHost(nodeId(id)).saveNote(operation, pairOf(context, id), text)),
  )
}

function wayBack(kind: 'take-backup' | 'run-command', what: string): Step {
  return {
    kind,
    deadlineMs: NO_DEADLINE,
    // The note is written after it, so one that ended well is not done yet.
    probe: () => Promise.resolve(pending('the job is asked for first')),
    async act(context): Promise<JsonObject> {
      const host = hostOf(context)
      const {operation} = context
      const before = await host.jobState(operation, kind)
      if (before.state === 'lost' || (before.state === 'ended' && before.exitStatus !== 0))
        await host.stopJob(operation, kind)
      const job = jobFor(context)
      await context.world.wayBackHost(idIn(context)).startJob(operation, kind, job)
      await followJob(context, kind, what)
      const after = await host.jobState(operation, kind)
      const said = after.state === 'ended' ? after.stderrTail : ''
      await keepNote(context, said)
      return {said}
    },
    // What is broken off is no backup, and leaves nothing that looks like one; a command's own end is for the site to judge.
    async makeSafe(context) {
      await hostOf(context).stopJob(context.operation, kind)
    },
    async verify(context) {
      const state = await hostOf(context).jobState(context.operation, kind)
      return state.state === 'ended' && state.exitStatus === 0 ? done(`the ${what} ended well`) : pending(state.state)
    },
  }
}

export const takeBackup = wayBack('take-backup', 'backup')
export const runCommand = wayBack('run-command', 'command')

export const restoreBackup: Step = {
  kind: 'restore-backup',
  deadlineMs: NO_DEADLINE,
  probe: () => Promise.resolve(pending('looked for; one that is in its place stays')),
  async act(context) {
    const node = idIn(context)
    const backup = textIn(context.input, 'directory')
    await context.world.migrationHost(node).restoreBackup(context.operation, pairOf(context, node), backup)
    return undefined
  },
  async verify(context) {
    const {control, standbySignal} = await at(context, 'old').world.host(idIn(context)).look()
    if (control === null || !standbySignal)
      return pending('the restored directory has no control file, or no standby.signal')
    return done(`a copy of the backup is in its place, from ${control.checkpointLsn} on`)
  },
  async undo(context) {
    const node = idIn(context)
    await context.world.migrationHost(node).putBack(context.operation, pairOf(context, node))
  },
}

export const dropReplaced: Step = {
  kind: 'drop-replaced',
  deadlineMs: NO_DEADLINE,
  probe: () => Promise.resolve(pending('looked for')),
  async act(context) {
    const node = idIn(context)
    await context.world.migrationHost(node).dropReplaced(context.operation, pairOf(context, node))
    return undefined
  },
  provesItself: true,
  verify: () => Promise.resolve(done('nothing is left beside it')),
}

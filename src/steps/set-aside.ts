/**
 * save-config, set-control-aside, set-data-aside: what must not be lost is put away before a directory is changed.
 *
 * Precondition: the server of the node is stopped. Effect: save-config copies the node's own configuration files; the control
 * file aside makes a half copy unstartable; the data directory aside keeps the old copy whole until the new one is proved.
 * Undo: control and data are put back, unless a copy has begun to write into the directory: then the node stays inert.
 * Repeat: harmless, a first copy is never replaced by a later one.
 */
import {COPY_STEP} from './backup.js'
import {done, hostOf, pending, type Step} from './context.js'

export const saveConfig: Step = {
  kind: 'save-config',
  probe: () => Promise.resolve(pending('asked anew each time; a first copy is kept')),
  async act(context) {
    await hostOf(context).saveConfig(context.operation)
    return undefined
  },
  provesItself: true,
  verify: () => Promise.resolve(done("the node's configuration files are kept")),
}

export const setControlAside: Step = {
  kind: 'set-control-aside',
  async probe(context) {
    const directory = await hostOf(context).look()
    if (directory.controlAside && directory.control === null) return done('pg_control is set aside')
    return pending('pg_control is in place')
  },
  async act(context) {
    await hostOf(context).setControlAside(context.operation)
    return undefined
  },
  async verify(context) {
    const directory = await hostOf(context).look()
    return directory.control === null
      ? done('the directory cannot be started by accident')
      : pending('pg_control is still in place')
  },
  async undo(context) {
    // Asked of the journal and not of the job: that is forgotten when it is stopped, and a second process, going back after a
    // crash, would make a half copy startable.
    if (context.begun(COPY_STEP)) return
    await hostOf(context).restoreControl(context.operation)
  },
}

export const setDataAside: Step = {
  kind: 'set-data-aside',
  async probe(context) {
    const directory = await hostOf(context).look()
    return directory.dataAside ? done('the old directory is set aside') : pending('the old directory is in place')
  },
  async act(context) {
    await hostOf(context).setDataAside(context.operation)
    return undefined
  },
  async verify(context) {
    const directory = await hostOf(context).look()
    return directory.dataAside
      ? done('the old directory is whole, beside the new one')
      : pending('the old directory is in place')
  },
  async undo(context) {
    await hostOf(context).restoreData(context.operation)
  },
}

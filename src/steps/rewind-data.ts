/**
 * rewind-data: pg_rewind brings a diverged node back to the fork, and its files to the primary's state.
 *
 * Precondition: target stopped, its configuration saved, a checkpoint done on the primary since it became primary (else
 * pg_rewind reads the old timeline there and calls a rewind unnecessary). Effect: what the target wrote past the fork is gone.
 * Undo: pg_rewind broken off leaves a directory that must not start: its control file is set aside.
 * Repeat: a finished job counts; a broken one is not run again on a half-rewound directory.
 */
import {done, hostOf, idIn, nodeConfig, pending, type Step} from './context.js'
import {followJob} from './copy-data.js'

const JOB = 'rewind-data'

export const rewindData: Step = {
  kind: 'rewind-data',
  deadlineMs: null,
  async probe(context) {
    const state = await hostOf(context).jobState(context.operation, JOB)
    return state.state === 'ended' && state.exitStatus === 0 ? done('rewound') : pending('not rewound yet')
  },
  async act(context) {
    const source = nodeConfig(context.world, idIn(context, 'on'))
    const access = context.world.file.postgres
    await hostOf(context).startJob(context.operation, JOB, {
      kind: 'rewind',
      source: {
        host: source.address,
        port: source.port,
        user: access.user,
        passfile: access.replicationPassfile,
        database: access.database,
      },
    })
    return followJob(context, JOB, 'rewind')
  },
  async verify(context) {
    const state = await hostOf(context).jobState(context.operation, JOB)
    return state.state === 'ended' && state.exitStatus === 0
      ? done('pg_rewind ended well')
      : pending(`the rewind is ${state.state}`)
  },
  async undo(context) {
    const host = hostOf(context)
    await host.stopJob(context.operation, JOB)
    // Whether a job was seen does not count: an undo that was itself broken off has already made it forgotten.
    if ((await host.look()).control !== null) await host.setControlAside(context.operation)
  },
}

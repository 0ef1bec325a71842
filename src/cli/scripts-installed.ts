/** `scripts list --installed`: in a session of its own; 22 when it could not look everywhere. */
import type {ScriptOptions} from '../cluster/script-options.js'
import {EXIT} from '../lib/errors.js'
import {lookAtInstalled} from '../operations/scripts/installed.js'
import type {ScriptList} from '../report/scripts.js'
import {FAILOVER_SCRIPTS, RECOVERY_SCRIPTS} from '../templates/pgpool-scripts.js'
import type {Body} from './body.js'
import {listScripts} from './scripts.js'
import {clusterOf, openSession, type SessionFlags} from './session.js'

export async function listInstalled(
  flags: SessionFlags,
  options: Omit<ScriptOptions, 'mode'>,
): Promise<Body<ScriptList>> {
  await using session = await openSession(flags)
  const installed = await lookAtInstalled(session.world, options, {
    recovery: RECOVERY_SCRIPTS,
    failover: FAILOVER_SCRIPTS,
  })
  const unseen = installed.some(({state}) => state === 'unreachable' || state === 'unknown')
  return {
    data: {...listScripts(), installed},
    exitCode: unseen ? EXIT.unknownHealth : EXIT.done,
    cluster: clusterOf(session.world.file),
  }
}

/** Every precondition of every verb, one line each: look once, then ask each check what it thinks of the picture. */
import type {DoctorData} from '../../report/doctor.js'
import {viewsOf} from './needs.js'
import {runCheck, type Check} from './check.js'
import type {Snapshot} from './snapshot.js'
import {takeSnapshot, type DoctorWorld} from './survey.js'

export async function examine(
  world: DoctorWorld,
  checks: readonly Check[],
  observe: (text: string) => void,
): Promise<DoctorData> {
  const views = new Set(checks.flatMap(viewsOf))
  return judge(await takeSnapshot(world, views, observe), checks)
}

/** Pure: the same picture gives the same words. */
export function judge(snapshot: Snapshot, checks: readonly Check[]): DoctorData {
  const results = checks.map((check) => runCheck(check, snapshot))
  const counts = {ok: 0, warning: 0, critical: 0, unknown: 0}
  for (const {status} of results) counts[status] += 1
  return {checks: results, counts, health: healthOf(counts)}
}

/** The worst that was found; where nothing was, what could not be looked at may hide anything, so that is not healthy. */
function healthOf({critical, warning, unknown}: DoctorData['counts']): DoctorData['health'] {
  if (critical > 0) return 'critical'
  if (warning > 0) return 'warning'
  return unknown > 0 ? 'unknown' : 'ok'
}

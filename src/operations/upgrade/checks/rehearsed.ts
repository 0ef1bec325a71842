/** Whether this very step was tried on a copy of the cluster, by this poolctl, and not too long ago. */
import {secondsText} from '../../../lib/human.js'
import {newestFigures} from '../newest.js'
import {warn, type Finding} from './finding.js'
import type {UpgradeSurvey} from './survey.js'

/** Data, settings and schema of a month ago are other ones. */
const OLD_SECONDS = 30 * 24 * 3600

/** `transfer`: of a run that is planned; a rehearsal tries links. */
export function checkRehearsed(survey: UpgradeSurvey, transfer = 'link'): Finding[] {
  const why = notRehearsed(survey, transfer)
  if (why === null) return []
  return [
    warn({
      code: 'NOT_REHEARSED',
      area: 'trial',
      message: `this upgrade was not rehearsed: ${why}`,
      detail:
        'A rehearsal makes it for real on one standby, out of the reach of clients, and brings that node back. Without one, nobody knows how long the outage lasts, and a promised window cannot be compared with anything.',
      hint: `poolctl upgrade rehearse --to ${survey.request.to}`,
    }),
  ]
}

function notRehearsed(
  {rehearsals, from, request, toolVersion, takenAt}: UpgradeSurvey,
  transfer: string,
): string | null {
  if (from === null) return null
  const last = newestFigures(rehearsals, from, request.to)
  if (last === null) {
    const other = newestOther(rehearsals)
    return other === null ? 'no host has figures of one' : `the last one was from ${other.from} to ${other.to}`
  }
  const ageSeconds = (Date.parse(takenAt) - Date.parse(last.at)) / 1000
  if (last.toolVersion !== toolVersion)
    return `the last one, of ${last.at}, was made by ${last.toolVersion === null ? 'an older poolctl' : `poolctl ${last.toolVersion}`}, and this is ${toolVersion}`
  if (transfer !== 'link')
    return `the last one, of ${last.at}, was made with links, and not with --transfer ${transfer}`
  if (ageSeconds > OLD_SECONDS) return `the last one, of ${last.at}, is ${secondsText(ageSeconds)} old`
  return null
}

function newestOther(rehearsals: UpgradeSurvey['rehearsals']): {from: number; to: number} | null {
  const [first] = rehearsals.filter(({passed}) => passed).toSorted((a, b) => (a.at < b.at ? 1 : -1))
  return first ?? null
}

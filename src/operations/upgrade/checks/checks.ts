/** Every check of an upgrade over one survey: pure, all failures at once. The run repeats it just before the outage. */
import {checkArchive} from './archive.js'
import {checkContent} from './content.js'
import {checkFiles} from './files.js'
import type {Finding} from './finding.js'
import {checkPool} from './pool.js'
import {checkRates} from './rates.js'
import {checkRehearsed} from './rehearsed.js'
import {checkReplication} from './replication.js'
import {checkSsh} from './ssh.js'
import {checkStorm} from './storm.js'
import type {UpgradeSurvey} from './survey.js'
import {checkTools} from './tools.js'
import {checkSettings, checkTrial} from './trial.js'
import {checkVersions} from './versions.js'

/** Stops first, then by area and node. What the site has accepted by name is a warning that says so. */
export function upgradeChecks(survey: UpgradeSurvey): Finding[] {
  const known = [
    ...checkVersions(survey),
    ...checkTools(survey),
    ...checkReplication(survey),
    ...checkSsh(survey),
    ...checkRates(survey),
    ...checkPool(survey),
    ...checkStorm(survey),
    ...checkContent(survey),
    ...checkFiles(survey),
    ...checkSettings(survey),
    ...checkArchive(survey),
  ]
  const all = [...known, ...checkTrial(survey, known), ...checkRehearsed(survey)].map((finding) =>
    accepted(finding, survey.request.accept),
  )
  return [...all.filter(({severity}) => severity === 'stop'), ...all.filter(({severity}) => severity === 'warn')]
}

export function accepted(finding: Finding, accept: readonly string[]): Finding {
  if (finding.severity !== 'stop' || finding.override === null || !accept.includes(finding.code)) return finding
  const detail = [`Accepted with ${finding.override}.`, finding.detail].filter((text) => text !== null).join(' ')
  return {...finding, severity: 'warn', detail, override: null}
}

/** What `--accept` named and no check asked for: a slip of the pen must not look like consent. */
export function acceptedInVain(survey: UpgradeSurvey, findings: readonly Finding[]): string[] {
  return survey.request.accept.filter((code) => !findings.some((finding) => finding.code === code))
}

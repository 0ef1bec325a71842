/** A survey and its findings as the report that is shown and kept. */
import {formatPgVersion} from '../../../cluster/pg-version.js'
import type {WayBackNote} from '../../../cluster/way-back-note.js'
import type {Trial, TrialPart} from '../../../ports/upgrade-check.js'
import type {UpgradeCheckData, UpgradeInventory, UpgradeTimings} from '../../../report/upgrade-check.js'
import {oldWayBack, wayBackView} from '../way-back-age.js'
import {upgradeChecks} from './checks.js'
import {differences} from './differences.js'
import {stops} from './finding.js'
import {ratesView} from './rates.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

/** `before`: the last report that was kept for the same target, or null; `safety`: the way back that was made for it. */
export function checkReport(
  survey: UpgradeSurvey,
  before: UpgradeCheckData | null,
  safety: WayBackNote | null = null,
): UpgradeCheckData {
  const now = new Date(survey.takenAt)
  const findings = [...upgradeChecks(survey), ...oldWayBack(safety, now)]
  const inventory = inventoryOf(survey)
  return {
    checkedAt: survey.takenAt,
    from: survey.from,
    to: survey.request.to,
    verdict: stops(findings).length === 0 ? 'ready' : 'refused',
    primary: survey.primary,
    nodes: survey.nodes.map(({id, config, target, server, machine}) => ({
      id,
      host: config.host,
      version: server.reachable ? formatPgVersion(server.facts.versionNum) : null,
      newVersion: machine.seen ? machine.facts.newVersion : null,
      newData: target.data,
      newBin: target.bin,
      newDataState: machine.seen ? machine.facts.newData.state : null,
    })),
    findings,
    settings: settingsOf(survey.nodes),
    inventory,
    wayBack: wayBackView(safety, now),
    trial: survey.trial === null ? null : timingsOf(survey.trial),
    rates: ratesView(survey),
    since: before?.checkedAt ?? null,
    differences: before === null ? [] : differences(before, {findings, inventory}),
    kept: null,
  }
}

/** Names alone of what may hold a secret; free text of commands and connections is nobody's business in a report. */
const UNTOLD = /_command$|conninfo|passphrase|password|secret|key/i

function inventoryOf({content, nodes}: UpgradeSurvey): UpgradeInventory {
  return {
    databases: (content?.databases ?? []).map(({name, bytes, relations, largeObjects}) => ({
      name,
      bytes,
      relations,
      largeObjects,
    })),
    extensions: content?.extensions ?? [],
    slots: (content?.slots ?? []).map(({name, kind}) => `${name} (${kind})`),
    nodes: nodes.map(({id, server, machine, settings}) => ({
      id,
      version: server.reachable ? formatPgVersion(server.facts.versionNum) : null,
      newVersion: machine.seen ? machine.facts.newVersion : null,
      settings: Object.fromEntries(
        (settings ?? []).map(({name, value}) => [name, UNTOLD.test(name) ? '(not shown)' : value]),
      ),
    })),
  }
}

function settingsOf(nodes: readonly NodeSurvey[]): UpgradeCheckData['settings'] {
  const own = nodes.flatMap(({id, changes}) =>
    changes.filter(({kind}) => kind !== 'default').map((change) => ({node: id, ...change})),
  )
  // A default counts where no node has set it: a site that sets it on one node alone has a reason, and is shown both.
  const defaults = new Map(
    nodes.flatMap(({changes}) => changes.filter(({kind}) => kind === 'default').map((change) => [change.name, change])),
  )
  return [...own, ...[...defaults.values()].map((change) => ({node: null, ...change}))]
}

function timingsOf(trial: Trial): UpgradeTimings {
  const seconds = (part: TrialPart | null): number | null => (part === null ? null : part.seconds)
  return {
    initdbSeconds: seconds(trial.initdb),
    pgUpgradeCheckSeconds: seconds(trial.pgUpgrade),
    startSeconds: seconds(trial.start),
    dumpSeconds: seconds(trial.dump),
    restoreSeconds: seconds(trial.restore),
    schemaBytes: trial.dump?.bytes ?? null,
  }
}

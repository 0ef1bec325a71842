/** Whether a standby's disk and its way to the primary are quick enough for what it must fetch while the servers stand. */
import {bytesText, secondsText} from '../../../lib/human.js'
import type {UpgradeRates} from '../../../report/upgrade-check.js'
import {warn, type Finding} from './finding.js'
import type {UpgradeSurvey} from './survey.js'

/** A check knows no window. Whatever will be promised, so long for one of several acts is much of it. */
const LONG_SECONDS = 120
/** Of a window, for the same reason. */
const LARGE_PART = 0.25
const NO_RATES = {fromPrimaryBytesPerSecond: null, writeBytesPerSecond: null}

export function checkRates(survey: UpgradeSurvey): Finding[] {
  return slowFetches(survey, ratesView(survey), null)
}

/** `rates`: of this look or of an earlier check; `windowMs`: what a run promises. */
export function slowFetches(survey: UpgradeSurvey, rates: readonly UpgradeRates[], windowMs: number | null): Finding[] {
  const bytes = fetchedBytes(survey)
  const most = windowMs === null ? LONG_SECONDS : (windowMs / 1000) * LARGE_PART
  return survey.nodes.flatMap(({id, config}) => {
    const {fromPrimaryBytesPerSecond: way, writeBytesPerSecond: disk} = rates.find(({node}) => node === id) ?? NO_RATES
    if (id === survey.primary || way === null || disk === null) return []
    const seconds = bytes / Math.min(way, disk)
    if (seconds <= most) return []
    return [
      warn({
        code: 'FETCH_SLOW',
        area: 'replication',
        node: id,
        message: `node ${id} would take about ${secondsText(seconds)} to fetch the new catalogs: ${bytesText(bytes)}, at ${bytesText(way)}/s from the primary and ${bytesText(disk)}/s to its disk`,
        detail: 'As upgrade check measured it, beside all that went on then. Data is linked and not fetched.',
        hint: `Look what is slow on the way from the primary to ${config.host}; or let the outage not wait for this node: upgrade run --min-standbys`,
      }),
    ]
  })
}

/** New catalogs are about as large as the old ones; everything else a standby links from its own files. */
function fetchedBytes({nodes, primary}: UpgradeSurvey): number {
  const node = nodes.find(({id}) => id === primary)
  if (node?.machine.seen !== true) return 0
  const {catalogBytes, tablespaces} = node.machine.facts
  return tablespaces.reduce((sum, space) => sum + space.catalogBytes, catalogBytes)
}

export function ratesView({nodes}: UpgradeSurvey): UpgradeRates[] {
  return nodes.flatMap(({id, machine}): UpgradeRates[] => {
    const rates = machine.seen ? machine.rates : null
    if (rates === null) return []
    if (!rates.measured)
      return [
        {
          node: id,
          writeBytesPerSecond: null,
          readBytesPerSecond: null,
          fromPrimaryBytesPerSecond: null,
          skipped: rates.why,
        },
      ]
    const {writeBytesPerSecond, readBytesPerSecond, fromPrimaryBytesPerSecond} = rates
    return [{node: id, writeBytesPerSecond, readBytesPerSecond, fromPrimaryBytesPerSecond, skipped: null}]
  })
}

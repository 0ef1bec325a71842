/** Whether a standby's disk and its way to the primary are quick enough for what it must fetch while the servers stand. */
import {bytesText, secondsText} from '../../../lib/human.js'
import type {UpgradeRates} from '../../../report/upgrade-check.js'
import {warn, type Finding} from './finding.js'
import type {UpgradeSurvey} from './survey.js'

/** A check knows no window. Whatever is promised, this alone for one of several acts is much of it. */
const LONG_SECONDS = 120

export function checkRates(survey: UpgradeSurvey): Finding[] {
  const bytes = fetchedBytes(survey)
  return survey.nodes.flatMap(({id, config, machine}) => {
    const rates = machine.seen ? machine.rates : null
    if (id === survey.primary || rates?.measured !== true || rates.fromPrimaryBytesPerSecond === null) return []
    const {fromPrimaryBytesPerSecond: way, writeBytesPerSecond: disk} = rates
    const seconds = bytes / Math.min(way, disk)
    if (seconds <= LONG_SECONDS) return []
    return [
      warn({
        code: 'FETCH_SLOW',
        area: 'replication',
        node: id,
        message: `node ${id} would take about ${secondsText(seconds)} to fetch the new catalogs: ${bytesText(bytes)}, at ${bytesText(way)}/s from the primary and ${bytesText(disk)}/s to its disk`,
        detail: 'Measured a moment ago, beside all that goes on now. Data is linked and not fetched.',
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

/** The configuration of the new version, where it is outside the data directory. */
import {directoryOf} from '../../../cluster/upgrade-target.js'
import type {UpgradeHostFacts} from '../../../ports/upgrade-check.js'
import {stop, type Finding} from './finding.js'
import {checkQuotedConfig} from './quoted.js'
import type {NodeSurvey} from './survey.js'

export function checkNewConfig(node: NodeSurvey, state: UpgradeHostFacts['newConfig']): Finding[] {
  const {id, config, target} = node
  if (config.config === null || target.config === null) return []
  const about = {area: 'files', node: id} as const
  const place = directoryOf(target.config)
  const named = 'or name another place: nodes[].upgrade.config in the cluster file'
  const odd = checkQuotedConfig(node)
  if (state === 'other') {
    const message = `the place of the new configuration, ${place} on ${config.host}, is not empty`
    return [
      ...odd,
      stop({...about, code: 'NEW_CONFIG_NOT_EMPTY', message, hint: `Look at it, and move it away; ${named}`}),
    ]
  }
  if (state !== 'unwritable') return odd
  const message = `${place} on ${config.host} cannot be made: no directory above it is writable`
  const hint = `As root: install -d -o postgres -g postgres -m 755 ${directoryOf(place)}; ${named}`
  return [...odd, stop({...about, code: 'NEW_CONFIG_NOT_WRITABLE', message, hint})]
}

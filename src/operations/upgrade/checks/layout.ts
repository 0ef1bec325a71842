/** How old and new servers were built: what differs there is found before the outage, in a cluster that was prepared or tried. */
import {layoutDifferences, type ControlLayout} from '../../../cluster/control-layout.js'
import {stop, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

export function checkLayout(survey: UpgradeSurvey): Finding[] {
  return survey.nodes.flatMap((node) => {
    if (!node.machine.seen) return []
    const {oldData, newData} = node.machine.facts
    const tried = node.id === survey.primary ? (survey.trial?.layout ?? null) : null
    const fresh = newData.layout ?? tried
    return oldData.layout && fresh ? differing(node, oldData.layout, fresh, survey) : []
  })
}

/** How float8 is passed to functions is no matter of files, but contrib/isn stores numbers by it (pg_upgrade, check.c). */
function differing(node: NodeSurvey, old: ControlLayout, fresh: ControlLayout, {content}: UpgradeSurvey): Finding[] {
  const isn = content?.extensions.some(({name}) => name === 'isn') === true
  const found = layoutDifferences(old, fresh).filter(({key}) => key !== 'Float8 argument passing' || isn)
  if (found.length === 0) return []
  return [
    stop({
      code: 'CONTROL_DATA_DIFFERS',
      area: 'files',
      node: node.id,
      message: `the new programs on ${node.config.host} were built otherwise than the old: ${found
        .map(({key, old: was, fresh: is}) => `${key.toLowerCase()} ${was}, new ${is}`)
        .join('; ')}`,
      detail: 'Files of one cannot be read by the other, so pg_upgrade refuses.',
      hint: 'Install a build of the new version with the options of the old one (pg_config --configure), e.g. from the same packager',
    }),
  ]
}

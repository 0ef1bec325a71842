/** Old and new cluster begin segments of the same names, and the new one is another system: one archive cannot hold both. */
import type {NewSettings} from '../../../cluster/new-settings.js'
import {translateSettings} from '../../../cluster/settings-translation.js'
import {inPlace, placeOf} from '../../../cluster/upgrade-target.js'
import {acceptable, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

export function checkArchive(survey: UpgradeSurvey): Finding[] {
  const {from, request, given} = survey
  if (from === null) return []
  const shared = survey.nodes.filter((node) => sharesArchive(node, {from, to: request.to, given})).map(({id}) => id)
  if (shared.length === 0) return []
  return [
    acceptable({
      code: 'ARCHIVE_SHARED',
      area: 'settings',
      message: `the new version would archive with the same command or library as the old one (${shared.length === 1 ? 'node' : 'nodes'} ${shared.join(', ')})`,
      detail:
        'Its WAL files get names that the archive has already: they are refused, which fills the disk, or they overwrite what the old backups need. The new cluster has another system identifier and timeline 1.',
      hint: `Name in the cluster file what it gets instead, e.g. upgrade: {settings: {archive_command: "cp %p /archive/${request.to}/%f"}}; or let both look up the version: /archive/$(cat PG_VERSION)/%f; or, where the tool tells clusters apart (pgBackRest, Barman), make ready there and: --accept ARCHIVE_SHARED`,
    }),
  ]
}

type Versions = {from: number; to: number; given: NewSettings}

function sharesArchive(node: NodeSurvey, {from, to, given}: Versions): boolean {
  const running = node.server.reachable ? node.server.facts.settings : {}
  const written = (name: string): string =>
    node.settings?.find((setting) => setting.name === name)?.value ?? running[name] ?? ''
  const mode = written('archive_mode')
  if (mode === '' || mode === 'off' || given['archive_mode'] === 'off') return false
  return ['archive_command', 'archive_library'].some((name) => {
    const value = written(name)
    const [next] = translateSettings([{name, value}], from, to).settings
    const moved = given[name] ?? (next && inPlace(next.value, placeOf(node.config), node.target))
    return value === moved && keepsByName(name, value)
  })
}

/** A command runs in the data directory; one that looks up the version there, or takes neither file nor path, shares nothing. */
function keepsByName(name: string, value: string): boolean {
  if (name === 'archive_library') return value !== ''
  return /%[fp]/.test(value) && !value.includes('PG_VERSION')
}

/**
 * Configuration that would not come along: what is outside the data directory stays where it is, the directory of the main file is carried
 * whole, and of the data directory what templates/host/upgrade-place.sh stages.
 */
import {directoryOf} from '../../../cluster/upgrade-target.js'
import {listed, stop, type Finding} from './finding.js'
import type {NodeSurvey} from './survey.js'

/** As `stage` takes them; a name that begins with a point is none of `*.conf`. */
const STAGED = /^(?:[^./][^/]*\.(?:conf|crt|key|pem|crl)|conf\.d\/.+)$/
/** As upgrade-config.sh hands them out for translation. */
const TRANSLATED = /^(?:conf\.d\/)?[^./][^/]*\.conf$/

export function checkCarried(node: NodeSurvey): Finding[] {
  return [...broken(node), ...lostFiles(node), ...untranslated(node)]
}

/** As the files are on disk: it was not noticed, because the running server has kept what it read before. */
function broken({id, configuration}: NodeSurvey): Finding[] {
  if (configuration === null || configuration.errors.length === 0) return []
  return [
    stop({
      code: 'CONFIG_BROKEN',
      area: 'settings',
      node: id,
      message: `the configuration of node ${id} has lines that no server starts with: ${listed(configuration.errors, 5)}`,
      detail: 'The new server would not start with them, and the old one neither when the upgrade goes back.',
      hint: 'Mend the lines, then: SELECT pg_reload_conf(), and look at pg_file_settings and pg_hba_file_rules',
    }),
  ]
}

function lostFiles(node: NodeSurvey): Finding[] {
  const {configuration, config} = node
  if (configuration === null) return []
  const {files, places} = configuration
  const ssl = places['ssl'] === 'on'
  const named = Object.entries(places)
    .filter(([name, value]) => /_(?:file|dir)$/.test(name) && value !== '' && (ssl || !name.startsWith('ssl_')))
    .map(([name, value]) => ({name, path: value.startsWith('/') ? value : `${config.data}/${value}`}))
  const all = [...files.map((path) => ({name: 'include', path})), ...named]
  const lost = all.filter(({path}) => {
    const inside = nameIn(directoriesOf(node).data, path)
    return inside !== null && !STAGED.test(inside) && nameIn(directoriesOf(node).outside, path) === null
  })
  if (lost.length === 0) return []
  return [
    stop({
      code: 'CONFIG_LOST',
      area: 'settings',
      node: node.id,
      message: `the new cluster of node ${node.id} would lack files that its configuration names: ${listed(
        lost.map(({name, path}) => `${path} (${name})`),
      )}`,
      detail:
        'Of the data directory *.conf, *.crt, *.key, *.pem, *.crl and conf.d are taken along; without the others the new server does not start.',
      hint: 'Move them beside postgresql.conf, included files into conf.d, or to a place outside the data directory, and name them there; then: SELECT pg_reload_conf()',
    }),
  ]
}

/** In a file that both versions share, or that is carried as it is, what the new one does not know would keep it from starting. */
function untranslated(node: NodeSurvey): Finding[] {
  const changed = new Set(node.changes.filter(({kind}) => kind !== 'default' && kind !== 'set').map(({name}) => name))
  const {data, outside} = directoriesOf(node)
  const left = (node.settings ?? []).filter(({name, file}) => {
    const known = nameIn(data, file) ?? nameIn(outside, file)
    return changed.has(name) && (known === null || !TRANSLATED.test(known))
  })
  if (left.length === 0) return []
  return [
    stop({
      code: 'CONFIG_NOT_TRANSLATED',
      area: 'settings',
      node: node.id,
      message: `settings that the new version does not take as they are stand in files that are not rewritten: ${listed(
        left.map(({name, file}) => `${name} in ${file}`),
      )}`,
      detail: 'The old version reads these files until the outage, so poolctl leaves them alone.',
      hint: 'Take the settings out, or move them into postgresql.conf or conf.d beside it; then: SELECT pg_reload_conf()',
    }),
  ]
}

/** The data directory by the names that poolctl and the server have for it. */
function directoriesOf({config, configuration}: NodeSurvey): {data: string[]; outside: string[]} {
  const own = configuration?.places['data_directory']
  const data = own === undefined ? [config.data] : [config.data, own]
  return {data, outside: config.config === null ? [] : [directoryOf(config.config)]}
}

/** Relative to the first of `directories` that it is in. */
function nameIn(directories: readonly string[], path: string): string | null {
  const found = directories.find((directory) => path.startsWith(`${directory}/`))
  return found === undefined ? null : path.slice(found.length + 1)
}

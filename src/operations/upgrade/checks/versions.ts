/** Programs: which versions run, which will, and whether everything that the old cluster uses is there in the new one. */
import type {UpgradeHostFacts} from '../../../ports/upgrade-check.js'
import {formatPgVersion} from '../../../cluster/pg-version.js'
import {listed, stop, warn, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

/** Minor releases of a new major below which an upgrade has damaged something (release notes of the minor that mended it). */
const NEW_FLOORS: Readonly<Record<number, {minor: number; why: string}>> = {
  14: {
    minor: 4,
    why: 'before 14.4 CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY could make indexes without all rows',
  },
  17: {minor: 6, why: 'before 17.6 an upgrade with logical slots failed when max_slot_wal_keep_size was set'},
}

export function checkVersions(survey: UpgradeSurvey): Finding[] {
  const {from, request} = survey
  if (from === null) return []
  return [
    ...checkSpan(from, request.to),
    ...checkEqual(survey),
    ...survey.nodes.flatMap((node) => (node.machine.seen ? checkPrograms(node, node.machine.facts, request.to) : [])),
  ]
}

/** pg_upgrade of 15 to 19 reads clusters from 9.2 on, that of 20 from 10 on; all supported pairs of ours lie within. */
function checkSpan(from: number, to: number): Finding[] {
  if (to <= from) {
    return [
      stop({
        code: 'UPGRADE_TARGET_NOT_NEWER',
        area: 'versions',
        message: `the cluster runs ${from}, so it cannot be upgraded to ${to}`,
        hint: `Name a later major: poolctl upgrade check --to ${from + 1}`,
      }),
    ]
  }
  if (to < 20 || from >= 10) return []
  return [
    stop({
      code: 'UPGRADE_SPAN_UNSUPPORTED',
      area: 'versions',
      message: `pg_upgrade of ${to} does not read a cluster of ${from}`,
      hint: 'Upgrade to 15 first, then from there.',
    }),
  ]
}

function checkEqual({nodes}: UpgradeSurvey): Finding[] {
  const running = nodes.flatMap(({id, server}) =>
    server.reachable ? [{id, version: formatPgVersion(server.facts.versionNum)}] : [],
  )
  const installed = nodes.flatMap(({id, machine}) =>
    machine.seen && machine.facts.newVersion !== null ? [{id, version: machine.facts.newVersion}] : [],
  )
  const libraries = nodes.flatMap(({id, machine}) =>
    machine.seen && machine.facts.libc !== null ? [{id, version: machine.facts.libc}] : [],
  )
  const found: Finding[] = []
  if (several(running)) {
    found.push(
      stop({
        code: 'NODE_VERSIONS_DIFFER',
        area: 'versions',
        message: `the servers run different releases: ${told(running)}`,
        detail: 'What one minor release writes another may replay otherwise, and only equal checkpoints may be linked.',
        hint: 'Bring all nodes to the same minor release and restart them, standbys first.',
      }),
    )
  }
  if (several(installed)) {
    found.push(
      stop({
        code: 'NEW_VERSIONS_DIFFER',
        area: 'versions',
        message: `different releases of the new version are installed: ${told(installed)}`,
        hint: 'Install the same minor release on all nodes.',
      }),
    )
  }
  if (several(libraries)) {
    found.push(
      warn({
        code: 'LIBC_DIFFERS',
        area: 'versions',
        message: `the machines have different C libraries: ${told(libraries)}`,
        detail: 'They may sort text differently, and then an index of one is wrong on the other.',
        hint: 'Bring the machines to the same release, or run pg_amcheck --heapallindexed on each node afterwards.',
      }),
    )
  }
  return found
}

type Version = {id: number; version: string}

function several(versions: readonly Version[]): boolean {
  return new Set(versions.map(({version}) => version)).size > 1
}

function told(versions: readonly Version[]): string {
  return versions.map(({id, version}) => `node ${id} ${version}`).join(', ')
}

function checkPrograms(node: NodeSurvey, facts: UpgradeHostFacts, to: number): Finding[] {
  const {id, target, config} = node
  const about = {area: 'versions', node: id} as const
  if (facts.missingPrograms.length > 0) {
    return [
      stop({
        ...about,
        code: 'NEW_PROGRAMS_MISSING',
        message: `${config.host} lacks programs of PostgreSQL ${to} in ${target.bin}: ${listed(facts.missingPrograms, 12)}`,
        hint: `Install PostgreSQL ${to} there (Debian: postgresql-${to}), or name its directory: nodes[].upgrade.bin in the cluster file`,
      }),
    ]
  }
  const found: Finding[] = []
  const [major, minor] = (facts.newVersion ?? '').split('.').map((text) => Number.parseInt(text, 10))
  if (major !== to) {
    found.push(
      stop({
        ...about,
        code: 'NEW_VERSION_WRONG',
        message: `${target.bin} on ${config.host} is PostgreSQL ${facts.newVersion ?? 'of no readable version'}, not ${to}`,
        hint: 'Correct nodes[].upgrade.bin in the cluster file.',
      }),
    )
  }
  const floor = NEW_FLOORS[to]
  if (floor && major === to && (minor ?? 0) < floor.minor) {
    found.push(
      stop({
        ...about,
        code: 'NEW_MINOR_TOO_OLD',
        message: `PostgreSQL ${facts.newVersion} on ${config.host} is older than ${to}.${floor.minor}`,
        detail: `${floor.why}.`,
        hint: `Install a later minor release of ${to} on all nodes.`,
      }),
    )
  }
  if (facts.missingLibraries.length > 0) {
    found.push(
      stop({
        ...about,
        code: 'LIBRARY_MISSING',
        message: `${config.host} lacks libraries of PostgreSQL ${to} that functions or settings name: ${listed(facts.missingLibraries)}`,
        detail:
          'The functions could not be made in the new cluster, and a standby without them fails when one is called.',
        hint: `Install the packages that bring them for ${to}, e.g. postgresql-${to}-pgpool2 for pgpool-recovery, or drop what uses them.`,
      }),
    )
  }
  if (facts.missingExtensions.length > 0) {
    found.push(
      stop({
        ...about,
        code: 'EXTENSION_MISSING',
        message: `${config.host} lacks extensions for PostgreSQL ${to}: ${listed(facts.missingExtensions)}`,
        hint: `Install their packages for ${to}, or: DROP EXTENSION … in the databases that have them`,
      }),
    )
  }
  if (facts.missingLocales.length > 0) {
    found.push(
      stop({
        ...about,
        code: 'LOCALE_MISSING',
        message: `${config.host} lacks locales that databases use: ${listed(facts.missingLocales)}`,
        hint: 'Generate them there (Debian: /etc/locale.gen, then locale-gen).',
      }),
    )
  }
  return found
}

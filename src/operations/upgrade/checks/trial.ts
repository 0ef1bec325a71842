/** What the new version itself said: of the settings on every node, and of pg_upgrade --check, start and schema on the primary. */
import {bytesText} from '../../../lib/human.js'
import type {Trial} from '../../../ports/upgrade-check.js'
import {checkCarried} from './carried.js'
import {acceptable, counted, listed, stop, warn, type Finding} from './finding.js'
import {trialSpaceShort} from './space.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

export function checkSettings(survey: UpgradeSurvey): Finding[] {
  return survey.nodes.flatMap((node) => [
    ...refusedSettings(node, survey.request.to),
    ...checkCarried(node),
    ...changedSettings(node),
  ])
}

function refusedSettings(node: NodeSurvey, to: number): Finding[] {
  const proof = node.machine.seen ? node.machine.proof : null
  if (!proof || proof.ok) return []
  return [
    stop({
      code: 'SETTINGS_REFUSED',
      area: 'settings',
      node: node.id,
      message: `PostgreSQL ${to} does not take the settings of node ${node.id}: ${listed(proof.messages, 5)}`,
      detail: `Tried with postgres -C on ${node.config.host}, after renamed and removed parameters were translated.`,
      hint: `Take these out of its configuration, or write them as ${to} wants them; what is in upgrade.settings of the cluster file is given to it as it stands there`,
    }),
  ]
}

/** Changed defaults are the same on all nodes and are said once, in the report. */
function changedSettings(node: NodeSurvey): Finding[] {
  const own = node.changes.filter(({kind}) => kind !== 'default')
  if (own.length === 0) return []
  return [
    warn({
      code: 'SETTINGS_TRANSLATED',
      area: 'settings',
      node: node.id,
      message: `settings of node ${node.id} are translated: ${own.map(({name, text}) => `${name} ${text}`).join('; ')}`,
      hint: 'Nothing needs to be done; the new configuration is written that way',
    }),
  ]
}

/** Words of pg_upgrade about what a check of ours has said already, with the objects and the remedy. */
const SAID_ALREADY: readonly [RegExp, readonly string[]][] = [
  [/prepared transactions/i, ['PREPARED_TRANSACTIONS']],
  [/reg\* data types/i, ['REG_COLUMNS']],
  [/system-defined composite/i, ['SYSTEM_COMPOSITE_COLUMNS']],
  [/sql_identifier/i, ['SQL_IDENTIFIER_COLUMNS']],
  [/aclitem/i, ['ACLITEM_COLUMNS']],
  [/postfix operators/i, ['POSTFIX_OPERATORS']],
  [/encoding conversion/i, ['ENCODING_CONVERSIONS']],
  [/incompatible polymorphic/i, ['POLYMORPHIC_FUNCTIONS']],
  [/loadable libraries|required librar/i, ['LIBRARY_MISSING']],
  [
    /allow connections|datallowconn|connection to (?:be allowed|database)/i,
    ['DATABASE_NOT_CONNECTABLE', 'DATABASE_INVALID', 'TEMPLATE0_CONNECTABLE'],
  ],
  [/invalid databases?/i, ['DATABASE_INVALID']],
  [/could not create hard link/i, ['LINK_IMPOSSIBLE']],
  [/tablespace director/i, ['TABLESPACE_LEFTOVER', 'TABLESPACE_INSIDE_DATA']],
  [/checksum/i, ['NEW_CHECKSUMS_DIFFER']],
  [/pg_controldata .*(?:invalid or do not match|do not match)/i, ['CONTROL_DATA_DIFFERS']],
  [/WAL segment/i, ['NEW_WAL_SEGMENT_SIZE_DIFFERS']],
  [/install user/i, ['NOT_INSTALL_USER']],
]

/** `known`: what the other checks found. pg_upgrade stops at its first; repeated, it would look like a second thing to do. */
export function checkTrial(survey: UpgradeSurvey, known: readonly Finding[]): Finding[] {
  const {trial, trialSkipped, request, primary} = survey
  if (!trial) {
    const short = request.trial ? spaceShort(survey) : []
    if (short.length > 0) return short
    return [
      warn({
        code: 'TRIAL_SKIPPED',
        area: 'trial',
        message: `version ${request.to} was not tried: ${trialSkipped ?? 'unknown'}`,
        hint: 'Mend what else was found, then repeat the check',
      }),
    ]
  }
  const about = {area: 'trial', node: primary} as const
  const found: Finding[] = [...checkPgUpgrade(trial, known, primary)]
  const failed = (part: {ok: boolean; messages: string[]} | null): string | null =>
    part === null || part.ok ? null : listed(part.messages.slice(-8), 8) || 'it said nothing'
  const initdb = failed(trial.initdb)
  if (initdb !== null) {
    found.push(
      stop({
        ...about,
        code: 'TRIAL_INITDB_FAILED',
        message: `no cluster of version ${request.to} can be made like the old one: ${initdb}`,
        hint: 'Generate the locale it names, or install what it misses',
      }),
    )
  }
  const start = failed(trial.start)
  if (start !== null) {
    found.push(
      stop({
        ...about,
        code: 'TRIAL_START_FAILED',
        message: `version ${request.to} does not start with the site's settings and preloaded libraries: ${start}`,
        hint: `Mend shared_preload_libraries or the setting it names; packages of extensions are per major (postgresql-${request.to}-…)`,
      }),
    )
  }
  const dump = failed(trial.dump)
  if (dump !== null) {
    found.push(
      acceptable({
        ...about,
        code: 'SCHEMA_NOT_DUMPED',
        message: `the schema could not be dumped on the primary's own machine: ${dump}`,
        detail: 'So it is not known whether the new version takes it.',
        hint: 'Let the superuser in from that machine (pg_hba.conf), over its socket or its own address',
      }),
    )
  }
  const errors = trial.restore?.ok === false ? trial.restore.messages : []
  if (errors.length > 0) {
    const first = (errors[0] ?? '').replace(/^schema\.sql:\d+: /, '')
    found.push(
      stop({
        ...about,
        code: 'SCHEMA_NOT_RESTORED',
        message: `version ${request.to} does not take the schema: ${counted(errors.length, 'error')}, the first: ${first}`,
        detail: [
          'The real schema was restored into an empty cluster of the new version; pg_upgrade would stop there in the outage.',
          ...errors,
        ].join('\n'),
        hint: 'Change or drop the objects that it names',
      }),
    )
  }
  return found
}

function spaceShort({nodes, primary}: UpgradeSurvey): Finding[] {
  const node = nodes.find(({id}) => id === primary)
  const short = node?.machine.seen === true ? trialSpaceShort(node.machine.facts) : null
  if (!node || short === null) return []
  return [
    warn({
      code: 'TRIAL_SPACE_SHORT',
      area: 'trial',
      node: primary,
      message: `${node.config.host} has ${bytesText(short.free)} free where the new version would be tried, and a trial may take ${bytesText(short.needed)}`,
      detail:
        'It was not tried: a disk that is full stops the server that serves from it. So nothing is known of the schema.',
      hint: 'Free some space there, then repeat the check',
    }),
  ]
}

function checkPgUpgrade(trial: Trial, known: readonly Finding[], primary: number | null): Finding[] {
  const {pgUpgrade, initdb} = trial
  const about = {area: 'trial', node: primary} as const
  if (pgUpgrade?.ok === true || initdb?.ok === false) return []
  const text = pgUpgrade?.messages.join('\n') ?? ''
  const codes = SAID_ALREADY.filter(([words]) => words.test(text)).flatMap(([, list]) => list)
  if (known.some(({code}) => codes.includes(code))) return []
  // The trial's own start says why, in the server's words.
  if (trial.start?.ok === false && /target postmaster/i.test(text)) return []
  if (!pgUpgrade?.asked) {
    const why = pgUpgrade
      ? listed(pgUpgrade.messages.slice(-3), 3)
      : 'the old server has no socket in unix_socket_directories'
    return [
      acceptable({
        ...about,
        code: 'TRIAL_PG_UPGRADE_NOT_ASKED',
        message: `pg_upgrade --check could not reach the running server: ${why}`,
        detail: "poolctl's own checks and the schema trial stand; pg_upgrade checks again when the server is stopped.",
        hint: 'Give the server a socket directory, and the superuser a line "local all" in pg_hba.conf',
      }),
    ]
  }
  const locale = /lc_collate|lc_ctype|locale|encodings? for database/i.test(text)
  if (locale) {
    return [
      stop({
        ...about,
        code: 'NEW_LOCALE_DIFFERS',
        message: `the new cluster has another locale or encoding: ${firstLine(text)}`,
        hint: 'Make the new cluster again: poolctl upgrade prepare',
      }),
    ]
  }
  return [
    stop({
      ...about,
      code: 'TRIAL_PG_UPGRADE_REFUSED',
      message: `pg_upgrade --check refuses: ${firstLine(text)}`,
      detail: text,
      hint: 'Mend what it names, then repeat the check',
    }),
  ]
}

function firstLine(text: string): string {
  const lines = text
    .split('\n')
    .filter((line) => !/^(?:Performing|Checking|Failure|-+)/.test(line) && line.trim() !== '')
  return (lines[0] ?? text.split('\n')[0] ?? '').trim()
}

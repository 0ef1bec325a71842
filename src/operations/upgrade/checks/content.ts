/** What lies in the old cluster, all databases at once. */
import {bytesText, secondsText} from '../../../lib/human.js'
import type {UpgradeContent} from '../../../ports/upgrade-check.js'
import {counted, listed, stop, warn, type Finding} from './finding.js'
import {checkScans} from './scans.js'
import {checkSessionState} from './session-state.js'
import {checkSlots} from './slots.js'
import {checkStatisticsTargets} from './statistics-targets.js'
import type {UpgradeSurvey} from './survey.js'

/** A transaction that old keeps a fast stop from being quick, and its client is cut. */
const LONG_TRANSACTION_SECONDS = 60
/** Past this, autovacuum against wraparound is near and would run right after the upgrade (limit: 2^31). */
const OLD_XID_AGE = 1_500_000_000
/** From here on pg_upgrade before 18 needs minutes and much memory for their rows. */
const MANY_LARGE_OBJECTS = 1_000_000

const area = 'content' as const

export function checkContent(survey: UpgradeSurvey): Finding[] {
  const {content, contentUnseen, from, request} = survey
  if (!content || from === null) {
    return [
      stop({
        code: 'CONTENT_UNSEEN',
        area,
        message: `the old cluster's content could not be looked at: ${contentUnseen ?? 'no server answered'}`,
        hint: 'poolctl status',
      }),
    ]
  }
  return [
    ...checkUser(content),
    ...checkDatabases(content),
    ...checkTransactions(content),
    ...checkSessionState(content),
    ...checkSlots(content, survey, from, request.to),
    ...checkScans(content),
    ...checkStatisticsTargets(content, request.to),
    ...checkSizes(content),
    ...checkJobs(content),
    ...checkArchiver(content),
  ]
}

/** pg_upgrade gives the role with number 10 its number back, so it must be the one that runs it. */
function checkUser({user, rolesWithPgPrefix}: UpgradeContent): Finding[] {
  const found: Finding[] = []
  if (!user.isBootstrap || !user.isSuperuser) {
    found.push(
      stop({
        code: 'NOT_INSTALL_USER',
        area,
        message: `${user.name} is not the superuser that the cluster was made with`,
        detail: 'pg_upgrade must be run as that one (the role with oid 10).',
        hint: 'Name it in the cluster file: postgres.user. Find it with: SELECT rolname FROM pg_roles WHERE oid = 10',
      }),
    )
  }
  if (rolesWithPgPrefix.length > 0) {
    found.push(
      stop({
        code: 'RESERVED_ROLE_NAMES',
        area,
        message: `${counted(rolesWithPgPrefix.length, 'role has a name', 'roles have names')} that PostgreSQL keeps for itself: ${listed(rolesWithPgPrefix)}`,
        hint: 'ALTER ROLE … RENAME TO …',
      }),
    )
  }
  return found
}

function checkDatabases({databases}: UpgradeContent): Finding[] {
  const named = (test: (database: UpgradeContent['databases'][number]) => boolean): string[] =>
    databases.filter(test).map(({name}) => name)
  const invalid = named(({connectionLimit}) => connectionLimit === -2)
  const closed = named(
    ({name, allowsConnections, connectionLimit}) =>
      !allowsConnections && name !== 'template0' && connectionLimit !== -2,
  )
  const openTemplate = named(({name, allowsConnections}) => allowsConnections && name === 'template0')
  const old = named(({xidAge}) => xidAge > OLD_XID_AGE)
  const found: Finding[] = []
  if (invalid.length > 0) {
    found.push(
      stop({
        code: 'DATABASE_INVALID',
        area,
        message: `${counted(invalid.length, 'database is', 'databases are')} invalid: ${listed(invalid)}`,
        detail: 'A DROP DATABASE was broken off; nobody can connect to it, and so pg_upgrade cannot.',
        hint: invalid.map((name) => `DROP DATABASE "${name}"`).join('; '),
      }),
    )
  }
  if (closed.length > 0) {
    found.push(
      stop({
        code: 'DATABASE_NOT_CONNECTABLE',
        area,
        message: `${counted(closed.length, 'database does', 'databases do')} not let anybody connect: ${listed(closed)}`,
        hint: closed.map((name) => `ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`).join('; '),
      }),
    )
  }
  if (openTemplate.length > 0) {
    found.push(
      stop({
        code: 'TEMPLATE0_CONNECTABLE',
        area,
        message: 'template0 lets clients connect, and pg_upgrade refuses that',
        hint: 'ALTER DATABASE template0 ALLOW_CONNECTIONS false',
      }),
    )
  }
  if (old.length > 0) {
    found.push(
      warn({
        code: 'WRAPAROUND_NEAR',
        area,
        message: `transaction ids or multixacts are near wraparound in ${listed(old)}`,
        detail: 'The vacuum against it would begin as soon as the new cluster runs, beside ANALYZE.',
        hint: 'vacuumdb --all --freeze before the day',
      }),
    )
  }
  return found
}

function checkTransactions({preparedTransactions, sessions}: UpgradeContent): Finding[] {
  const found: Finding[] = []
  if (preparedTransactions.length > 0) {
    found.push(
      stop({
        code: 'PREPARED_TRANSACTIONS',
        area,
        message: `${counted(preparedTransactions.length, 'prepared transaction is', 'prepared transactions are')} open: ${listed(
          preparedTransactions.map(({gid, database, owner}) => `'${gid}' of ${owner} in ${database}`),
        )}`,
        hint: "Let its transaction manager end it, or in its database: COMMIT PREPARED '…' or ROLLBACK PREPARED '…'",
      }),
    )
  }
  const long = sessions.filter(({transactionSeconds}) => (transactionSeconds ?? 0) > LONG_TRANSACTION_SECONDS)
  if (long.length > 0) {
    found.push(
      warn({
        code: 'LONG_TRANSACTIONS',
        area,
        message: `${counted(long.length, 'transaction is', 'transactions are')} open for more than ${LONG_TRANSACTION_SECONDS} s: ${listed(
          long.map(
            ({pid, user, database, transactionSeconds}) =>
              `process ${pid}, ${user} in ${database}, ${secondsText(transactionSeconds ?? 0)}`,
          ),
        )}`,
        detail: 'Their clients are cut when the servers stop.',
        hint: 'Ask who runs them whether they may be repeated, or plan the window after them.',
      }),
    )
  }
  return found
}

/** They write as soon as the server runs: nobody has to connect for it. */
function checkJobs({extensions}: UpgradeContent): Finding[] {
  const where = extensions.filter(({name}) => name === 'pg_cron').map(({database}) => database)
  if (where.length === 0) return []
  return [
    warn({
      code: 'SCHEDULED_JOBS',
      area,
      message: `pg_cron runs jobs from ${listed(where)}`,
      detail:
        'Those that fall due are run by the new server before clients are let in, and those of the outage are not made up for.',
      hint: 'UPDATE cron.job SET active = false for the window, for what must not run then',
    }),
  ]
}

function checkSizes({databases}: UpgradeContent): Finding[] {
  const unlogged = databases.reduce((sum, {unloggedBytes}) => sum + unloggedBytes, 0)
  const largeObjects = databases.reduce((sum, database) => sum + database.largeObjects, 0)
  const found: Finding[] = []
  if (unlogged > 0) {
    found.push(
      warn({
        code: 'UNLOGGED_TABLES',
        area,
        message: `unlogged tables hold ${bytesText(unlogged)}`,
        detail: 'They keep their rows on the primary and are empty on every standby, as before.',
        hint: 'Nothing needs to be done; TRUNCATE those whose rows are worth nothing.',
      }),
    )
  }
  if (largeObjects > MANY_LARGE_OBJECTS) {
    found.push(
      warn({
        code: 'MANY_LARGE_OBJECTS',
        area,
        message: `there are ${largeObjects} large objects`,
        detail: 'pg_upgrade carries each by itself: that is time in the outage, and memory.',
        hint: 'vacuumlo removes those that no row refers to; poolctl upgrade rehearse measures the time',
      }),
    )
  }
  return found
}

function checkArchiver({archiveFailing, archiveReady}: UpgradeContent): Finding[] {
  if (!archiveFailing && (archiveReady ?? 0) < 16) return []
  return [
    stop({
      code: 'ARCHIVE_BACKLOG',
      area: 'replication',
      message: archiveFailing
        ? `the archiver fails, and ${counted(archiveReady ?? 0, 'file waits', 'files wait')}`
        : `${archiveReady} WAL files wait for the archiver`,
      detail: 'A clean stop waits until all of them are archived.',
      hint: 'Mend archive_command and wait; see last_failed_wal in pg_stat_archiver',
    }),
  ]
}

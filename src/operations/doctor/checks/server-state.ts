/** What waits to surprise at the next start or promotion of a server. */
import {ofServers, type Check, type Found} from '../check.js'

const configErrors = ofServers(
  {
    id: 'server-config-errors',
    code: 'SERVER_CONF_BROKEN',
    topic: 'server',
    serves: ['promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: 'every server would start with its configuration files',
  },
  ({config, server}) =>
    server.more.configErrors.map((error): Found => ({
      message: `node ${config.id}: ${error}: the server would not start with it`,
      remedy: 'correct that line, then: SELECT pg_reload_conf()',
    })),
)

const hbaErrors = ofServers(
  {
    id: 'server-hba-errors',
    code: 'SERVER_HBA_BROKEN',
    topic: 'server',
    serves: ['promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: 'every line of pg_hba.conf can be used',
  },
  ({config, server}) =>
    server.more.hbaErrors.map((error): Found => ({
      message: `pg_hba.conf of node ${config.id}, ${error}: the server would not start with it`,
      remedy: 'correct that line, then: SELECT pg_reload_conf()',
    })),
)

const pendingRestart = ofServers(
  {
    id: 'server-pending-restart',
    code: 'SERVER_RESTART_PENDING',
    topic: 'server',
    serves: ['promote', 'upgrade'],
    severity: 'warning',
    holds: 'no server waits for a restart',
  },
  ({config, server}) =>
    server.more.pendingRestart.length === 0
      ? null
      : {
          message: `node ${config.id} waits for a restart to take over ${server.more.pendingRestart.join(', ')}: the next start brings a surprise`,
          remedy: `restart node ${config.id} at a quiet moment, or take the change back`,
        },
)

const OLD_PREPARED_SECONDS = 600

const prepared = ofServers(
  {
    id: 'prepared-transactions',
    code: 'PREPARED_TRANSACTION_OLD',
    topic: 'server',
    serves: ['upgrade', 'recovery'],
    severity: 'warning',
    holds: 'no prepared transaction was forgotten',
  },
  ({config, server}) =>
    server.more.prepared
      .filter(({seconds}) => seconds > OLD_PREPARED_SECONDS)
      .map(({gid, seconds}): Found => ({
        message: `prepared transaction "${gid}" on node ${config.id} is ${Math.round(seconds)} s old: it holds locks, and pg_upgrade refuses`,
        remedy: `COMMIT PREPARED or ROLLBACK PREPARED '${gid.replaceAll("'", "''")}'`,
      })),
)

const LONG_TRANSACTION_SECONDS = 3600

const longTransaction = ofServers(
  {
    id: 'long-transactions',
    code: 'TRANSACTION_LONG',
    topic: 'server',
    serves: ['promote', 'upgrade', 'detach'],
    severity: 'warning',
    holds: 'no client holds a transaction for an hour',
  },
  ({config, server}) => {
    const {oldestTransactionSeconds: age} = server.more
    return age === null || age < LONG_TRANSACTION_SECONDS
      ? null
      : {
          message: `a client's transaction on node ${config.id} is open for ${Math.round(age)} s: a drain waits for it, a promotion cuts it`,
          remedy: 'SELECT pid, usename, query FROM pg_stat_activity ORDER BY xact_start LIMIT 1',
        }
  },
)

export const SERVER_STATE: readonly Check[] = [configErrors, hbaErrors, pendingRestart, prepared, longTransaction]

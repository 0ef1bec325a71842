/** What was tried: the logins of pgpool's own users, its hooks, and the scripts of both. */
import {ofNode, seconds} from '../../pool-parameters.js'
import {ofNodeHosts, ofPoolHosts, ofPools, ofServers, ofSite, type Check, type Found} from '../check.js'
import {backendsOf, settingsOf, type Snapshot} from '../snapshot.js'

const logins = ofSite(
  {
    id: 'pgpool-logins',
    code: 'POOL_USER_LOGIN_FAILS',
    topic: 'pgpool',
    serves: ['failover', 'node-info', 'recovery'],
    severity: 'critical',
    holds: "no server refuses pgpool's own users the passwords that stand in pgpool.conf",
  },
  ['settings', 'pgpool-host', 'login'],
  (snapshot) =>
    snapshot.logins.flatMap(({pool, node, setting, user, database, refusal}): Found[] => {
      // A server that answers nobody says so itself, as does a role that is not there.
      const server = snapshot.nodes.find(({config}) => config.id === node)?.server
      const exists = server?.seen === true && server.value.more.roles.some(({name}) => name === user)
      const there = server?.seen === true && server.value.more.databases.includes(database)
      if (!refusal.seen || refusal.value === null || !exists || !there) return []
      const password = setting.replace('_user', '_password')
      return [
        {
          node,
          pool,
          message: `node ${node} refuses ${setting} ${user} of ${pool} with the ${password} of its pgpool.conf: ${refusal.value}`,
          remedy: `correct ${password} there (or leave it empty and put ${user} into pool_passwd), then: poolctl reload`,
        },
      ]
    }),
)

/** The databases in which pgpool's checks log in, by setting. */
function checkDatabases(snapshot: Snapshot, node: number): {pool: string; setting: string; database: string}[] {
  return snapshot.pools.flatMap((pool) => {
    const settings = settingsOf(pool)
    if (!settings.seen || !backendsOf(settings.value).some(({id}) => id === node)) return []
    return ['health_check', 'sr_check'].flatMap((check) => {
      const setting = `${check}_database`
      const database = ofNode(settings.value, setting, node) ?? ''
      const off = seconds(ofNode(settings.value, `${check}_period`, node)) === 0
      return off || database === '' ? [] : [{pool: pool.name, setting, database}]
    })
  })
}

const databases = ofServers(
  {
    id: 'pgpool-check-databases',
    code: 'CHECK_DATABASE_MISSING',
    topic: 'failover',
    serves: ['failover', 'node-info'],
    severity: 'critical',
    holds: "the databases of pgpool's checks are there",
  },
  ({config, server}, snapshot) =>
    checkDatabases(snapshot, config.id)
      .filter(({database}) => !server.more.databases.includes(database))
      .map(({pool, setting, database}): Found => ({
        pool,
        message: `node ${config.id} has no database ${database}, which is ${setting} of ${pool}: that check always fails`,
        remedy: `pgpool.conf: ${setting} = 'postgres', then: poolctl reload`,
      })),
  ['settings'],
)

const hookPassfiles = ofPoolHosts(
  {
    id: 'hook-passfile',
    code: 'HOOK_PASSFILE_UNUSED',
    topic: 'failover',
    serves: ['failover'],
    severity: 'critical',
    holds: "hooks that call pgpool's tools have a password file for them",
  },
  ({hookPassfiles: files, runsAs, user}, {name}) =>
    // Of another user's home nothing can be said from here.
    runsAs !== null && runsAs !== user
      ? null
      : [...new Map(files.map((file) => [file.path, file])).values()].flatMap(({path, mode}): Found[] =>
          mode?.endsWith('00') === true
            ? []
            : [
                {
                  message: `a hook of ${name} calls pgpool's tools, and ${path} ${mode === null ? `is not there, or not for ${user} to read` : `can be read by others (mode ${mode}) and is not used`}: they cannot log in`,
                  remedy:
                    mode === null
                      ? `put HOST:PORT:USER:PASSWORD of PCP into ${path} as ${user}, mode 600`
                      : `chmod 600 ${path}`,
                },
              ],
        ),
)

const hooksWork = ofPools(
  {
    id: 'hooks-work',
    code: 'HOOK_TRIAL_FAILS',
    topic: 'failover',
    serves: ['failover'],
    severity: 'critical',
    holds: "poolctl's hooks reach every node as pgpool's user",
  },
  ['hook', 'pgpool-host', 'pcp', 'sql'],
  ({hooks}) => hooks,
  (trials, {name}) =>
    trials.flatMap(({program, error}): Found[] =>
      error === null
        ? []
        : [
            {
              message: `${program} of ${name}, tried without a change: ${error}`,
              remedy: 'poolctl scripts test --hooks',
            },
          ],
    ),
)

const scriptsCurrent = ofNodeHosts(
  {
    id: 'recovery-scripts-current',
    code: 'RECOVERY_SCRIPT_OUTDATED',
    topic: 'recovery',
    serves: ['recovery'],
    severity: 'warning',
    holds: "poolctl's recovery scripts say what the cluster file says",
  },
  ({outdatedScripts: names}, {config}) =>
    names.length === 0
      ? null
      : {
          message: `${names.join(', ')} in ${config.data} of node ${config.id} is not what poolctl would make now: the cluster file or poolctl has changed since`,
          remedy: 'poolctl scripts install',
        },
  ['settings'],
)

export const TRIALS: readonly Check[] = [logins, databases, hookPassfiles, hooksWork, scriptsCurrent]

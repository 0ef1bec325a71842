/** What is tried and not only read: the logins of pgpool's own users, and poolctl's hooks in their harmless mode. */
import type {DoctorPgpoolHost, DoctorServer, HookNode, HookTrial} from '../../ports/doctor.js'
import type {PoolSettings} from '../../ports/pool.js'
import type {ClusterFile} from '../../cluster/cluster-file.js'
import type {NodeId} from '../../cluster/node-id.js'
import {Secret} from '../../lib/secret.js'
import {ofNode, parsePoolConfig, seconds} from '../pool-parameters.js'
import {hookPrograms} from './hooks.js'
import {look} from './look.js'
import {backendsOf, isStreaming, settingsOf, type LoginLook, type PoolLook} from './snapshot.js'
import {recoveryDatabase} from './wanted.js'

type Trial = {pool: string; node: number; setting: string; user: string; database: string; password: Secret}

/** Only with the passwords that stand readable in pgpool.conf: pool_passwd and what is encrypted are pgpool's alone. */
function loginsOf(pool: PoolLook): Trial[] {
  const settings = settingsOf(pool)
  if (!settings.seen || !pool.host.seen) return []
  const effect = settings.value
  const passwords = parsePoolConfig(pool.host.value.configText)
  return backendsOf(effect).flatMap(({id}) =>
    usersOf(effect, id).flatMap(({setting, user, database, passwordSetting}) => {
      const password = readable(ofNode(passwords, passwordSetting, id) ?? '')
      return user === '' || password === null ? [] : [{pool: pool.name, node: id, setting, user, database, password}]
    }),
  )
}

type User = {setting: string; user: string; database: string; passwordSetting: string}

function usersOf(settings: PoolSettings, node: number): User[] {
  const of = (name: string): string => ofNode(settings, name, node) ?? ''
  const streams = isStreaming(settings) && seconds(of('sr_check_period')) !== 0
  const checked = seconds(of('health_check_period')) !== 0
  return [
    ...(streams ? [user('sr_check', of('sr_check_user'), of('sr_check_database') || 'postgres')] : []),
    ...(checked ? [user('health_check', of('health_check_user'), of('health_check_database') || 'postgres')] : []),
    user('recovery', of('recovery_user'), recoveryDatabase(settings)),
  ]
}

function user(prefix: string, name: string, database: string): User {
  return {setting: `${prefix}_user`, user: name, database, passwordSetting: `${prefix}_password`}
}

/** pgpool's forms: AES and md5 are not for others, TEXT is a prefix, and what has none is clear text. */
function readable(password: string): Secret | null {
  if (password === '' || password.startsWith('AES') || /^md5[0-9a-f]{32}$/.test(password)) return null
  return new Secret(password.startsWith('TEXT') ? password.slice('TEXT'.length) : password)
}

export async function tryLogins(
  pools: readonly PoolLook[],
  {file, server}: {file: Pick<ClusterFile, 'nodes'>; server: (id: NodeId) => DoctorServer},
): Promise<LoginLook[]> {
  return Promise.all(
    pools.flatMap(loginsOf).flatMap(({password, ...about}) => {
      const id = file.nodes.find((node) => node.id === about.node)?.id
      if (id === undefined) return []
      const {user: name, database} = about
      const asked = look(true, () => server(id).refusesLogin({user: name, database, password}))
      return [asked.then((refusal) => ({...about, refusal}))]
    }),
  )
}

/** failover.sh looks at every node, follow_primary.sh at pgpool's tools: one of each is enough. */
export async function tryHooks({pcp, host, sql}: PoolLook, machine: DoctorPgpoolHost): Promise<HookTrial[]> {
  if (!host.seen || !pcp.seen || !sql.seen) return []
  const {madeHooks, runsAs, user: self} = host.value
  const hooks = hookPrograms(sql.value.settings).filter(({program}) => madeHooks.includes(program))
  if (hooks.length === 0) return []
  if (runsAs !== null && runsAs !== self)
    throw new Error(`pgpool runs as ${runsAs}, and SSH ends at user ${self}: what its hooks can do was not tried`)
  const nodes = pcp.value.nodes.map((node) => hookNode(node, sql.value.settings))
  const primary = nodes.find(({role}) => role === 'primary')
  const standby = nodes.find(({role}) => role === 'standby')
  if (nodes.length < 2) return []
  if (primary === undefined || standby === undefined)
    throw new Error('pgpool knows no primary and standby just now, of which its hooks would be told')
  const trials: HookTrial[] = []
  for (const {setting, program} of hooks.filter((hook) => /^f(?:ailover|ollow_primary)_command$/.test(hook.setting))) {
    const [down, next] = setting === 'failover_command' ? [primary, standby] : [standby, primary]
    trials.push(await machine.tryHook(program, {down, next, primary}))
  }
  return trials
}

function hookNode(
  {id, hostname, port, role}: {id: number; hostname: string; port: number; role: string},
  settings: PoolSettings,
): HookNode & {role: string} {
  return {id, host: hostname, port, data: settings.get(`backend_data_directory${id}`) ?? '', role}
}

/** The scripts that pgpool runs, rendered for one cluster: each is whole, with all that it runs on other hosts inside it. */
import type {ClusterFile, NodeConfig} from '../cluster/cluster-file.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import {ConfigError} from '../lib/errors.js'
import {count, fill, templateText, word, type Value, type Values} from './template.js'

/** Names that pgpool and its manual use. */
export const RECOVERY_SCRIPTS = ['recovery_1st_stage', 'recovery_2nd_stage', 'pgpool_remote_start'] as const
export const FAILOVER_SCRIPTS = ['failover.sh', 'follow_primary.sh'] as const
export const ALL_SCRIPTS = [...RECOVERY_SCRIPTS, ...FAILOVER_SCRIPTS] as const
export type ScriptName = (typeof RECOVERY_SCRIPTS)[number] | (typeof FAILOVER_SCRIPTS)[number]

export const SCRIPT_SUMMARIES: Readonly<Record<ScriptName, string>> = {
  recovery_1st_stage: 'copies the primary to the node while clients go on; in streaming replication all there is',
  recovery_2nd_stage: 'native replication and snapshot isolation: makes the copy identical while clients are held back',
  pgpool_remote_start: 'starts the recovered node',
  'failover.sh': 'failover_command: promotes the new primary, when the old one is dead or could be stopped',
  'follow_primary.sh': 'follow_primary_command: turns a standby to the new primary and attaches it once it streams',
}

/** What a script runs on nodes; the prelude goes before each. Order does not matter. */
const ON_NODES: Readonly<Record<ScriptName, readonly string[]>> = {
  recovery_1st_stage: copying(),
  recovery_2nd_stage: copying(),
  pgpool_remote_start: ['host/lock', 'host/server', 'pgpool/on-node/look'],
  'failover.sh': ['host/lock', 'host/server', 'pgpool/on-node/look', 'pgpool/on-node/hears', 'pgpool/on-node/promote'],
  'follow_primary.sh': [
    'host/lock',
    'pgpool/on-node/look',
    'pgpool/on-node/follow',
    'pgpool/on-node/source',
    'pgpool/on-node/streams',
  ],
}

function copying(): string[] {
  const own = ['look', 'prepare', 'stage-control', 'settings', 'login', 'tablespace']
  return ['host/lock', 'host/aside', 'host/config', ...own.map((name) => `pgpool/on-node/${name}`)]
}

const PARTS: Readonly<Record<ScriptName, readonly string[]>> = {
  recovery_1st_stage: ['copying.sh', 'recovery_1st_stage.sh'],
  recovery_2nd_stage: ['copying.sh', 'recovery_2nd_stage.sh'],
  pgpool_remote_start: ['pgpool_remote_start.sh'],
  'failover.sh': ['failover.sh'],
  'follow_primary.sh': ['follow_primary.sh'],
}

/** Throws ConfigError for a value that cannot stand in a script. */
export async function renderScript(name: ScriptName, file: ClusterFile, options: ScriptOptions): Promise<string> {
  const [common, ...parts] = await Promise.all(
    ['common.sh', ...PARTS[name]].map((part) => templateText(`pgpool/${part}`)),
  )
  const head = fill('common.sh', common ?? '', {
    ...commonValues(file, options),
    targetScripts: {kind: 'script', text: await onNodes(ON_NODES[name])},
  })
  return [head, ...parts]
    .map((part) => fill(name, part, part === head ? {} : ownValues(part, file, options)))
    .join('\n')
}

function ownValues(part: string, file: ClusterFile, options: ScriptOptions): Values {
  if (!part.includes('@@pcpHost@@')) return {}
  const pcp = file.pgpool[0]?.pcp
  if (!pcp) throw new Error('a cluster file without pgpool passed its schema')
  return {
    pcpHost: word(pcp.host),
    pcpPort: count(pcp.port),
    pcpUser: word(pcp.user),
    pcpPassfile: word(options.hookPassfile),
  }
}

function commonValues(file: ClusterFile, options: ScriptOptions): Values {
  const {ssh, postgres} = file
  return {
    cluster: {kind: 'comment', text: file.name},
    mode: word(options.mode),
    sshUser: word(ssh.user),
    sshIdentity: word(ssh.peerIdentity),
    sshKnownHosts: word(ssh.peerKnownHosts),
    dbUser: word(postgres.user),
    database: word(postgres.database),
    passfile: word(postgres.replicationPassfile),
    jobs: count(options.jobs),
    limit: count(options.limitSeconds),
    startWait: count(options.startWaitSeconds),
    conninfoEnd: word(postgres.replicationPassfile === null ? '' : ` passfile=${quoted(postgres.replicationPassfile)}`),
    nodes: nodeTable(file),
  }
}

function nodeTable(file: ClusterFile): Value {
  const rows = file.nodes.map((node) => [
    String(node.id),
    node.address,
    portText(node.sshPort ?? file.ssh.port),
    String(node.port),
    node.data,
    node.bin,
    node.work,
    node.slot,
    node.config,
    conninfo(node, file),
    ...startWords(node),
  ])
  return {kind: 'rows', rows}
}

function portText(port: number | null): string | null {
  return port === null ? null : String(port)
}

/** How a standby reaches this node as its primary; it adds its own application_name, and where its password is. */
function conninfo(node: NodeConfig, {postgres}: ClusterFile): string {
  return `host=${quoted(node.address)} port='${node.port}' user=${quoted(postgres.replicationUser)}`
}

/** As libpq reads it in a connection string. */
function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** As templates/host/server.sh takes them. */
function startWords({service, config}: NodeConfig): (string | null)[] {
  switch (service.kind) {
    case 'pg_ctl':
      return ['pg_ctl', config === null ? null : `-c config_file='${config.replaceAll("'", `'\\''`)}'`]
    case 'systemd':
      return ['systemd', service.unit]
    case 'commands':
      return ['command', ...service.start]
  }
}

/** A function that prints a script by its name. Quoted here-documents keep every byte. */
async function onNodes(names: readonly string[]): Promise<string> {
  const prelude = await templateText('host/prelude.sh')
  const cases = await Promise.all(
    names.map(async (path) => {
      const name = path.split('/').at(-1) ?? path
      return `  ${name})\n    cat <<'end-of-${name}'\n${await templateText(`${path}.sh`)}end-of-${name}\n    ;;`
    }),
  )
  return [
    'target_script() {',
    "  cat <<'end-of-prelude'",
    `${prelude}end-of-prelude`,
    '  case $1 in',
    ...cases,
    '  esac',
    '}',
  ].join('\n')
}

/** pgpool's placeholders in the order that the hooks read them; names between double quotes, because pgpool puts them into a shell line. */
const HOOK_WORDS = '%d "%h" %p "%D" %m "%H" %r "%R" %M %P "%N" %S'

/**
 * What calls the hooks. pgpool's own scanner (4.3.5) takes no doubled quote within a value, and a shell reads the line: so a path
 * that would need a quote of either kind is refused, and the rest stands between double quotes.
 */
export function hookSettings(directory: string): Record<string, string> {
  if (!/^\/[\w./@+: -]*$/.test(directory))
    throw new ConfigError({
      code: 'SCRIPT_VALUE_UNFIT',
      message: `pgpool's hooks cannot lie in ${JSON.stringify(directory)}`,
      detail: 'pgpool puts the path into a shell line, and its configuration file knows no way to quote it safely.',
      hint: 'Put pgpool.conf into a directory with a plain name.',
    })
  const call = (name: string): string => `"${directory}/${name}" ${HOOK_WORDS}`
  return {failover_command: call('failover.sh'), follow_primary_command: call('follow_primary.sh')}
}

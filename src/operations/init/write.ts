/** A first cluster file from what a running pgpool says of itself. Pure: text in, text out. */
import type {PoolNode} from '../../cluster/pool-node.js'

export type InitFacts = {
  cluster: string
  /** How SSH reaches pgpool, or `local`. */
  pgpoolHost: string
  pcp: {port: number; user: string}
  config: string
  /** Text of pgpool.conf. */
  pgpoolConf: string
  nodes: readonly PoolNode[]
  /** PostgreSQL's programs on the nodes; null: derived from Debian's directory layout. */
  bin: string | null
}

export type InitResult = {
  yaml: string
  /** What has to be filled in or checked by a person, by node. */
  open: {node: number; what: string}[]
}

/**
 * Values are written as JSON strings, which YAML reads as they are: a path may hold a colon, a quote or a hash. A node whose
 * data directory or programs are not known is still listed, with an empty value that the schema refuses, so that it cannot
 * be overlooked.
 */
export function clusterFileText(facts: InitFacts): InitResult {
  const settings = parsePgpoolConf(facts.pgpoolConf)
  const open: InitResult['open'] = []
  const nodes = facts.nodes
    .filter((node) => node.status !== 'unused' && node.hostname !== '')
    .map((node) => {
      const data = settings.get(`backend_data_directory${node.id}`) ?? ''
      const bin = facts.bin ?? debianPrograms(data) ?? ''
      if (data === '') open.push({node: node.id, what: 'data: pgpool.conf has no data directory for it'})
      if (bin === '') open.push({node: node.id, what: "bin: where PostgreSQL's programs are"})
      const address = node.hostname.startsWith('/') ? 'local' : node.hostname
      return `  - {id: ${node.id}, host: ${quoted(address)}, port: ${node.port}, data: ${quoted(data)}, bin: ${quoted(bin)}}`
    })
  const port = settings.get('port') ?? '9999'
  const yaml = [
    `cluster: ${quoted(facts.cluster)}`,
    'pgpool:',
    `  - host: ${quoted(facts.pgpoolHost)}`,
    `    pcp: {port: ${facts.pcp.port}, user: ${quoted(facts.pcp.user)}}`,
    `    port: ${/^\d+$/.test(port) ? port : '9999'}`,
    `    config: ${quoted(facts.config)}`,
    'nodes:',
    ...nodes,
    '',
  ].join('\n')
  return {yaml, open}
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

/** Debian keeps the data of 15/main in /var/lib/postgresql/15/main and its programs in /usr/lib/postgresql/15/bin. */
function debianPrograms(data: string): string | null {
  const match = /^\/var\/lib\/postgresql\/(\d+(?:\.\d+)?)\//.exec(data)
  return match?.[1] === undefined ? null : `/usr/lib/postgresql/${match[1]}/bin`
}

/** pgpool.conf as pgpool reads it: `name = value`, `#` starts a comment outside quotes, the last value wins. */
export function parsePgpoolConf(text: string): Map<string, string> {
  const settings = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z_][\w.]*)\s*(?:=|\s)\s*(?:'((?:[^'\\]|\\.|'')*)'|([^\s#']+))/.exec(line)
    if (match?.[1] === undefined) continue
    const quotedValue = match[2]?.replaceAll("''", "'").replaceAll(/\\(.)/g, '$1')
    settings.set(match[1], quotedValue ?? match[3] ?? '')
  }
  return settings
}

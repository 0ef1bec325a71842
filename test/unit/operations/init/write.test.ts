import {expect, test} from 'vitest'
import {parseClusterFile} from '../../../../src/cluster/config/parse.js'
import {nodeId} from '../../../../src/cluster/node-id.js'
import type {PoolNode} from '../../../../src/cluster/pool-node.js'
import {clusterFileText, parsePgpoolConf} from '../../../../src/operations/init/write.js'

const CONF = `# comment = 'no'
port = 9999 # clients
backend_hostname0 = 'db0'
backend_data_directory0 = '/var/lib/postgresql/15/main'
backend_data_directory1 = '/srv/it''s "here" #1: $(x)'
  pcp_port=9898
port = 5433
`

function node(id: number, hostname: string, status: PoolNode['status'] = 'up'): PoolNode {
  return {
    id: nodeId(id),
    hostname,
    port: 5432,
    status,
    statusCode: 2,
    weight: 0.5,
    role: 'standby',
    backendStatus: null,
    backendRole: null,
    replicationDelay: null,
    replicationDelayUnit: null,
    replicationState: null,
    replicationSyncState: null,
    lastStatusChange: null,
  }
}

test('pgpool.conf is read as pgpool reads it: quotes, comments, the last value wins', () => {
  expect([...parsePgpoolConf(CONF)]).toEqual([
    ['port', '5433'],
    ['backend_hostname0', 'db0'],
    ['backend_data_directory0', '/var/lib/postgresql/15/main'],
    ['backend_data_directory1', '/srv/it\'s "here" #1: $(x)'],
    ['pcp_port', '9898'],
  ])
})

test('the file that is written is accepted, whatever stands in the paths, and unused slots are left out', () => {
  const {yaml, open} = clusterFileText({
    cluster: 'shop: "x"',
    pgpoolHost: 'proxy1',
    pcp: {port: 9898, user: 'pcpadmin'},
    config: '/etc/pgpool2/pgpool.conf',
    pgpoolConf: CONF,
    nodes: [node(0, 'db0'), node(1, 'db1'), node(2, '', 'unused')],
    bin: '/usr/lib/postgresql/15/bin',
  })
  const {file} = parseClusterFile(yaml, '/x/poolctl.yaml', {home: '/h', user: 'u', pcpPassfile: null})
  expect([file.name, file.pgpool[0]?.port, file.nodes.map((n) => [n.id, n.host, n.data]), open]).toEqual([
    'shop: "x"',
    5433,
    [
      [0, 'db0', '/var/lib/postgresql/15/main'],
      [1, 'db1', '/srv/it\'s "here" #1: $(x)'],
    ],
    [],
  ])
})

test('what could not be found out is named, and the file is refused until somebody fills it in', () => {
  const {yaml, open} = clusterFileText({
    cluster: 'shop',
    pgpoolHost: 'local',
    pcp: {port: 9898, user: 'u'},
    config: '/c',
    pgpoolConf: CONF,
    nodes: [node(0, '/var/run/postgresql'), node(1, 'db1'), node(3, 'db3')],
    bin: null,
  })
  expect(open).toEqual([
    {node: 1, what: "bin: where PostgreSQL's programs are"},
    {node: 3, what: 'data: pgpool.conf has no data directory for it'},
    {node: 3, what: "bin: where PostgreSQL's programs are"},
  ])
  expect(() => parseClusterFile(yaml, '/x/poolctl.yaml')).toThrow(/has \d problems/)
})

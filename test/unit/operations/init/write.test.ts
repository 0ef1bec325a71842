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
backend_application_name1 = 'standby_1'
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
    rawFields: null,
  }
}

test('pgpool.conf is read as pgpool reads it: quotes, comments, the last value wins', () => {
  expect([...parsePgpoolConf(CONF)]).toEqual([
    ['port', '5433'],
    ['backend_hostname0', 'db0'],
    ['backend_data_directory0', '/var/lib/postgresql/15/main'],
    ['backend_data_directory1', '/srv/it\'s "here" #1: $(x)'],
    ['pcp_port', '9898'],
    ['backend_application_name1', 'standby_1'],
  ])
})

test('the file that is written is accepted, whatever stands in the paths, and unused slots are left out', () => {
  const {yaml, open} = clusterFileText({
    cluster: 'shop: "x"',
    pgpoolHost: 'proxy1',
    pcp: {host: null, port: 9898, user: 'pcpadmin', passfile: '/k/pcp pass', via: 'ssh'},
    config: '/etc/pgpool2/pgpool.conf',
    pgpoolConf: CONF,
    nodes: [node(0, 'db0'), node(1, 'db1'), node(2, '', 'unused')],
    programs: new Map([
      [0, '/usr/lib/postgresql/15/bin'],
      [1, '/opt/pg: 15/bin'],
    ]),
    unseen: new Map(),
    ssh: {user: 'postgres', port: 2222, identity: '/k/a "key"', knownHosts: null},
    passfile: null,
  })
  const {file} = parseClusterFile(yaml, '/x/poolctl.yaml', {home: '/h', user: 'u', pcpPassfile: null})
  expect([file.name, file.pgpool[0]?.port, file.pgpool[0]?.pcp.passfile, file.ssh.port, file.ssh.identity]).toEqual([
    'shop: "x"',
    5433,
    '/k/pcp pass',
    2222,
    '/k/a "key"',
  ])
  expect([file.nodes.map((n) => [n.id, n.host, n.data, n.bin, n.slot]), open]).toEqual([
    [
      [0, 'db0', '/var/lib/postgresql/15/main', '/usr/lib/postgresql/15/bin', 'poolctl_node_0'],
      [1, 'db1', '/srv/it\'s "here" #1: $(x)', '/opt/pg: 15/bin', 'standby_1'],
    ],
    [],
  ])
})

test('what could not be found out is named, marked in the file as a guess, and the file is accepted', () => {
  const {yaml, open} = clusterFileText({
    cluster: 'shop',
    pgpoolHost: 'local',
    pcp: {host: null, port: 9898, user: 'u', passfile: null, via: 'tcp'},
    config: '/c',
    pgpoolConf: CONF,
    nodes: [node(0, '/var/run/postgresql'), node(1, 'db1'), node(3, 'db3')],
    programs: new Map([[1, '/usr/pgsql-15/bin']]),
    unseen: new Map([[0, 'no\nanswer: # from "it"']]),
    ssh: {user: null, port: null, identity: null, knownHosts: null},
    passfile: null,
  })
  expect(open).toEqual([
    {node: 0, what: 'bin: no\nanswer: # from "it"'},
    {node: 3, what: 'data: pgpool.conf has no data directory for it'},
    {node: 3, what: "bin: PostgreSQL's programs were not looked for"},
  ])
  expect(yaml.split('\n').filter((line) => line.includes('TO CHECK'))).toEqual([
    '    # TO CHECK: bin is a guess: no answer: # from "it"',
    '    # TO CHECK: data is a guess: pgpool.conf has no data directory for it',
    "    # TO CHECK: bin is a guess: PostgreSQL's programs were not looked for",
  ])
  const {file} = parseClusterFile(yaml, '/x/poolctl.yaml', {home: '/h', user: 'u', pcpPassfile: null})
  expect(file.nodes.map((n) => [n.id, n.host, n.data, n.bin])).toEqual([
    [0, 'local', '/var/lib/postgresql/15/main', '/usr/lib/postgresql/15/bin'],
    [1, 'db1', '/srv/it\'s "here" #1: $(x)', '/usr/pgsql-15/bin'],
    [3, 'db3', '/var/lib/postgresql/data', '/usr/lib/postgresql/bin'],
  ])
})

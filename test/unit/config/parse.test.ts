import {createHash} from 'node:crypto'
import {describe, expect, test} from 'vitest'
import {settingsOf} from '../../../src/cluster/config/origin.js'
import {parseClusterFile} from '../../../src/cluster/config/parse.js'
import {ConfigError} from '../../../src/lib/errors.js'

const AROUND = {home: '/home/dba', user: 'dba', pcpPassfile: null}
const MINIMAL = `cluster: shop
pgpool:
  - host: proxy1
    pcp: {user: pcpadmin}
nodes:
  - {id: 1, host: db1, address: 10.0.0.11, data: "/srv/my data/$(x)", bin: /usr/lib/postgresql/15/bin}
  - id: 0
    host: db0
    data: /var/lib/postgresql/15/main/
    bin: /usr/lib/postgresql/15/bin
`

function problemsOf(text: string): {message: string; detail: string | undefined; hint: string | undefined} {
  try {
    parseClusterFile(text, '/etc/poolctl/poolctl.yaml', AROUND)
  } catch (error) {
    if (error instanceof ConfigError) return {message: error.message, detail: error.detail, hint: error.hint}
    throw error
  }
  throw new Error('it was accepted')
}

describe('a cluster file', () => {
  test('is filled with every default, nodes ascending, paths absolute', () => {
    expect(parseClusterFile(MINIMAL, '/etc/poolctl/poolctl.yaml', AROUND).file).toEqual({
      name: 'shop',
      path: '/etc/poolctl/poolctl.yaml',
      hash: createHash('sha256').update(MINIMAL).digest('hex'),
      pgpool: [
        {
          host: 'proxy1',
          pcp: {host: '127.0.0.1', port: 9898, user: 'pcpadmin', passfile: '/home/dba/.pcppass', via: 'ssh'},
          address: 'proxy1',
          port: 9999,
          config: '/etc/pgpool2/pgpool.conf',
          service: {kind: 'systemd', unit: 'pgpool2'},
          sshPort: null,
        },
      ],
      nodes: [
        {
          id: 0,
          host: 'db0',
          address: 'db0',
          port: 5432,
          data: '/var/lib/postgresql/15/main',
          bin: '/usr/lib/postgresql/15/bin',
          config: null,
          service: {kind: 'pg_ctl'},
          work: '/var/lib/postgresql/15/main.poolctl',
          slot: 'poolctl_node_0',
          sshPort: null,
        },
        {
          id: 1,
          host: 'db1',
          address: '10.0.0.11',
          port: 5432,
          data: '/srv/my data/$(x)',
          bin: '/usr/lib/postgresql/15/bin',
          config: null,
          service: {kind: 'pg_ctl'},
          work: '/srv/my data/$(x).poolctl',
          slot: 'poolctl_node_1',
          sshPort: null,
        },
      ],
      ssh: {
        user: null,
        port: null,
        identity: null,
        knownHosts: null,
        transport: 'ssh2',
        peerIdentity: null,
        peerKnownHosts: null,
      },
      postgres: {
        user: 'postgres',
        database: 'postgres',
        passfile: null,
        replicationUser: 'repl',
        replicationPassfile: null,
      },
      limits: {maxLagBytes: 16_777_216, stepTimeoutMs: 600_000},
    })
  })

  test('reads ~ as the home directory and a relative path from its own directory', () => {
    const text = `${MINIMAL}ssh: {identity: ~/.ssh/id, knownHosts: known_hosts}\npostgres: {passfile: ../pgpass}\n`
    const {ssh, postgres} = parseClusterFile(text, '/etc/poolctl/poolctl.yaml', AROUND).file
    expect([ssh.identity, ssh.knownHosts, postgres.passfile]).toEqual([
      '/home/dba/.ssh/id',
      '/etc/poolctl/known_hosts',
      '/etc/pgpass',
    ])
  })

  test('takes local for this machine: PCP by TCP, address 127.0.0.1', () => {
    const text = MINIMAL.replace('host: proxy1', 'host: local')
    const [pgpool] = parseClusterFile(text, '/x/poolctl.yaml', AROUND).file.pgpool
    expect([pgpool?.pcp.via, pgpool?.pcp.host, pgpool?.address]).toEqual(['tcp', '127.0.0.1', '127.0.0.1'])
  })

  test('takes a service as a unit or as argument lists', () => {
    const text = MINIMAL.replace('host: db0', 'host: db0\n    service: {start: [svc, up], stop: [svc, down]}')
    const [node] = parseClusterFile(text, '/x/poolctl.yaml', AROUND).file.nodes
    expect(node?.service).toEqual({kind: 'commands', start: ['svc', 'up'], stop: ['svc', 'down'], reload: null})
  })
})

describe('a wrong cluster file', () => {
  test('is answered with every problem at once, each with line and column', () => {
    const text = `cluster: shop
pgpool:
  - host: proxy1
    pcp: {port: 70000, via: http}
nodes:
  - {id: 0, host: db0, data: main, bin: /usr/lib/postgresql/15/bin}
  - {id: 0, host: -oProxyCommand=x, data: /srv/a, bin: /b, colour: red}
  - {id: 200, host: db2, port: "5432", data: /srv/a, bin: /b}
limits: {maxLag: 16mb, stepTimeout: 600}
`
    expect(problemsOf(text)).toEqual({
      message: 'cluster file /etc/poolctl/poolctl.yaml has 11 problems',
      detail: [
        'line 4, column 10: pgpool[0].pcp.user is missing',
        'line 4, column 17: pgpool[0].pcp.port must be 1 to 65535',
        'line 4, column 29: pgpool[0].pcp.via must be ssh, tcp or socket',
        'line 6, column 30: nodes[0].data must be an absolute path on that host',
        'line 7, column 10: nodes[1].id repeats the id 0 of nodes[0]',
        'line 7, column 19: nodes[1].host must not begin with a dash',
        'line 7, column 60: nodes[1].colour is not a setting poolctl knows',
        'line 8, column 10: nodes[2].id must be 0 to 127',
        'line 8, column 32: nodes[2].port must be a whole number, not text',
        'line 9, column 18: limits.maxLag must be a size such as 16MB (B, kB, MB, GB, TB)',
        'line 9, column 37: limits.stepTimeout must be text, not the number 600',
      ].join('\n'),
      hint: 'Correct them, then check with: poolctl config show --config /etc/poolctl/poolctl.yaml',
    })
  })

  test('that is no YAML is answered with the place', () => {
    expect(problemsOf('cluster: [shop\nnodes: {\n').detail).toMatch(/^line \d+, column \d+: not YAML: /)
  })

  test('that is empty names what is missing', () => {
    expect(problemsOf('').detail).toBe('line 1, column 1: must be a map, not empty')
  })

  test('may not name one server twice', () => {
    const text = MINIMAL.replace('address: 10.0.0.11', 'address: db0')
    expect(problemsOf(text).detail).toBe(
      'line 8, column 11: nodes[1].host repeats the address db0 port 5432 of nodes[0]',
    )
  })

  test('with a key twice is refused', () => {
    expect(problemsOf(`${MINIMAL}cluster: other\n`).detail).toMatch(/^line 11, column 1: not YAML: /)
  })
})

test('the origin of each value is its line, also when nodes are not in order', () => {
  const settings = settingsOf(parseClusterFile(MINIMAL, '/x/poolctl.yaml', AROUND))
  const pick = (key: string): unknown => settings.find((setting) => setting.key === key)
  expect(['cluster', 'nodes[0].host', 'nodes[1].host', 'nodes[0].port', 'limits.maxLag'].map(pick)).toEqual([
    {key: 'cluster', value: 'shop', origin: 'file', line: 1},
    {key: 'nodes[0].host', value: 'db0', origin: 'file', line: 8},
    {key: 'nodes[1].host', value: 'db1', origin: 'file', line: 6},
    {key: 'nodes[0].port', value: 5432, origin: 'default', line: null},
    {key: 'limits.maxLag', value: '16MB', origin: 'default', line: null},
  ])
})

describe('what the new version of an upgrade gets', () => {
  const file = (settings: string): string => `${MINIMAL}upgrade:\n  settings: ${settings}\n`

  test('is text as postgresql.conf has it, and is shown with its line', () => {
    const parsed = parseClusterFile(
      file('{archive_command: "cp %p /a/%f", archive_timeout: 60, wal_compression: true}'),
      '/f',
      AROUND,
    )
    expect(parsed.file.upgrade).toEqual({
      settings: {archive_command: 'cp %p /a/%f', archive_timeout: '60', wal_compression: 'on'},
    })
    expect(settingsOf(parsed).find(({key}) => key === 'upgrade.settings.archive_command')).toEqual({
      key: 'upgrade.settings.archive_command',
      value: 'cp %p /a/%f',
      origin: 'file',
      line: 12,
    })
  })

  test.each([
    ['{port: 5433}', 'upgrade.settings.port is set by the upgrade itself'],
    ['{"archive command": x}', 'upgrade.settings.archive command is not a name of a setting'],
    ['{archive_command: [cp]}', 'upgrade.settings.archive_command must be text, a number, true or false'],
    ['{archive_command: "a\\nb"}', 'upgrade.settings.archive_command must not hold control characters'],
  ])('%s is refused', (settings, problem) => {
    expect(problemsOf(file(settings)).detail).toContain(problem)
  })
})

/** Each fault on the picture of a healthy site, and every finding of all checks on it: exactly the one that is meant. */
import {describe, expect, test} from 'vitest'
import {CHECKS, chooseChecks} from '../../../../src/operations/doctor/catalog.js'
import {judge} from '../../../../src/operations/doctor/doctor.js'
import type {Snapshot} from '../../../../src/operations/doctor/snapshot.js'
import type {DoctorServerFacts, LinkFacts, NodeMachine, PgpoolMachine} from '../../../../src/ports/doctor.js'
import type {RecoveryExtension} from '../../../../src/ports/postgres.js'
import type {ServerLook} from '../../../../src/operations/doctor/snapshot.js'
import {healthySnapshot, unseen, valueOf, type TestSnapshot} from '../../../support/doctor-snapshot.js'
import {lsn, poolNode} from '../../../support/builders.js'
import {watchdogInfo, watchdogMember} from '../../../support/fake-pools.js'

type Change = (site: TestSnapshot) => void

function findings(change: Change, pools = 1): string[] {
  const site = healthySnapshot(pools)
  change(site)
  return judge(site as Snapshot, CHECKS).checks.flatMap((check) =>
    check.findings.map(({code, node, pool}) =>
      [code, ...(node === null ? [] : [`node ${node}`]), ...(pool === null ? [] : [pool])].join(' '),
    ),
  )
}

const conf =
  (values: Record<string, string>): Change =>
  ({pools}) => {
    for (const {sql} of pools)
      for (const [name, value] of Object.entries(values)) valueOf(sql).settings.set(name, value)
  }
const onServer =
  (id: number, change: Partial<ServerLook>): Change =>
  ({nodes}) => {
    Object.assign(valueOf(nodes[id]!.server), change)
  }
const doctorFacts =
  (id: number, change: Partial<DoctorServerFacts>): Change =>
  ({nodes}) => {
    Object.assign(valueOf(nodes[id]!.server).more, change)
  }
const setting =
  (id: number, values: Record<string, string>): Change =>
  ({nodes}) => {
    const {more} = valueOf(nodes[id]!.server)
    more.settings = {...more.settings, ...values}
  }
const settingEverywhere =
  (values: Record<string, string>): Change =>
  (site) => {
    for (const id of [0, 1, 2]) setting(id, values)(site)
  }
const inTemplate1 = (change: Partial<RecoveryExtension>): ServerLook['extensions'] =>
  new Map([['template1', {seen: true, value: {available: true, installed: true, parameters: 7, ...change}}]])
const HOOK_RUN = {
  ...{hook: 'failover.sh', node: 0, state: 'done' as const, alive: false, at: 1_763_464_000, step: 'promoting node 1'},
  ...{text: 'node 1 is the primary', path: '/etc/pgpool2/poolctl-hooks/node-0.failover'},
}
const onHost =
  (id: number, change: Partial<NodeMachine>): Change =>
  ({nodes}) => {
    Object.assign(valueOf(nodes[id]!.host), change)
  }
const onPgpool =
  (change: Partial<PgpoolMachine>): Change =>
  ({pools}) => {
    Object.assign(valueOf(pools[0]!.host), change)
  }
const onLink =
  (from: number, to: number, change: Partial<LinkFacts>): Change =>
  ({links}) => {
    Object.assign(valueOf(links.find((link) => link.from.id === from && link.to.id === to)!.look), change)
  }
const believed =
  (id: number, change: Parameters<typeof poolNode>[1]): Change =>
  ({pools}) => {
    valueOf(pools[0]!.pcp).nodes[id] = poolNode(id, change)
  }
const all =
  (...changes: Change[]): Change =>
  (site) => {
    for (const change of changes) change(site)
  }

const P = 'proxy1:9898'
const automatic = {
  failover_command: '/etc/pgpool2/failover.sh %d %h %p %D %m %H %M %P %r %R',
  follow_primary_command: '/etc/pgpool2/follow_primary.sh %d %h %p %D %m %H %M %P %r %R',
  detach_false_primary: 'on',
}
const hooks = (state: 'executable' | 'not-executable' | 'missing'): Change =>
  onPgpool({
    programs: [
      {path: '/etc/pgpool2/failover.sh', state},
      {path: '/etc/pgpool2/follow_primary.sh', state: 'executable'},
    ],
  })
const role =
  (name: string, more: Partial<DoctorServerFacts['roles'][number]>): Change =>
  (site) => {
    for (const {server} of site.nodes) {
      const found = valueOf(server).more.roles.find((one) => one.name === name)
      if (found) Object.assign(found, more)
    }
  }
const withoutRole =
  (name: string): Change =>
  ({nodes}) => {
    for (const {server} of nodes) {
      const {more} = valueOf(server)
      more.roles = more.roles.filter((one) => one.name !== name)
    }
  }

/** pgpool's own replication: every server accepts writes, none follows another, and any of them is healthy. */
const native =
  (values: Record<string, string> = {}): Change =>
  (site) => {
    for (const [id, {server}] of site.nodes.entries()) {
      const facts = valueOf(server)
      Object.assign(facts, {
        inRecovery: false,
        receiver: null,
        senders: [],
        currentLsn: lsn('0/5000000'),
        receivedLsn: null,
        replayedLsn: null,
        replayPaused: null,
      })
      Object.assign(facts.more, {applicationName: null, slots: []})
      onHost(id, {
        scripts: ['recovery_1st_stage', 'recovery_2nd_stage', 'pgpool_remote_start'].map((name) => ({
          name,
          state: 'executable',
        })),
      })(site)
    }
    for (const {pcp} of site.pools)
      for (const [id, node] of valueOf(pcp).nodes.entries())
        Object.assign(node, {role: id === 0 ? 'main' : 'replica', backendRole: 'primary'})
    conf({
      backend_clustering_mode: 'native_replication',
      recovery_1st_stage_command: 'recovery_1st_stage',
      recovery_2nd_stage_command: 'recovery_2nd_stage',
      sr_check_period: '0',
      ...values,
    })(site)
    onPgpool({configText: ''})(site)
  }

describe('doctor', () => {
  test('finds nothing on a healthy site, with one pgpool, with automatic failover, in native replication, and with three under watchdog', () => {
    expect(findings(() => undefined)).toEqual([])
    expect(findings(all(conf(automatic), hooks('executable')))).toEqual([])
    expect(findings(native())).toEqual([])
    expect(
      findings(({pools}) => pools.forEach((pool, own) => (pool.watchdog = {seen: true, value: watchdogInfo(own)})), 3),
    ).toEqual([])
  })

  const cases: [string, Change, string[]][] = [
    [
      'pgpool down',
      ({pools}) =>
        Object.assign(pools[0]!, {
          pcp: unseen('PCP_UNREACHABLE', 'refused'),
          watchdog: unseen('PCP_UNREACHABLE', 'refused'),
          sql: unseen('POSTGRES_UNREACHABLE', 'refused'),
        }),
      [`PCP_SILENT ${P}`],
    ],
    [
      'a PCP password file that others can read',
      ({pools}) => (pools[0]!.pcp = unseen('PCP_PASSFILE_PERMISSIONS', 'mode 644')),
      [`PCP_PASSFILE_UNUSED ${P}`],
    ],
    [
      'a wrong PCP password',
      ({pools}) => (pools[0]!.pcp = unseen('PCP_LOGIN_REFUSED', 'no')),
      [`PCP_LOGIN_FAILS ${P}`],
    ],
    [
      'clients that cannot log in',
      ({pools}) => (pools[0]!.sql = unseen('POSTGRES_LOGIN_REFUSED', 'no')),
      [`PROXY_LOGIN_FAILS ${P}`],
    ],
    [
      'a host that SSH does not reach',
      ({nodes}) => (nodes[1]!.host = unseen('SSH_UNREACHABLE', 'no route')),
      ['SSH_FAILS node 1'],
    ],
    [
      'a pgpool.conf that is not there',
      ({pools}) => (pools[0]!.host = unseen('PGPOOL_CONFIG_MISSING', 'gone')),
      [`HOST_FILES_UNREADABLE ${P}`],
    ],
    ['another SSH user than the owner', onHost(1, {user: 'admin'}), ['SSH_USER_NOT_OWNER node 1']],
    [
      'a dead server',
      ({nodes}) => (nodes[2]!.server = unseen('POSTGRES_UNREACHABLE', 'refused')),
      ['NODE_SERVER_SILENT node 2'],
    ],
    [
      'a dead primary',
      ({nodes}) => (nodes[0]!.server = unseen('POSTGRES_UNREACHABLE', 'refused')),
      ['NODE_SERVER_SILENT node 0'],
    ],
    [
      'a server that refuses the login',
      ({nodes}) => (nodes[1]!.server = unseen('POSTGRES_LOGIN_REFUSED', 'FATAL 28P01')),
      ['SERVER_LOGIN_FAILS node 1'],
    ],
    [
      'a certificate that is not trusted',
      ({nodes}) => (nodes[1]!.server = unseen('POSTGRES_CERTIFICATE_REFUSED', 'SELF_SIGNED')),
      ['SERVER_LOGIN_FAILS node 1'],
    ],
    [
      "a password file of poolctl's that others can read",
      ({nodes, pools}) => {
        pools[0]!.sql = unseen('POSTGRES_PASSFILE_EXPOSED', 'mode 644')
        for (const node of nodes) node.server = unseen('POSTGRES_PASSFILE_EXPOSED', 'mode 644')
      },
      [0, 1, 2].map((id) => `PASSFILE_EXPOSED node ${id}`),
    ],
    [
      'a server that keeps its files from the operator',
      ({nodes}) =>
        (nodes[1]!.server = unseen('POSTGRES_ACT_FAILED', 'could not look (ERROR 42501: permission denied)')),
      ['OPERATOR_NOT_SUPERUSER node 1'],
    ],
    [
      'a host key that another node does not know',
      onLink(1, 0, {sshError: 'Host key verification failed.', hardLinks: null}),
      ['SSH_BETWEEN_HOSTS_FAILS node 1'],
    ],
    [
      'a login script that prints',
      onLink(1, 0, {rsyncError: 'protocol version mismatch', hardLinks: null}),
      ['RSYNC_FAILS node 1'],
    ],
    ['a file system without hard links', onLink(2, 0, {hardLinks: false}), ['HARD_LINKS_LOST node 2']],
    [
      'a pg_hba.conf that keeps a standby out',
      onLink(1, 2, {loginError: 'no pg_hba.conf entry'}),
      ['REPLICATION_LOGIN_FAILS node 1'],
    ],
    [
      'pcp.conf for everybody',
      onPgpool({pcpConf: {path: '/etc/pgpool2/pcp.conf', mode: '644'}}),
      [`PCP_CONF_EXPOSED ${P}`],
    ],
    ...(['no-colon', 'md5-prefix', 'scram', 'carriage-return', 'no-hash', 'other-hash'] as const).map(
      (kind): [string, Change, string[]] => [
        `a line of kind ${kind} in pcp.conf`,
        onPgpool({
          pcpLines: [
            {line: 1, kind: 'md5', user: 'other'},
            {line: 2, kind, user: 'pcpadmin'},
          ],
        }),
        [`PCP_CONF_HASH_WRONG ${P}`],
      ],
    ),
    [
      'a cleaned socket directory',
      onPgpool({pcpSocket: {path: '/tmp/.s.PGSQL.9898', exists: false}}),
      [`PCP_SOCKET_MISSING ${P}`],
    ],
    [
      'a password in a pgpool.conf for everybody',
      onPgpool({configText: "sr_check_password = 'canary'\n"}),
      [`PGPOOL_CONF_EXPOSED ${P}`],
    ],
    [
      'pool_passwd for everybody',
      onPgpool({poolPasswd: {path: '/etc/pgpool2/pool_passwd', mode: '644'}}),
      [`POOL_PASSWD_EXPOSED ${P}`],
    ],
    ['a stale pgpool_status', onPgpool({statusFile: ['up', 'down', 'up']}), [`POOL_STATUS_STALE node 1 ${P}`]],
    ['a log directory of root', onPgpool({statusWritable: false}), [`POOL_STATUS_UNWRITABLE ${P}`]],
    [
      'a pgpool.conf that was not reloaded',
      onPgpool({configText: 'sr_check_period = 30\n'}),
      [`PGPOOL_CONF_NOT_LOADED ${P}`],
    ],
    [
      'a fence that was left',
      onPgpool({configText: '# >>> poolctl fence promote-1\n# <<< poolctl fence\n'}),
      [`FENCE_LEFT ${P}`],
    ],
    ['trust in pool_hba.conf', onPgpool({hbaMethods: ['scram-sha-256', 'trust']}), [`POOL_HBA_WEAK ${P}`]],
    ['sr_check_period 0', all(conf({sr_check_period: '0'}), onPgpool({configText: ''})), [`SR_CHECK_OFF ${P}`]],
    ['an sr_check_user without pg_monitor', role('pgpool', {monitor: false}), [`SR_CHECK_USER_UNFIT ${P}`]],
    ['a health check that is off for one node', conf({health_check_period1: '0'}), [`HEALTH_CHECK_OFF node 1 ${P}`]],
    ['a health_check_user that is not there', conf({health_check_user: 'nobody'}), [`HEALTH_CHECK_USER_UNFIT ${P}`]],
    ['no retries for one node', conf({health_check_max_retries2: '0'}), [`HEALTH_CHECK_NO_RETRY node 2 ${P}`]],
    [
      'time-outs of a data centre in a cloud',
      all(
        onHost(1, {vendor: 'Amazon EC2'}),
        conf({health_check_timeout1: '5s', health_check_max_retries1: '2', connect_timeout1: '3000ms'}),
      ),
      [`TIMEOUTS_SHORT_FOR_CLOUD node 1 ${P}`],
    ],
    [
      'a connect_timeout that never ends',
      conf({connect_timeout1: '30000ms'}),
      [`CONNECT_TIMEOUT_UNREACHABLE node 1 ${P}`],
    ],
    ['health_check_test', conf({health_check_test: 'on'}), [`HEALTH_CHECK_TEST_ON ${P}`]],
    ['no delay_threshold', conf({delay_threshold: '0B'}), [`DELAY_THRESHOLD_OFF ${P}`]],
    ['a pool larger than its servers', conf({max_pool: '4'}), [`POOL_LARGER_THAN_SERVER ${P}`]],
    ['clear text from clients', conf({allow_clear_text_frontend_auth: 'on'}), [`CLEAR_TEXT_AUTH ${P}`]],
    ['PCP on every address', conf({pcp_listen_addresses: '*'}), [`PCP_OPEN_TO_ALL ${P}`]],
    [
      'no weight anywhere',
      conf({backend_weight0: '0', backend_weight1: '0', backend_weight2: '0'}),
      [`NO_NODE_FOR_READS ${P}`],
    ],
    ['an endless search for a primary', conf({search_primary_node_timeout: '0'}), [`SEARCH_PRIMARY_ENDLESS ${P}`]],
    ['another server under a number', conf({backend_hostname1: '10.0.0.99'}), [`BACKEND_LIST_DIFFERS node 1 ${P}`]],
    [
      'a wrong backend_data_directory',
      conf({backend_data_directory2: '/data'}),
      [`BACKEND_DATA_DIRECTORY_WRONG node 2 ${P}`],
    ],
    [
      'a wrong backend_application_name',
      conf({backend_application_name2: 'walreceiver'}),
      [`APPLICATION_NAME_DIFFERS node 2 ${P}`],
    ],
    ['a pinned node', conf({backend_flag1: 'DISALLOW_TO_FAILOVER'}), [`BACKEND_FLAG_PINS node 1 ${P}`]],
    [
      'failover of a managed service',
      (site) => {
        site.file.nodes[0]!.address = 'shop.rds.amazonaws.com'
        conf({
          backend_hostname0: 'shop.rds.amazonaws.com',
          backend_flag0: 'ALLOW_TO_FAILOVER',
          sr_check_period: '0',
          health_check_period: '0',
          health_check_period1: '10',
          health_check_period2: '10',
        })(site)
        for (const id of [1, 2])
          onServer(id, {
            receiver: {
              status: 'streaming',
              senderHost: 'shop.rds.amazonaws.com',
              senderPort: 5432,
              slot: `poolctl_node_${id}`,
              timeline: 1,
            },
          })(site)
        onPgpool({configText: ''})(site)
      },
      [`MANAGED_SERVICE_FAILOVER ${P}`],
    ],
    ['a healthy node that is detached', believed(1, {status: 'down', statusCode: 3}), [`NODE_DETACHED node 1 ${P}`]],
    ['a quarantined node', believed(1, {status: 'quarantine', statusCode: 3}), [`NODE_QUARANTINED node 1 ${P}`]],
    ['a wrong belief', believed(0, {role: 'standby'}), [`POOL_ROLE_WRONG node 0 ${P}`]],
    [
      'no failover_command although errors fail over',
      conf({failover_on_backend_error: 'on'}),
      [`FAILOVER_COMMAND_EMPTY ${P}`],
    ],
    [
      'no follow_primary_command',
      all(conf({...automatic, follow_primary_command: ''}), hooks('executable')),
      [`FOLLOW_PRIMARY_EMPTY ${P}`],
    ],
    ['a failover script that is not there', all(conf(automatic), hooks('missing')), [`HOOK_NOT_RUNNABLE ${P}`]],
    ['a failover script without the x', all(conf(automatic), hooks('not-executable')), [`HOOK_NOT_RUNNABLE ${P}`]],
    [
      'a failover script that is told nothing',
      all(conf({...automatic, failover_command: '/etc/pgpool2/failover.sh'}), hooks('executable')),
      [`FAILOVER_COMMAND_BLIND ${P}`],
    ],
    ['auto_failback', conf({auto_failback: 'on'}), [`AUTO_FAILBACK_ON ${P}`]],
    [
      'automatic failover without detach_false_primary',
      all(conf({...automatic, detach_false_primary: 'off'}), hooks('executable')),
      [`FALSE_PRIMARY_STAYS ${P}`],
    ],
    [
      'failover without a retry',
      all(conf({...automatic, failover_on_backend_error: 'on'}), hooks('executable')),
      [`FAILOVER_WITHOUT_RETRY ${P}`],
    ],
    ['a recovery_user that is not there', conf({recovery_user: 'nobody'}), [`RECOVERY_USER_UNFIT ${P}`]],
    [
      'no pgpool_recovery',
      (site) =>
        site.nodes.forEach((_, id) => {
          onServer(id, {extensions: inTemplate1({installed: false})})(site)
        }),
      ['RECOVERY_EXTENSION_MISSING node 0'],
    ],
    [
      'a password of a check that a server refuses',
      ({logins}) =>
        logins.push({
          pool: P,
          node: 1,
          setting: 'sr_check_user',
          user: 'pgpool',
          database: 'postgres',
          refusal: {seen: true, value: 'FATAL 28P01'},
        }),
      [`POOL_USER_LOGIN_FAILS node 1 ${P}`],
    ],
    [
      'a check in a database that is not there',
      all(conf({health_check_database1: 'gone'})),
      [`CHECK_DATABASE_MISSING node 1 ${P}`],
    ],
    [
      'a hook without a password file',
      onPgpool({hookPassfiles: [{path: '/var/lib/postgresql/.pcppass', mode: null}]}),
      [`HOOK_PASSFILE_UNUSED ${P}`],
    ],
    [
      'two hooks with one password file that others can read',
      onPgpool({hookPassfiles: ['a', 'b'].map(() => ({path: '/var/lib/postgresql/.pcppass', mode: '644'}))}),
      [`HOOK_PASSFILE_UNUSED ${P}`],
    ],
    [
      "a password file in another user's home",
      onPgpool({runsAs: 'pgpool', hookPassfiles: [{path: '/var/lib/postgresql/.pcppass', mode: null}]}),
      [],
    ],
    [
      'a failover that was refused',
      onPgpool({hookRuns: [{...HOOK_RUN, state: 'failed', text: 'Permission denied (publickey)'}]}),
      [`HOOK_FAILED ${P}`],
    ],
    [
      'a failover that went well after one that was refused',
      onPgpool({
        hookRuns: [
          {...HOOK_RUN, state: 'failed'},
          {...HOOK_RUN, at: HOOK_RUN.at + 60},
        ],
      }),
      [],
    ],
    [
      'a hook that does not reach a node',
      ({pools}) =>
        (pools[0]!.hooks = {
          seen: true,
          value: [{program: '/etc/pgpool2/failover.sh', error: 'node 2 cannot be reached'}],
        }),
      [`HOOK_TRIAL_FAILS ${P}`],
    ],
    [
      'recovery scripts of another cluster file',
      onHost(1, {outdatedScripts: ['recovery_1st_stage']}),
      ['RECOVERY_SCRIPT_OUTDATED node 1'],
    ],
    [
      'a recovery_database that is not there',
      all(conf({recovery_database: 'gone'}), (site) => {
        site.nodes.forEach((_, id) => {
          onServer(id, {extensions: new Map([['gone', {seen: true, value: null}]])})(site)
        })
      }),
      ['RECOVERY_EXTENSION_MISSING node 0'],
    ],
    [
      'an extension of an older pgpool',
      all(
        conf({recovery_1st_stage_command: 'recovery_1st_stage', failover_on_backend_shutdown: 'off'}),
        onHost(0, {scripts: [{name: 'recovery_1st_stage', state: 'executable'}]}),
        onServer(0, {extensions: inTemplate1({parameters: 6})}),
      ),
      [`RECOVERY_EXTENSION_OLD node 0 ${P}`],
    ],
    ['a data directory that is open to others', onHost(1, {dataMode: '755'}), ['DATA_DIRECTORY_MODE_WRONG node 1']],
    ['a data directory that is open to its group', onHost(1, {dataMode: '750'}), []],
    [
      'an old machine of a cloud, with short time-outs',
      all(
        onHost(2, {vendor: 'Xen'}),
        conf({health_check_timeout: '3s', health_check_max_retries: '1', connect_timeout: '1000ms'}),
      ),
      [`TIMEOUTS_SHORT_FOR_CLOUD node 2 ${P}`],
    ],
    ['a standby without the library', doctorFacts(2, {recoveryLibrary: false}), ['RECOVERY_LIBRARY_MISSING node 2']],
    [
      'recovery scripts that are not there',
      all(
        conf({recovery_1st_stage_command: 'recovery_1st_stage'}),
        onHost(0, {
          scripts: [
            {name: 'recovery_1st_stage', state: 'missing'},
            {name: 'pgpool_remote_start', state: 'executable'},
          ],
        }),
      ),
      ['RECOVERY_SCRIPT_MISSING node 0'],
    ],
    [
      'a recovery script by path',
      conf({recovery_1st_stage_command: '/etc/pgpool2/recovery_1st_stage'}),
      ['RECOVERY_SCRIPT_MISSING node 0'],
    ],
    [
      'an idle limit beyond the timeout',
      conf({client_idle_limit_in_recovery: '2min'}),
      [`RECOVERY_IDLE_LIMIT_LATE ${P}`],
    ],
    [
      'native replication without a first stage',
      native({recovery_1st_stage_command: ''}),
      [`RECOVERY_FIRST_STAGE_EMPTY ${P}`],
    ],
    [
      'native replication without a second stage',
      native({recovery_2nd_stage_command: ''}),
      [`RECOVERY_SECOND_STAGE_EMPTY ${P}`],
    ],
    [
      'native replication without the scripts on one node',
      all(native(), onHost(1, {scripts: [{name: 'recovery_2nd_stage', state: 'missing'}]})),
      ['RECOVERY_SCRIPT_MISSING node 1'],
    ],
    [
      'two primaries',
      all(
        onServer(2, {inRecovery: false, receiver: null, currentLsn: lsn('0/6000000')}),
        doctorFacts(2, {applicationName: null}),
      ),
      ['PRIMARY_NOT_ONE'],
    ],
    [
      'no primary',
      (site) => {
        onServer(0, {
          inRecovery: true,
          currentLsn: null,
          receiver: {status: 'streaming', senderHost: 'x', senderPort: 5432, slot: null, timeline: 1},
        })(site)
        doctorFacts(0, {applicationName: 'poolctl_node_0'})(site)
      },
      ['PRIMARY_NOT_ONE'],
    ],
    ['servers of two clusters', onServer(1, {systemIdentifier: '1'}), ['SERVERS_OF_TWO_CLUSTERS']],
    ['an operator without rights', doctorFacts(1, {superuser: false}), ['OPERATOR_NOT_SUPERUSER node 1']],
    [
      'a data directory elsewhere',
      (site) => {
        const facts = valueOf(site.nodes[1]!.server)
        facts.settings = {...facts.settings, data_directory: '/srv/pg'}
        conf({backend_data_directory1: '/srv/pg'})(site)
      },
      ['DATA_DIRECTORY_DIFFERS node 1'],
    ],
    ['fsync off', setting(0, {fsync: 'off'}), ['FSYNC_OFF node 0']],
    ['full_page_writes off', setting(0, {full_page_writes: 'off'}), ['FULL_PAGE_WRITES_OFF node 0']],
    ['wal_level minimal', setting(0, {wal_level: 'minimal'}), ['WAL_LEVEL_MINIMAL node 0']],
    ['hot_standby off', setting(1, {hot_standby: 'off'}), ['HOT_STANDBY_OFF node 1']],
    ['autovacuum off', setting(0, {autovacuum: 'off'}), ['AUTOVACUUM_OFF node 0']],
    ['md5 passwords', setting(0, {password_encryption: 'md5'}), ['PASSWORDS_MD5 node 0']],
    ['no checksums', setting(0, {data_checksums: 'off'}), ['CHECKSUMS_OFF node 0']],
    [
      'neither hints nor checksums',
      setting(0, {data_checksums: 'off', wal_log_hints: 'off'}),
      ['REWIND_IMPOSSIBLE node 0', 'CHECKSUMS_OFF node 0'],
    ],
    [
      'a broken postgresql.conf',
      doctorFacts(1, {configErrors: ['postgresql.conf:9 nonsense unrecognized']}),
      ['SERVER_CONF_BROKEN node 1'],
    ],
    ['a broken pg_hba.conf', doctorFacts(1, {hbaErrors: ['line 3: invalid']}), ['SERVER_HBA_BROKEN node 1']],
    [
      'a restart that is pending',
      doctorFacts(1, {pendingRestart: ['max_connections']}),
      ['SERVER_RESTART_PENDING node 1'],
    ],
    [
      'a forgotten prepared transaction',
      doctorFacts(0, {prepared: [{gid: "it's", seconds: 4000}]}),
      ['PREPARED_TRANSACTION_OLD node 0'],
    ],
    ['a transaction of hours', doctorFacts(0, {oldestTransactionSeconds: 9000}), ['TRANSACTION_LONG node 0']],
    ['a standby that does not stream', onServer(1, {receiver: null}), ['STANDBY_NOT_STREAMING node 1']],
    [
      'a standby of another server',
      all(
        onServer(1, {
          receiver: {status: 'streaming', senderHost: '10.9.9.9', senderPort: 5432, slot: null, timeline: 1},
        }),
        ({nodes}) => {
          const facts = valueOf(nodes[0]!.server)
          facts.senders = facts.senders.slice(1)
        },
      ),
      ['STANDBY_UPSTREAM_WRONG node 1'],
    ],
    ['a standby on an old timeline', onServer(1, {timeline: 7}), ['STANDBY_UPSTREAM_WRONG node 1']],
    ['a standby far behind', onServer(1, {replayedLsn: lsn('0/1000000')}), ['STANDBY_LAGS node 1']],
    [
      'a paused replay',
      onServer(1, {replayPaused: true, replayedLsn: lsn('0/1000000')}),
      ['STANDBY_REPLAY_PAUSED node 1'],
    ],
    [
      'a standby that is late on purpose',
      setting(2, {recovery_min_apply_delay: '3600000'}),
      ['STANDBY_DELAYED node 2'],
    ],
    [
      'a standby that stops at a promotion',
      setting(2, {recovery_target_timeline: 'current'}),
      ['TIMELINE_NOT_LATEST node 2'],
    ],
    ['a replication user without rights', role('repl', {replication: false}), ['REPLICATION_USER_UNFIT node 0']],
    ['no replication user', withoutRole('repl'), ['REPLICATION_USER_UNFIT node 0']],
    ['a password in primary_conninfo', doctorFacts(1, {conninfoHasPassword: true}), ['CONNINFO_PASSWORD node 1']],
    [
      'too few senders',
      settingEverywhere({max_wal_senders: '3'}),
      [0, 1, 2].map((id) => `WAL_SENDERS_SHORT node ${id}`),
    ],
    ['a standby below the floor', setting(1, {max_connections: '90'}), ['STANDBY_BELOW_PRIMARY node 1']],
    [
      'a slot of nobody',
      doctorFacts(2, {
        slots: [{name: 'old', physical: true, active: false, walStatus: 'reserved', retainedBytes: null}],
      }),
      ['SLOT_UNUSED node 2'],
    ],
    [
      'a lost slot',
      doctorFacts(0, {slots: [{name: 'old', physical: true, active: false, walStatus: 'lost', retainedBytes: null}]}),
      ['SLOT_LOST node 0'],
    ],
    [
      'no WAL kept for a standby without slot',
      all(setting(0, {wal_keep_size: '0'}), ({nodes}) => {
        valueOf(nodes[1]!.server).receiver!.slot = null
      }),
      ['WAL_NOT_KEPT node 1'],
    ],
    [
      'a synchronous standby that is not there',
      setting(0, {synchronous_standby_names: 'FIRST 1 (other)'}),
      ['SYNC_STANDBY_ABSENT node 0'],
    ],
    [
      'an archive that fails',
      all(
        setting(0, {archive_mode: 'on'}),
        doctorFacts(0, {archiver: {failing: true, lastFailedWal: '000000010000000000000003', ready: 40}}),
      ),
      ['ARCHIVE_FAILS node 0'],
    ],
    [
      'an archive that is late',
      all(
        setting(0, {archive_mode: 'on'}),
        doctorFacts(0, {archiver: {failing: false, lastFailedWal: null, ready: 40}}),
      ),
      ['ARCHIVE_BACKLOG node 0'],
    ],
    ['missing programs', onHost(1, {missingPrograms: ['pg_rewind']}), ['PROGRAM_MISSING node 1']],
    ['programs of another major', onHost(1, {serverVersion: '13.22'}), ['PROGRAM_VERSION_WRONG node 1']],
    ['no rsync', onHost(1, {rsync: null}), ['RSYNC_MISSING node 1']],
    ['an old rsync', onHost(1, {rsync: '3.1.2'}), ['RSYNC_MISSING node 1']],
    ['no ssh client', onHost(1, {ssh: false}), ['SSH_CLIENT_MISSING node 1']],
    [
      'no right beside the data',
      onHost(1, {workBlockedBy: '/var/lib/postgresql/15'}),
      ['WORK_DIRECTORY_BLOCKED node 1'],
    ],
    ['a broken-off copy', onHost(1, {leftovers: ['previous']}), ['COPY_UNFINISHED node 1']],
    [
      'a held lock',
      onHost(1, {
        lock: {
          operation: 'recovery-1',
          verb: 'recovery',
          user: 'op',
          host: 'desk',
          pid: 1,
          since: '2026-11-25T16:00:00Z',
        },
      }),
      ['HOST_LOCKED node 1'],
    ],
    ['no room for a copy', onHost(1, {freeBytes: 500_000_000}), ['DISK_SPACE_SHORT node 1']],
    ['no inodes', onHost(1, {freeInodes: 100}), ['INODES_SHORT node 1']],
    ['a wrong clock', onHost(1, {clock: {offsetMs: -9000, uncertaintyMs: 100}}), ['CLOCK_WRONG node 1']],
    [
      'a password file that libpq ignores',
      onHost(1, {passfile: {path: '/var/lib/postgresql/.pgpass', mode: '644'}}),
      ['REPLICATION_PASSFILE_EXPOSED node 1'],
    ],
    [
      'a cache that shows other users rows',
      ({pools}) => {
        valueOf(pools[0]!.sql).version = '4.3.11'
        conf({memory_cache_enabled: 'on'})({pools} as TestSnapshot)
      },
      [`PGPOOL_RELEASE_BAD ${P}`],
    ],
    [
      'a pgpool that nobody tested',
      ({pools}) => {
        valueOf(pools[0]!.sql).version = '4.9.0'
      },
      [`PGPOOL_RELEASE_UNTESTED ${P}`],
    ],
    [
      'a server with a known fault',
      (site) =>
        site.nodes.forEach((_, id) => {
          onServer(id, {versionNum: 150009})(site)
        }),
      [0, 1, 2].map((id) => `SERVER_MINOR_BAD node ${id}`),
    ],
    ['servers of two minors', onServer(2, {versionNum: 150016}), ['SERVER_VERSIONS_MIXED']],
    [
      'a server that nobody tested',
      (site) =>
        site.nodes.forEach((_, id) => {
          onServer(id, {versionNum: 190000})(site)
          onHost(id, {serverVersion: '19.0'})(site)
        }),
      [0, 1, 2].map((id) => `SERVER_MAJOR_UNTESTED node ${id}`),
    ],
  ]

  test.each(cases)('on %s finds exactly that', (_, change, expected) => {
    expect(findings(change)).toEqual(expected)
  })

  const watched =
    (change: Change): Change =>
    (site) => {
      site.pools.forEach((pool, own) => (pool.watchdog = {seen: true, value: watchdogInfo(own)}))
      change(site)
    }
  const everyWatchdog =
    (change: Parameters<typeof watchdogInfo>[1]): Change =>
    (site) => {
      site.pools.forEach((pool, own) => (pool.watchdog = {seen: true, value: watchdogInfo(own, change)}))
    }
  const several: [string, Change, string[]][] = [
    [
      'no watchdog',
      ({pools}) => pools.forEach((pool) => (pool.watchdog = {seen: true, value: null})),
      ['WATCHDOG_OFF'],
    ],
    [
      'a pgpool without watchdog',
      watched(({pools}) => (pools[2]!.watchdog = {seen: true, value: null})),
      ['WATCHDOG_NOT_EVERYWHERE proxy3:9898'],
    ],
    [
      'an absent quorum',
      everyWatchdog({quorum: 'absent', aliveRemoteNodes: 0}),
      [1, 2, 3].map((n) => `WATCHDOG_NO_QUORUM proxy${n}:9898`),
    ],
    [
      'a watchdog of four members that the file knows',
      (site) => {
        site.pools.push({...structuredClone(site.pools[2]!), name: 'proxy4:9898'})
        everyWatchdog({remoteNodes: 3, aliveRemoteNodes: 3})(site)
      },
      ['WATCHDOG_EVEN'],
    ],
    [
      'a quorum of exactly half',
      everyWatchdog({quorum: 'on-the-edge', aliveRemoteNodes: 1}),
      [1, 2, 3].map((n) => `WATCHDOG_QUORUM_EDGE proxy${n}:9898`),
    ],
    [
      'a member that has not joined yet',
      watched(({pools}) => {
        for (const {watchdog} of pools)
          valueOf(watchdog)!.nodes = [
            watchdogMember(0, 'LEADER'),
            watchdogMember(1, 'STANDBY'),
            watchdogMember(2, 'PARTICIPATING IN ELECTION'),
          ]
      }),
      ['WATCHDOG_MEMBER_JOINING'],
    ],
    [
      'a quorum in unknown words',
      everyWatchdog({quorum: 'unrecognized'}),
      [1, 2, 3].map((n) => `WATCHDOG_QUORUM_UNKNOWN proxy${n}:9898`),
    ],
    ['no leader', everyWatchdog({leaderName: null, quorum: 'no-leader'}), ['WATCHDOG_NO_LEADER']],
    [
      'two leaders',
      watched(({pools}) => (pools[2]!.watchdog = {seen: true, value: watchdogInfo(2, {leaderName: 'other'})})),
      ['WATCHDOG_TWO_LEADERS'],
    ],
    [
      'a lost member',
      watched(({pools}) => {
        for (const {watchdog} of pools)
          valueOf(watchdog)!.nodes = [
            watchdogMember(0, 'LEADER'),
            watchdogMember(1, 'STANDBY'),
            watchdogMember(2, 'LOST'),
          ]
      }),
      ['WATCHDOG_MEMBER_LOST'],
    ],
    [
      'a member that the file does not name',
      watched(({pools}) => {
        for (const {watchdog} of pools) valueOf(watchdog)!.remoteNodes = 4
      }),
      ['WATCHDOG_MEMBER_UNKNOWN'],
    ],
    [
      'a parameter that differs',
      watched(({pools}) => valueOf(pools[1]!.sql).settings.set('load_balance_mode', 'off')),
      ['PGPOOL_CONF_DRIFT'],
    ],
    [
      'one that was away when its fence was to be lifted',
      watched(({pools}) =>
        Object.assign(valueOf(pools[2]!.host), {configText: '# >>> poolctl fence promote-1\n# <<< poolctl fence\n'}),
      ),
      ['FENCE_LEFT proxy3:9898'],
    ],
    [
      'releases that differ',
      watched(({pools}) => (valueOf(pools[1]!.sql).version = '4.4.12')),
      ['PGPOOL_RELEASES_MIXED'],
    ],
    [
      'failover without quorum',
      watched(conf({use_watchdog: 'on', failover_when_quorum_exists: 'off'})),
      [1, 2, 3].map((n) => `FAILOVER_WITHOUT_QUORUM proxy${n}:9898`),
    ],
  ]

  test.each(several)('with three pgpools on %s finds exactly that', (_, change, expected) => {
    expect(findings(change, 3)).toEqual(expected)
  })

  test('has a case for every check', () => {
    const provoked = new Set([...cases, ...several].flatMap(([, , codes]) => codes.map((one) => one.split(' ')[0])))
    expect(CHECKS.map(({code}) => code).filter((code) => !provoked.has(code))).toEqual([])
  })

  test.each([
    ['POSTGRES_UNREACHABLE', 2, 'poolctl recovery 2 --dry-run'],
    ['POSTGRES_CONNECTION_LOST', 2, 'poolctl recovery 2 --dry-run'],
    [
      'POSTGRES_UNREACHABLE',
      0,
      'start the server of node 0, the primary; when it stays dead: poolctl promote NODE --failover --dry-run',
    ],
    ['POSTGRES_NOT_READY', 1, 'wait, and look at the log of node 1: poolctl status'],
    ['POSTGRES_ACT_FAILED', 1, 'poolctl status'],
  ])('sends nobody to a recovery for %s of node %i without need', (code, id, remedy) => {
    const site = healthySnapshot()
    site.nodes[id]!.server = unseen(code, 'ERROR 57014')
    const {checks} = judge(site, chooseChecks({only: ['server-answers'], skip: [], serving: []}))
    expect(checks[0]?.findings.map((finding) => finding.remedy)).toEqual([remedy])
  })

  test.each([
    'POSTGRES_LOGIN_REFUSED',
    'POSTGRES_PASSWORD_MISSING',
    'POSTGRES_PASSFILE_EXPOSED',
    'POSTGRES_PASSFILE_UNREADABLE',
    'POSTGRES_DATABASE_MISSING',
    'POSTGRES_TOO_MANY_CONNECTIONS',
    'POSTGRES_CERTIFICATE_REFUSED',
    'POSTGRES_KEY_EXPOSED',
    'POSTGRES_TLS_FILE_UNREADABLE',
    'POSTGRES_ROOT_CERTIFICATE_MISSING',
    'POSTGRES_SSLMODE_UNKNOWN',
    'POSTGRES_SSLMODE_WEAK',
  ])('takes a server for silent after no %s', (code) => {
    const site = healthySnapshot()
    site.nodes[1]!.server = unseen(code, 'no')
    const found = judge(site, CHECKS).checks.flatMap(({findings: all}) => all)
    expect(found.map((one) => one.node)).toEqual([1])
    expect(found.every((one) => one.code !== 'NODE_SERVER_SILENT' && !one.remedy.includes('recovery'))).toBe(true)
  })

  test('does not call healthy what it could not look at', () => {
    const site = healthySnapshot()
    site.nodes[1]!.host = unseen('not-asked', 'no chosen check wants to know it')
    const {health, counts} = judge(site, CHECKS)
    expect([health, counts.critical, counts.warning, counts.unknown > 0]).toEqual(['unknown', 0, 0, true])
  })

  test('has ids and codes that are each used once', () => {
    expect(new Set(CHECKS.map(({id}) => id)).size).toBe(CHECKS.length)
    expect(new Set(CHECKS.map(({code}) => code)).size).toBe(CHECKS.length)
  })

  test('chooses by id, code, topic and verb, and refuses a name that is none', () => {
    const choose = (only: string[], skip: string[] = [], serving: string[] = []): string[] =>
      chooseChecks({only, skip, serving}).map(({id}) => id)
    expect(choose(['fsync', 'SSH_FAILS'])).toEqual(['ssh', 'fsync'])
    expect(choose(['ssh'], ['ssh-between', 'rsync-transfer', 'rsync-hard-links'])).toEqual([
      'ssh',
      'host-files',
      'ssh-user',
    ])
    expect(choose([], [], ['node-info']).includes('fsync')).toBe(false)
    expect(() => choose(['fsink'])).toThrow(expect.objectContaining({code: 'CHECK_UNKNOWN', exitCode: 2}) as Error)
  })
})

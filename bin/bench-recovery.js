/**
 * `node-info` against `pcp_node_info -a` and `node -e 0`; each rung of recovery against stopping the standby, emptying its directory,
 * and `pg_basebackup -c fast -X stream` until it streams again. Whole processes, wall time.
 */
import {join} from 'node:path'
import {line, median, say, since, timed, until, withLab} from './bench-tools.js'

const bin = '/usr/lib/postgresql/15/bin'

const streams = ({sql}) =>
  sql(
    0,
    "select count(*) from pg_stat_replication where application_name = 'poolctl_node_2' and state = 'streaming'",
  ) === '1'
const stop = ({server, nodeOf}) => server([`${bin}/pg_ctl`, '-D', nodeOf(2).data, '-m', 'fast', '-w', 'stop'])

/** The runbook by hand, from a running standby to a streaming one. */
function byHand(lab) {
  const {server, nodeOf, directory} = lab
  const [primary, standby] = [nodeOf(0), nodeOf(2)]
  const {data} = standby
  const began = process.hrtime.bigint()
  stop(lab)
  server(['sh', '-c', 'find "$1" -mindepth 1 -delete', 'sh', data])
  const source = ['-h', primary.address, '-p', String(primary.port), '-U', 'repl']
  const how = ['-c', 'fast', '-X', 'stream', '-R', '-S', 'poolctl_node_2', '-w']
  server([`${bin}/pg_basebackup`, '-D', data, ...source, ...how])
  const settings = [
    "unix_socket_directories = ''",
    `listen_addresses = '${standby.address}'`,
    `primary_conninfo = 'host=${primary.address} port=${primary.port} user=repl application_name=poolctl_node_2 passfile=${join(directory, 'servers', 'pgpass')}'`,
    '',
  ].join('\n')
  const append = ['sh', '-c', 'cat >>"$1/postgresql.auto.conf"', 'sh', data]
  server(append, {input: settings, stdio: ['pipe', 'ignore', 'pipe']})
  const log = join(directory, 'node2', 'by-hand.log')
  server([`${bin}/pg_ctl`, '-D', data, '-w', '-l', log, 'start'], {stdio: 'ignore'})
  until('the standby made by hand streaming', () => streams(lab))
  return since(began)
}

const CASES = {
  stopped: {
    target: 0.25,
    break(lab) {
      stop(lab)
    },
    flags: [],
  },
  diverged: {
    target: 0.5,
    break({cli, directory}) {
      cli(['lab', 'kill', '2', '--diverge', '--dir', directory])
    },
    flags: ['--discard-second-primary'],
  },
  changed: {
    target: 0.6,
    break(lab, run) {
      stop(lab)
      const {sql} = lab
      // About 61 rows a page: every 6100th row touches one page in a hundred.
      sql(0, `update pgbench_accounts set abalance = abalance + 1 where aid % 6100 = ${run}`, 'shop')
      sql(0, 'checkpoint')
    },
    flags: ['--method', 'delta'],
  },
  empty: {
    target: 1.0,
    break({cli, directory}) {
      cli(['lab', 'kill', '2', '--wipe', '--dir', directory])
    },
    flags: [],
  },
}

/** Interleaved, so that a slow moment of the machine falls on all of them alike. */
function benchNodeInfo({site, env, cli, directory}, runs) {
  const named = ['-h', site.pgpool.address, '-p', '9898', '-U', 'pcpadmin']
  const pcp = {...env, PCPPASSFILE: join(directory, 'operator', 'pcppass')}
  const commands = {
    'node -e 0': () => timed(process.execPath, ['-e', '0']),
    'pcp_node_info -a': () => timed('pcp_node_info', ['-a', '-w', ...named], {env: pcp}),
    // Named as the pcp tool is: neither reads a cluster file.
    'poolctl node-info --json': () => cli(['node-info', '--json', '-w', ...named], {env: pcp}),
    'the same by cluster file': () => cli(['node-info', '--json']),
  }
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]))
  for (let run = 0; run < 5 * runs; run += 1) {
    for (const [name, command] of Object.entries(commands)) times[name].push(command().seconds)
  }
  const medians = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]))
  const ours = medians['poolctl node-info --json']
  return {
    medians,
    ratioToNode: ours / medians['node -e 0'],
    ratioToPcp: ours / medians['pcp_node_info -a'],
    target: 3.0,
  }
}

function benchRecovery(lab, name, runs) {
  const {flags, target, ...plan} = CASES[name]
  const hand = []
  const ours = []
  const methods = new Set()
  let wire = null
  for (let run = 0; run < runs; run += 1) {
    hand.push(byHand(lab))
    plan.break(lab, run)
    const {seconds, stdout} = lab.cli(['recovery', '2', '--yes', '--json', ...flags])
    const {data} = JSON.parse(stdout)
    methods.add(data.facts.method)
    wire = data.facts.bytesOnWire
    ours.push(seconds)
    until('the recovered standby streaming', () => streams(lab))
    say(
      `  ${name} run ${run + 1}: by hand ${hand.at(-1).toFixed(2)} s, poolctl ${seconds.toFixed(2)} s (${data.facts.method})`,
    )
  }
  return {
    byHand: median(hand),
    poolctl: median(ours),
    ratio: median(ours) / median(hand),
    target,
    methods: [...methods],
    bytesOnWire: wire,
  }
}

/** `only`: the cases to run, of node-info and those above. */
export function benchRecoveries({scale, runs, only}) {
  say(`a lab of three nodes with pgbench scale ${scale} …`)
  return withLab(['--postgres', '15', '--scale', String(scale)], (lab) => {
    const bytes = Number(lab.sql(0, 'select sum(pg_database_size(oid)) from pg_database'))
    const nodeInfo = only.has('node-info') ? benchNodeInfo(lab, runs) : null
    const wanted = Object.keys(CASES).filter((name) => only.has(name))
    const recovery = Object.fromEntries(wanted.map((name) => [name, benchRecovery(lab, name, runs)]))
    return {scale, runs, bytes, nodeInfo, recovery}
  })
}

export function recoveriesText(results) {
  if (results.nodeInfo) {
    for (const [name, seconds] of Object.entries(results.nodeInfo.medians))
      line(`${name.padEnd(28)} ${(seconds * 1000).toFixed(0).padStart(6)} ms`)
    line(
      `node-info / node -e 0: ${results.nodeInfo.ratioToNode.toFixed(2)} (target ${results.nodeInfo.target}), / pcp_node_info: ${results.nodeInfo.ratioToPcp.toFixed(2)}`,
    )
  }
  if (Object.keys(results.recovery).length > 0) {
    line(`\nrecovery of ${(results.bytes / 1e9).toFixed(2)} GB, medians of ${results.runs}`)
    line('case       by hand   poolctl   ratio  target  method   on the wire')
    for (const [name, row] of Object.entries(results.recovery)) {
      const wire = row.bytesOnWire === null ? '-' : `${(row.bytesOnWire / 1e6).toFixed(1)} MB`
      line(
        `${name.padEnd(9)} ${row.byHand.toFixed(2).padStart(7)} s ${row.poolctl.toFixed(2).padStart(7)} s ${row.ratio.toFixed(2).padStart(7)} ${row.target.toFixed(2).padStart(7)}  ${row.methods.join(',').padEnd(8)} ${wire}`,
      )
    }
  }
}

/**
 * A major upgrade, three ways on fresh labs of the same data in one run: `poolctl upgrade run`; the documented procedure by hand
 * (pg_upgrade's manual page, Usage: stop all, pg_upgrade --link, rsync of old and new directory to the standbys one after another,
 * start all); and the floor, which is the primary alone: stop, pg_upgrade --link, start.
 *
 * Each outage is wall time from the stop of the primary until the asked standbys stream (floor: until the primary answers). Making the
 * new cluster is `upgrade prepare` for all three, and before the outage.
 */
import {join} from 'node:path'
import {line, median, say, since, until, withLab} from './bench-tools.js'

const FROM = 13
const TO = 15
const bin = (major) => `/usr/lib/postgresql/${major}/bin`
const TARGETS = {byHand: 0.6, floor: 1.5, bytes: 1.2, many: 1.6}

/** `size`: pgbench scale, and how many small tables beside pgbench's four, which is what pg_upgrade takes its time for. */
function prepared(nodes, {scale, tables}, work) {
  return withLab(['--postgres', String(FROM), '--nodes', String(nodes), '--scale', String(scale)], (lab) => {
    if (tables > 0) {
      lab.sql(
        0,
        `DO $do$ BEGIN FOR n IN 1..${tables} LOOP
          EXECUTE format('CREATE TABLE "order_%s" (id bigserial PRIMARY KEY, customer text NOT NULL, at timestamptz DEFAULT now())', n);
          EXECUTE format('CREATE INDEX ON "order_%s" (customer)', n);
          EXECUTE format('INSERT INTO "order_%s" (customer) SELECT md5(g::text) FROM generate_series(1, 20) g', n);
        END LOOP; END $do$`,
        'shop',
      )
    }
    lab.cli(['upgrade', 'prepare', '--to', String(TO)])
    return work(lab)
  })
}

const newData = (lab, id) => `${lab.nodeOf(id).data}-${TO}`
const idsOf = (lab) => lab.site.nodes.map(({id}) => id)
const control = (lab, major, verb, data, ...flags) =>
  lab.server([join(bin(major), 'pg_ctl'), verb, '-w', '-D', data, ...flags], {stdio: 'ignore'})
const start = (lab, id) =>
  control(lab, TO, 'start', newData(lab, id), '-l', join(lab.directory, `node${id}`, 'by-hand.log'))

function stopAndUpgrade(lab, nodes) {
  for (const id of nodes) control(lab, FROM, 'stop', lab.nodeOf(id).data, '-m', 'fast')
  const versions = ['-b', bin(FROM), '-B', bin(TO), '-d', lab.nodeOf(0).data, '-D', newData(lab, 0)]
  // The new cluster knows no password yet.
  const hba = join(lab.directory, 'node0', 'by-hand-hba.conf')
  lab.server(['tee', hba], {input: 'local all all trust\n', stdio: ['pipe', 'ignore', 'pipe']})
  const access = ['-o', `-c hba_file=${hba}`, '-O', `-c hba_file=${hba}`]
  lab.server([join(bin(TO), 'pg_upgrade'), '--link', '--jobs=2', '-U', 'postgres', ...versions, ...access], {
    cwd: join(lab.directory, 'node0'),
  })
}

/** Each standby's own configuration, out of reach of the rsync that overwrites it. */
function standbyConfiguration(lab, id) {
  const files = {}
  for (const name of ['node.conf', 'postgresql.auto.conf']) {
    files[name] = lab.server(['cat', join(lab.nodeOf(id).data, name)]).stdout
  }
  return files
}

function byHand(lab) {
  const standbys = idsOf(lab).filter((id) => id !== 0)
  const own = new Map(standbys.map((id) => [id, standbyConfiguration(lab, id)]))
  const servers = join(lab.directory, 'servers')
  const rsh = `ssh -p 2222 -i ${join(servers, 'id_ed25519')} -o UserKnownHostsFile=${join(servers, 'known_hosts')} -o BatchMode=yes`
  const began = process.hrtime.bigint()
  stopAndUpgrade(lab, [0, ...standbys])
  for (const id of standbys) {
    const {address, data} = lab.nodeOf(id)
    const documented = ['--archive', '--delete', '--hard-links', '--size-only', '--no-inc-recursive']
    const target = `${address}:${join(data, '..')}`
    lab.server(['rsync', ...documented, '-e', rsh, lab.nodeOf(0).data, newData(lab, 0), target])
    for (const [name, text] of Object.entries({...own.get(id), 'standby.signal': ''})) {
      lab.server(['tee', join(newData(lab, id), name)], {input: text, stdio: ['pipe', 'ignore', 'pipe']})
    }
  }
  start(lab, 0)
  for (const id of standbys) {
    lab.sql(0, `select pg_create_physical_replication_slot('poolctl_node_${id}')`)
    start(lab, id)
  }
  until('all standbys streaming', () => streaming(lab) === standbys.length)
  return since(began)
}

const streaming = (lab) => Number(lab.sql(0, "select count(*) from pg_stat_replication where state = 'streaming'"))

function floor(lab) {
  const began = process.hrtime.bigint()
  stopAndUpgrade(lab, [0])
  start(lab, 0)
  lab.sql(0, 'select 1')
  return since(began)
}

/** Its events, the envelope last. */
function upgradeRun(lab, flags) {
  const args = ['upgrade', 'run', '--to', String(TO), ...flags, '--confirm', 'lab', '--output', 'ndjson']
  const {stdout} = lab.cli(args, {expect: [0, 13]})
  return stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
}

/** Times and bytes as the record of the operation has them. */
function byPoolctl(lab, minStandbys) {
  const events = upgradeRun(lab, ['--way-back', 'none', '--min-standbys', String(minStandbys)])
  const {data} = events.at(-1)
  const timeOf = (event, step) => Date.parse(events.find((one) => one.type === event && one.step === step).at)
  return {
    outage: (timeOf('step.done', 'bring-standbys') - timeOf('step.started', 'stop-primary')) / 1000,
    writesStopped: data.outage.writesStoppedSeconds,
    lostWrites: data.outage.lostWrites,
    streaming: data.facts.streaming.length,
    sent: Math.max(...Object.values(data.facts.bytesOnWire)),
    catalogs: catalogBytes(lab),
  }
}

/** What pg_upgrade made new and did not link: one standby needs all of it. */
function catalogBytes(lab) {
  const found = ['find', join(newData(lab, 0), 'base'), join(newData(lab, 0), 'global')]
  const {stdout} = lab.server([...found, '-type', 'f', '-links', '1', '-printf', '%s\\n'])
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, size) => sum + Number(size), 0)
}

function several(runs, name, one) {
  const results = []
  for (let run = 0; run < runs; run += 1) {
    results.push(one())
    say(`  ${name} run ${run + 1}: ${JSON.stringify(results.at(-1))}`)
  }
  return results
}

/** `many`: how many standbys the large cluster has; 0 leaves it out. */
export function benchUpgrade({runs, size, many}) {
  const result = {from: FROM, to: TO, ...size, runs}
  const ours = []
  const hand = []
  const least = []
  for (let run = 0; run < runs; run += 1) {
    hand.push(prepared(3, size, byHand))
    least.push(prepared(3, size, floor))
    ours.push(prepared(3, size, (lab) => byPoolctl(lab, 2)))
    const row = ours.at(-1)
    say(
      `  run ${run + 1}: by hand ${hand.at(-1).toFixed(2)} s, floor ${least.at(-1).toFixed(2)} s, poolctl ${row.outage.toFixed(2)} s, writes stopped ${row.writesStopped} s, ${row.streaming} standbys stream`,
    )
  }
  const outage = median(ours.map((row) => row.outage))
  Object.assign(result, {
    byHand: median(hand),
    floor: median(least),
    poolctl: outage,
    writesStopped: median(ours.map((row) => row.writesStopped)),
    toByHand: {ratio: outage / median(hand), target: TARGETS.byHand},
    toFloor: {ratio: outage / median(least), target: TARGETS.floor},
    bytes: {
      sentToEach: median(ours.map(({sent}) => sent)),
      ratio: median(ours.map(({sent, catalogs}) => sent / catalogs)),
      target: TARGETS.bytes,
    },
    lostWrites: ours.reduce((sum, row) => sum + row.lostWrites, 0),
  })
  if (many > 0) {
    const one = several(runs, '1 standby', () => prepared(2, size, (lab) => byPoolctl(lab, 1)))
    const all = several(runs, `${many} standbys`, () => prepared(many + 1, size, (lab) => byPoolctl(lab, 1)))
    const [with1, withMany] = [one, all].map((rows) => median(rows.map((row) => row.outage)))
    result.many = {standbys: many, with1, withMany, ratio: withMany / with1, target: TARGETS.many}
  }
  return result
}

/** What a rehearsal on the last standby foresees, against what the run then takes. */
export function benchForecast({runs, size}) {
  const rows = several(runs, 'forecast', () =>
    prepared(3, size, (lab) => {
      lab.cli(['upgrade', 'rehearse', '--to', String(TO), '--yes'])
      const {data} = upgradeRun(lab, []).at(-1)
      const {forecastOutageSeconds, outageSeconds, ratio} = data.facts.forecast
      return {forecastOutageSeconds, outageSeconds, ratio, writesStopped: data.outage.writesStoppedSeconds}
    }),
  )
  return {from: FROM, to: TO, ...size, runs: rows, within: 0.25}
}

export function forecastText({from, to, scale, tables, runs, within}) {
  line(
    `upgrade ${from} to ${to} after a rehearsal, scale ${scale} and ${tables} tables; the outage should be within ${within * 100} % of the forecast`,
  )
  for (const {forecastOutageSeconds, outageSeconds, ratio, writesStopped} of runs) {
    line(
      `foreseen ${forecastOutageSeconds.toFixed(2)} s, took ${outageSeconds.toFixed(2)} s, ratio ${ratio.toFixed(2)}; writes stopped ${writesStopped.toFixed(2)} s`,
    )
  }
}

export function upgradeText(result) {
  const against = ({ratio, target}) => `${ratio.toFixed(2)} (target ${target})`
  line(
    `upgrade ${result.from} to ${result.to} with 2 standbys back, scale ${result.scale} and ${result.tables} tables, medians of ${result.runs}`,
  )
  line(
    `by hand ${result.byHand.toFixed(2)} s, floor ${result.floor.toFixed(2)} s, poolctl ${result.poolctl.toFixed(2)} s`,
  )
  line(`outage / by hand: ${against(result.toByHand)}, / floor: ${against(result.toFloor)}`)
  line(
    `writes stopped ${result.writesStopped.toFixed(2)} s, acknowledged writes lost: ${result.lostWrites}; sent to each standby ${(result.bytes.sentToEach / 1e6).toFixed(1)} MB, / new catalogs: ${against(result.bytes)}`,
  )
  if (result.many) {
    const {standbys, with1, withMany} = result.many
    line(`${standbys} standbys ${withMany.toFixed(2)} s, 1 standby ${with1.toFixed(2)} s: ${against(result.many)}`)
  }
}

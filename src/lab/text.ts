/** What the lab's commands say, as plain lines. Names are quoted for a shell, because people copy them. */
import type {Demo} from './demo.js'
import type {LabDown} from './down.js'
import type {Killed} from './kill.js'
import type {LabUp} from './up.js'

export function progressLine(seconds: number, text: string): string {
  return `${seconds.toFixed(1).padStart(5)} s  ${text}`
}

/** For a POSIX shell: bare when nothing in it means anything there. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

export function upText({status, seconds, outcome}: LabUp): string {
  const {client, clusterFile, directory} = status
  const did = {created: 'is up', started: 'is up again', running: 'was up already'}[outcome]
  return [
    `The lab ${did} (${seconds.toFixed(1)} s): ${status.nodes.length} nodes of PostgreSQL ${status.postgresMajor} in ${directory}`,
    `Cluster file: ${clusterFile}`,
    '',
    `  export POOLCTL_CONFIG=${shellWord(clusterFile)}`,
    '  poolctl status',
    `  PGPASSFILE=${shellWord(client.passfile)} psql -h ${client.host} -p ${client.port} -U ${client.user} ${client.database}`,
    `  poolctl lab kill ${status.nodes.length - 1} --dir ${shellWord(directory)}`,
    `  poolctl lab down --dir ${shellWord(directory)}`,
  ].join('\n')
}

export function killedText({node, fault, done, pool}: Killed): string {
  const head = fault === 'diverge' ? `Node ${node} has diverged` : `Node ${node} was killed`
  const belief = pool
    ? pool.map(({status, role}, id) => `node ${id} ${role} ${status}`).join(', ')
    : 'nothing, it does not answer'
  return [head, ...done.map((sentence) => `  ${sentence}`), `pgpool says: ${belief}`].join('\n')
}

export function downText(down: LabDown): string {
  if (!down.found) return `There is no lab in ${down.directory}`
  const {processesEnded, segmentsRemoved, seconds, directory} = down
  return `The lab is down (${seconds.toFixed(1)} s): ${processesEnded} processes ended, ${segmentsRemoved} shared memory segments and ${directory} removed`
}

export function demoText(demo: Demo): string {
  const config = `--config ${shellWord(demo.clusterFile)}`
  const dir = `--dir ${shellWord(demo.directory)}`
  const bytes = demo.bytesOnWire === null ? 'unknown' : `${(demo.bytesOnWire / 1024 ** 2).toFixed(1)} MB`
  return [
    demo.statusTable,
    '',
    ...demo.broken.map((sentence) => `Not as promised: ${sentence}`),
    `Recovery of node ${demo.node}: ${demo.recoverySeconds.toFixed(1)} s, ${bytes} over the wire, method ${demo.method ?? 'unknown'}`,
    `Clients: ${demo.acknowledgedWrites} writes acknowledged, ${demo.lostWrites} lost, longest pause ${demo.longestWriteGapSeconds.toFixed(2)} s`,
    '',
    'The lab stays up. Try:',
    `  poolctl status ${config}`,
    `  poolctl promote 1 --dry-run ${config}`,
    `  poolctl lab kill 1 --wipe ${dir} && poolctl recovery 1 ${config}`,
    'Take it down with:',
    `  poolctl lab down ${dir}`,
  ].join('\n')
}

/** Page checksums of a stopped server, also of one that crashed (page-check.sh makes a stand-in for it). */
import type {NodeConfig} from '../cluster/cluster-file.js'
import type {DirectoryState, PageCheck} from '../ports/host.js'
import {tail, type Machine} from './machine.js'
import {asShutDown} from './pg-control.js'

const READ_MS = 60_000

export async function checkPages(
  node: NodeConfig,
  machine: Machine,
  directory: DirectoryState,
  deadlineMs: number,
): Promise<PageCheck> {
  if (directory.postmasterPid !== null)
    return {kind: 'impossible', reason: `the server is running (pid ${directory.postmasterPid})`}
  if (directory.control === null) return {kind: 'impossible', reason: 'no readable control file'}
  if (!directory.control.dataChecksums) return {kind: 'impossible', reason: 'the cluster has no page checksums'}
  const {stdout: control} = await machine.call({
    script: 'read-file',
    args: [`${node.data}/global/pg_control`],
    mutates: false,
    title: 'read the control file',
    deadlineMs: READ_MS,
  })
  const standIn = asShutDown(control)
  if (standIn === null) return {kind: 'impossible', reason: 'the checksum of the control file itself is wrong'}
  const {stdout} = await machine.call({
    script: 'page-check',
    args: [node.data, node.bin, node.work],
    input: standIn,
    mutates: false,
    title: 'check the pages',
    deadlineMs,
  })
  return pageCheckFrom(stdout.toString('utf8'))
}

/** `pg_checksums --check` in the C locale: counts on stdout, a line for each bad block before them; status 1 when there are any. */
export function pageCheckFrom(text: string): PageCheck {
  const number = (label: string): number | null => {
    const match = new RegExp(`^${label}:\\s+(\\d+)`, 'm').exec(text)?.[1]
    return match === undefined ? null : Number(match)
  }
  const status = /^poolctl-status (\d+)$/m.exec(text)?.[1]
  const files = number('Files scanned')
  const blocks = number('Blocks scanned')
  const badBlocks = number('Bad checksums')
  if (status === '0' && files !== null && blocks !== null && badBlocks === 0) return {kind: 'clean', files, blocks}
  const lines = text.replace(/^poolctl-status.*$/m, '')
  if (badBlocks !== null && badBlocks > 0) {
    const named = lines.split('\n').filter((line) => line.includes('checksum verification failed'))
    return {kind: 'damaged', badBlocks, detail: named.slice(0, 10).join('\n')}
  }
  return {kind: 'impossible', reason: `pg_checksums ended with status ${status ?? 'unknown'}: ${tail(lines, 5)}`}
}

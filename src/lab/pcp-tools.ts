/**
 * What the lab asks of pgpool, with pgpool's own PCP clients: the lab must not share code with what is tested on it. They exit 0
 * when the server refuses, so an answer counts only when it is seen in the node information.
 */
import {execFile} from 'node:child_process'
import {dirname, join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'
import {messageOf} from '../lib/errors.js'
import {exists} from './store.js'
import {labPaths, type LabSpec} from './spec.js'

const execute = promisify(execFile)

export type Belief = {status: string; role: string}

const ROLES = new Map([
  ['primary', 'primary'],
  ['standby', 'standby'],
  ['main', 'main'],
  ['replica', 'replica'],
  ['master', 'main'],
  ['slave', 'replica'],
])

/** It replaces its PCP process when a node has left or come, and cuts off whoever asks just then. */
const TRIES = 3
const BETWEEN_TRIES_MS = 250

/** What pgpool believes of each node, in the nodes' order; the reason when it does not answer. */
export async function poolBelief(spec: LabSpec): Promise<{nodes: Belief[]} | {reason: string}> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const nodes: Belief[] = []
      for (const {id} of spec.nodes) nodes.push(readBelief(await pcp(spec, 'pcp_node_info', ['-n', String(id)])))
      return {nodes}
    } catch (error) {
      if (attempt === TRIES) return {reason: messageOf(error).trim().split('\n').at(-1) ?? ''}
      await sleep(BETWEEN_TRIES_MS)
    }
  }
}

/**
 * `host port code weight status [measured status] role ...`: the first five fields stand in every version since 3.7, the role is
 * the first word that names one.
 */
export function readBelief(line: string): Belief {
  const fields = line.trim().split(/\s+/)
  const status = fields[4]
  const role = fields.map((field) => ROLES.get(field)).find((found) => found !== undefined)
  if (status === undefined || role === undefined) throw new Error(`pcp_node_info answered "${line.trim()}"`)
  return {status, role}
}

export function isAttached(belief: Belief | undefined): boolean {
  return belief?.status === 'up' || belief?.status === 'waiting'
}

/** Queued, not done: callers look at `poolBelief` afterwards. */
export async function detachFromPool(spec: LabSpec, node: number): Promise<void> {
  await pcp(spec, 'pcp_detach_node', ['-n', String(node)])
}

async function pcp(spec: LabSpec, tool: string, args: string[]): Promise<string> {
  const beside = join(dirname(spec.programs.pgpool), tool)
  const program = (await exists(beside)) ? beside : tool
  const target = ['-h', spec.proxy.address, '-p', String(spec.ports.pcp), '-U', 'pcpadmin', '-w']
  const {stdout} = await execute(program, [...target, ...args], {
    env: {
      PATH: '/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin',
      LC_ALL: 'C',
      PCPPASSFILE: labPaths(spec.directory).pcpPassfile,
    },
    timeout: 8000,
    killSignal: 'SIGKILL',
  })
  return stdout
}

/** Processes of this machine, from /proc: what anybody could read in `ps`, and the ones that serve a host's SSH connections. */
import {readdir, readFile, rm} from 'node:fs/promises'
import {readFileSync} from 'node:fs'
import {setTimeout as sleep} from 'node:timers/promises'
import {labHosts, sshPidFile, startSsh} from '../../src/lab/ssh-server.js'
import {pidFrom} from '../../src/lab/processes.js'
import {requireSpec} from '../../src/lab/store.js'
import {nodeOf} from './e2e-lab.js'
import type {TestLab} from './lab.js'
import {childrenOf} from './sshd.js'

export type Sighting = {needle: string; pid: number; where: 'cmdline' | 'environ'}

export type Sampler = {
  /** How many times the whole list was read, and each needle that stood in it. */
  stop(): Promise<{snapshots: number; sightings: Sighting[]}>
}

/** Reads command lines and environments of all processes, over and over, until stopped. */
export function sampleProcesses(needles: readonly string[]): Sampler {
  const sightings = new Map<string, Sighting>()
  let snapshots = 0
  const ending = new AbortController()
  const look = async (pid: number, where: 'cmdline' | 'environ'): Promise<void> => {
    const text = await readFile(`/proc/${pid}/${where}`, 'latin1').catch(() => '')
    for (const needle of needles) {
      if (text.includes(needle)) sightings.set(`${needle} ${pid} ${where}`, {needle, pid, where})
    }
  }
  const loop = (async () => {
    while (!ending.signal.aborted) {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
      await Promise.all(pids.flatMap((pid) => [look(pid, 'cmdline'), look(pid, 'environ')]))
      snapshots += 1
      await sleep(40)
    }
  })()
  return {
    async stop() {
      ending.abort()
      await loop
      return {snapshots, sightings: [...sightings.values()]}
    },
  }
}

/**
 * Ends what serves SSH connections of a node, as a broken line would: the listener and whatever was started detached live on.
 * Returns how many connections there were. sshd serves each in two processes, a monitor and below it the one with the socket.
 */
export async function cutSsh(lab: TestLab, node: number): Promise<number> {
  const listener = await pidFrom(sshPidFile(nodeOf(await requireSpec(lab.directory), node)))
  if (listener === null) throw new Error(`node ${node} has no sshd`)
  return cutConnections(childrenOf(listener))
}

function cutConnections(monitors: readonly number[]): number {
  for (const monitor of monitors) {
    for (const pid of [...childrenOf(monitor).filter(isSshd), monitor]) kill(pid)
  }
  return monitors.length
}

/** Nobody can log in to the host any more, and whoever was is cut off. Returns how it comes back. */
export async function stopSsh(lab: TestLab, node: number): Promise<() => Promise<void>> {
  const spec = await requireSpec(lab.directory)
  const host = labHosts(spec).find(({name}) => name === `node${node}`)
  const listener = host && (await pidFrom(sshPidFile(host)))
  if (!host || listener === null || listener === undefined) throw new Error(`node ${node} has no sshd`)
  const connections = childrenOf(listener)
  kill(listener)
  cutConnections(connections)
  return async () => {
    await rm(sshPidFile(host), {force: true})
    await startSsh(spec, host)
  }
}

function isSshd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sshd')
  } catch {
    return false
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

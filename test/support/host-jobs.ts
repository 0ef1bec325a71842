/** Jobs of an operation on a host of a lab, caught at work: held still while something happens to them, killed, or let go on. */
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import type {LabSpec} from '../../src/lab/spec.js'
import {exists} from '../../src/lab/store.js'
import {nodeOf, until} from './e2e-lab.js'
import {OLD_TO_NEW, placeOf} from './upgrade-lab.js'

/** Jobs on tiny data are over in a second. */
const SOON_MS = 5

export type HeldJob = {
  /** Its processes are ended as by `kill -9` of their group; servers that it has started are in groups of their own. */
  kill(): void
  goOn(): void
  ended(): Promise<void>
}

/** The job of that name on the node's host, as soon as it is at work, and when `also` says so. Its whole process group stands still. */
export async function holdJob(
  spec: LabSpec,
  node: number,
  name: 'pg-upgrade' | 'link' | 'link-late',
  also: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<HeldJob> {
  const jobs = join(`${placeOf(nodeOf(spec, node), OLD_TO_NEW, 'old')}.poolctl`, 'jobs')
  let directory = ''
  let group = 0
  await until(
    `${name} runs on node ${node}`,
    async () => {
      const found = (await readdir(jobs).catch(() => [])).find((entry) =>
        new RegExp(`-\\d{6}-\\w{4}-${name}$`).test(entry),
      )
      if (found === undefined) return false
      directory = join(jobs, found)
      const phase = await readFile(join(directory, 'phase'), 'utf8').catch(() => '')
      group = Number.parseInt(await readFile(join(directory, 'pid'), 'utf8').catch(() => ''), 10)
      return phase !== '' && !phase.startsWith('waiting') && group > 1 && (await also())
    },
    60_000,
    SOON_MS,
  )
  process.kill(-group, 'SIGSTOP')
  return {
    kill: () => process.kill(-group, 'SIGKILL'),
    goOn: () => process.kill(-group, 'SIGCONT'),
    ended: () =>
      until(
        `${name} on node ${node} has ended`,
        async () => (await exists(join(directory, 'status'))) || !(await exists(directory)),
      ),
  }
}

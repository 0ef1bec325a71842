/** What the parts of bin/bench share: whole processes timed on a lab of their own, medians, and waiting for a state. */
import {spawnSync} from 'node:child_process'
import {chmodSync, mkdtempSync, rmSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

const poolctl = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin', 'run.js')

export const say = (text) => process.stderr.write(`${text}\n`)
export const line = (text) => process.stdout.write(`${text}\n`)

/** Wall seconds of a whole process; its failure ends the bench with what it printed. */
export function timed(file, args, options = {}) {
  const began = process.hrtime.bigint()
  const ran = spawnSync(file, args, {encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...options})
  const seconds = since(began)
  if (ran.error) throw ran.error
  if (!(options.expect ?? [0]).includes(ran.status)) {
    throw new Error(`${file} ${args.join(' ')} ended with ${ran.status}\n${ran.stdout}\n${ran.stderr}`)
  }
  return {seconds, stdout: ran.stdout}
}

/** Seconds since a moment of process.hrtime.bigint(). */
export function since(began) {
  return Number(process.hrtime.bigint() - began) / 1e9
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

export function until(what, look) {
  const limit = Date.now() + 120_000
  while (!look()) {
    if (Date.now() > limit) throw new Error(`not seen within two minutes: ${what}`)
    pause(50)
  }
}

/**
 * A file system of its own at `directory`, where we may mount one; otherwise it stays what it is. ext4 does not use an inode again that was
 * freed minutes ago and looks at each of them first, so the thousands of files of the lab before would be paid for by the next one.
 */
function ownDisk(directory) {
  const image = `${directory}.img`
  const run = (...words) => spawnSync(words[0], words.slice(1), {stdio: 'ignore'}).status === 0
  const mounted =
    run('truncate', '-s', '24G', image) &&
    run('mkfs.ext4', '-q', '-F', image) &&
    run('mount', '-o', 'loop', image, directory)
  if (!mounted) say('  no file system for each lab: what is deleted from one slows the next')
  else chmodSync(directory, 0o755)
  return () => {
    if (mounted) run('umount', directory)
    rmSync(image, {force: true})
  }
}

/** A new lab for `work`, taken down afterwards whatever happens. `flags` are those of `poolctl lab up`. */
export function withLab(flags, work) {
  const state = mkdtempSync('/var/tmp/poolctl-bench-')
  chmodSync(state, 0o755)
  const release = ownDisk(state)
  const directory = join(state, 'lab')
  const env = {
    ...process.env,
    POOLCTL_STATE_DIR: join(state, 'state'),
    POOLCTL_CONFIG: join(directory, 'poolctl.yaml'),
    CI: 'true',
  }
  const cli = (args, options = {}) => timed(process.execPath, [poolctl, ...args], {env, ...options})
  try {
    cli(['lab', 'up', '--dir', directory, ...flags])
    const site = JSON.parse(cli(['lab', 'status', '--dir', directory, '--json']).stdout).data
    return work(labOf(directory, env, cli, site))
  } finally {
    cli(['lab', 'down', '--dir', directory])
    release()
    rmSync(state, {recursive: true, force: true})
  }
}

function labOf(directory, env, cli, site) {
  /** The servers' user: PostgreSQL refuses root. */
  const asServer = process.getuid() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : []
  const server = (args, options = {}) => {
    const [file, ...rest] = [...asServer, ...args]
    return timed(file, rest, {
      env: {...env, PGPASSFILE: join(directory, 'servers', 'pgpass')},
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    })
  }
  const nodeOf = (id) => site.nodes.find((node) => node.id === id)
  const sql = (id, text, database = 'postgres') => {
    const {address, port} = nodeOf(id)
    const target = ['-h', address, '-p', String(port), '-U', 'postgres', '-d', database]
    return server([`/usr/lib/postgresql/${site.postgresMajor}/bin/psql`, '-XAtq', ...target, '-c', text]).stdout.trim()
  }
  return {directory, env, cli, site, server, nodeOf, sql}
}

/** What poolctl writes for pgpool.conf, read by the real pgpool: values with quotes and backslashes, and the fragments of managed sites. */
import {spawn, type ChildProcess} from 'node:child_process'
import {createHash} from 'node:crypto'
import {chmod, chown, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {userInfo} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {systemClock} from '../../src/cli/clock.js'
import {addFence, addSettings, removeFence, setValues} from '../../src/hosts/conf-file.js'
import {Unreachable} from '../../src/lib/errors.js'
import {Secret} from '../../src/lib/secret.js'
import {findPrograms} from '../../src/lab/programs.js'
import {isRelease, settingsOfRelease} from '../../src/lab/pgpool-release.js'
import {serverUser} from '../../src/lab/run.js'
import {createPool} from '../../src/pcp/pool.js'
import type {Pool, PoolSettings} from '../../src/ports/pool.js'
import {renderVariant} from '../../src/templates/variants.js'
import {until} from '../support/postgres.js'

const ADDRESS = '127.83.7.20'
const PCP_PORT = 9898

let directory: string
const running: ChildProcess[] = []
beforeEach(async () => {
  directory = await mkdtemp('/tmp/poolctl-pgpool-conf-')
  await own(directory, 0o700)
})
afterEach(async () => {
  for (const child of running.splice(0)) await end(child)
  await rm(directory, {recursive: true, force: true})
})

async function own(path: string, mode: number): Promise<void> {
  const {uid, gid} = await serverUser(userInfo().username)
  await chmod(path, mode)
  if (uid !== null && gid !== null) await chown(path, uid, gid)
}

async function write(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  await own(path, 0o600)
  return path
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  if (child.pid === undefined || child.exitCode !== null) return
  process.kill(child.pid, 'SIGINT')
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 8000))])
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The whole group has left.
  }
}

/** What a site's own pgpool.conf has anyway. */
async function ground(): Promise<string> {
  const {pgpoolVersion} = await findPrograms(null)
  const settings = settingsOfRelease(pgpoolVersion, {
    listen_addresses: ADDRESS,
    port: 9999,
    pcp_listen_addresses: ADDRESS,
    pcp_port: PCP_PORT,
    socket_dir: directory,
    pcp_socket_dir: directory,
    pid_file_name: join(directory, 'pgpool.pid'),
    logdir: directory,
    num_init_children: 2,
    backend_hostname0: '127.83.7.10',
    backend_port0: 5432,
    health_check_period: 0,
    sr_check_period: 0,
    search_primary_node_timeout: 1,
    use_watchdog: 'off',
  })
  return Object.entries(settings)
    .map(([name, value]) => (typeof value === 'number' ? `${name} = ${value}\n` : `${name} = '${value}'\n`))
    .join('')
}

/** Settings that the real pgpool has in effect after a start with this text; throws with its log when it does not start. */
async function readBack(text: string): Promise<PoolSettings> {
  const {pgpool} = await findPrograms(null)
  const {uid, gid} = await serverUser(userInfo().username)
  const config = await write('pgpool.conf', text)
  const pcpConf = await write('pcp.conf', `admin:${createHash('md5').update('open sesame').digest('hex')}\n`)
  const log = join(directory, 'log')
  const child = spawn('sh', ['-c', 'exec "$@" >"$0" 2>&1', log, pgpool, '-n', '-D', '-f', config, '-F', pcpConf], {
    cwd: directory,
    detached: true,
    stdio: 'ignore',
    ...(uid !== null && gid !== null ? {uid, gid} : {}),
  })
  running.push(child)
  const pool: Pool = createPool({
    name: 'pgpool',
    connect: {kind: 'tcp', host: ADDRESS, port: PCP_PORT},
    user: 'admin',
    password: new Secret('open sesame'),
    clock: systemClock,
  })
  const seen: {settings: PoolSettings | null} = {settings: null}
  await until(
    'pgpool answers',
    async () => {
      if (child.exitCode !== null) throw new Error(await readFile(log, 'utf8'))
      seen.settings = await pool.settings().catch((error: unknown) => {
        if (error instanceof Unreachable) return null
        throw error
      })
      return seen.settings !== null
    },
    60_000,
  )
  if (seen.settings === null) throw new Error('no settings')
  return seen.settings
}

// Before 4.2 the clustering mode was several parameters, and ALWAYS_PRIMARY had another name.
const knowsFragments = isRelease((await findPrograms(null)).pgpoolVersion, 4, 2)

describe('the real pgpool', () => {
  it('refuses to start with a doubled quote, as PostgreSQL would take it', async () => {
    await expect(readBack(`${await ground()}failover_command = 'a''b'\n`)).rejects.toThrow(
      /synt[ae]x error in configuration file/,
    )
  })

  it('reads every value back as it was given, by whatever way it was written', async () => {
    const site = String.raw`/site/failover.sh \'%d\' "C:\\x" $HOME # %h`
    const own = `${await ground()}failback_command = '/site/before'\n`
    const text = addFence(
      addSettings(setValues(own, {failback_command: site}), {recovery_user: 'a "b" c'}),
      'promote-1',
      {failover_command: site},
    )
    const settings = await readBack(text)
    expect(settings.get('failover_command')).toBe(site)
    expect(settings.get('failback_command')).toBe(site)
    expect(settings.get('recovery_user')).toBe('a "b" c')
    expect(removeFence(text)).not.toContain('failover_command')
  })

  it.skipIf(!knowsFragments).each([
    ['aurora', 'shop.cluster-x.eu-west-1.rds.amazonaws.com', 'shop.cluster-ro-x.eu-west-1.rds.amazonaws.com'],
    ['kubernetes', 'shop-rw.shop.svc', 'shop-ro.shop.svc'],
  ])('starts with the fragment for %s, and takes all of it', async (variant, writer, reader) => {
    const [file] = await renderVariant(variant, {writer, reader, port: '5433'})
    const fragment = file?.text ?? ''
    const settings = await readBack((await ground()) + fragment)
    const wanted = fragment.split('\n').flatMap((line): [string, string][] => {
      const [, name, value] = /^(\w+) = '?(.*?)'?$/.exec(line) ?? []
      return name === undefined ? [] : [[name, value ?? '']]
    })
    expect(wanted.length).toBeGreaterThan(12)
    const spoken: Record<string, string[]> = {
      off: ['off', '0'],
      on: ['on', '1'],
      streaming_replication: ['1', 'streaming_replication'],
    }
    const other = wanted.filter(([name, value]) => {
      const reported = settings.get(name)
      if (name.startsWith('backend_flag')) {
        // pgpool says the flags in words of its own, in no promised order.
        return value.split('|').some((flag) => !(reported ?? '').includes(flag))
      }
      return reported === undefined || !(spoken[value] ?? [value]).includes(reported)
    })
    expect(other.map(([name, value]) => [name, value, settings.get(name)])).toEqual([])
  })
})

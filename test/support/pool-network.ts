/**
 * A network namespace for each pgpool, joined to the servers by a bridge, so that a link can be cut. The addresses stay those of the lab:
 * 127.0.0.0/8 can be routed once a device is told so (route_localnet), and in a namespace it is taken from the loopback device.
 * On the bridge's side the route of each address goes into the local table, which is looked at first and has all of 127.0.0.0/8.
 */
import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import {serverEnvironment} from '../../src/lab/run.js'
import type {LabSpec} from '../../src/lab/spec.js'
import type {WatchdogPool} from './watchdog-pools.js'

const execute = promisify(execFile)
const ip = (...args: string[]): Promise<unknown> => execute('ip', args, {timeout: 20_000})

/** Null: this machine lets us make them. */
export async function namespacesFail(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'only root can make network namespaces'
  const name = `pctl${process.pid}t`
  try {
    await ip('netns', 'add', name)
    await ip('link', 'add', `${name}v`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    return null
  } catch (error) {
    return `this machine makes no network namespaces: ${String((error as {stderr?: string}).stderr ?? error)}`
  } finally {
    await ip('netns', 'del', name).catch(() => undefined)
  }
}

export class PoolNetwork {
  readonly #bridge = `pctl${process.pid}`
  readonly #pools: readonly WatchdogPool[]
  readonly #spec: LabSpec

  private constructor(spec: LabSpec, pools: readonly WatchdogPool[]) {
    this.#spec = spec
    this.#pools = pools
  }

  static async make(spec: LabSpec, pools: readonly WatchdogPool[]): Promise<PoolNetwork> {
    const network = new PoolNetwork(spec, pools)
    try {
      await network.#build()
      return network
    } catch (error) {
      await network.remove()
      throw error
    }
  }

  async #build(): Promise<void> {
    const [first] = this.#pools
    const gateway = (first?.address ?? '').replace(/\d+$/, '1')
    await ip('link', 'add', this.#bridge, 'type', 'bridge')
    await ip('link', 'set', this.#bridge, 'up')
    await execute('sysctl', ['-qw', `net.ipv4.conf.${this.#bridge}.route_localnet=1`])
    await ip('addr', 'add', `${gateway}/32`, 'dev', this.#bridge)
    for (const pool of this.#pools) {
      const name = this.#name(pool)
      await ip('netns', 'add', name)
      await ip('link', 'add', this.#link(pool), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
      await ip('link', 'set', this.#link(pool), 'master', this.#bridge, 'up')
      await this.#inside(pool, 'ip', 'link', 'set', 'lo', 'up')
      await this.#inside(pool, 'ip', 'link', 'set', 'eth0', 'up')
      const devices = ['all', 'eth0'].map((device) => `net.ipv4.conf.${device}.route_localnet=1`)
      await this.#inside(pool, 'sysctl', '-qw', ...devices)
      await this.#inside(pool, 'ip', 'route', 'del', 'local', '127.0.0.0/8', 'dev', 'lo', 'table', 'local')
      await this.#inside(pool, 'ip', 'addr', 'add', `${pool.address}/24`, 'dev', 'eth0')
      await ip('route', 'add', pool.address, 'dev', this.#bridge, 'table', 'local', 'scope', 'link', 'src', gateway)
    }
  }

  #name({id}: WatchdogPool): string {
    return `${this.#bridge}-${id}`
  }

  #link({id}: WatchdogPool): string {
    return `${this.#bridge}v${id}`
  }

  #inside(pool: WatchdogPool, ...command: string[]): Promise<unknown> {
    return execute('ip', ['netns', 'exec', this.#name(pool), ...command], {timeout: 20_000})
  }

  /** As the servers' user, with what marks it as the lab's. */
  async run(pool: WatchdogPool, command: readonly string[]): Promise<void> {
    const {uid, gid} = this.#spec.user
    const as = uid === null ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups']
    await execute('ip', ['netns', 'exec', this.#name(pool), ...as, ...command], {
      cwd: this.#spec.directory,
      env: serverEnvironment(this.#spec),
      timeout: 60_000,
    })
  }

  /** Both directions, as when a cable is pulled at the switch. */
  async cut(pool: WatchdogPool): Promise<void> {
    await ip('link', 'set', this.#link(pool), 'down')
  }

  async mend(pool: WatchdogPool): Promise<void> {
    await ip('link', 'set', this.#link(pool), 'up')
  }

  /** With the bridge go the routes, with a namespace its end of the link. What was never made is fine. */
  async remove(): Promise<void> {
    for (const pool of this.#pools) {
      await ip('link', 'del', this.#link(pool)).catch(() => undefined)
      await ip('netns', 'del', this.#name(pool)).catch(() => undefined)
    }
    await ip('link', 'del', this.#bridge).catch(() => undefined)
  }
}

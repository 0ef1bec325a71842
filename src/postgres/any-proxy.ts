/** SQL through whichever pgpool of the site answers, in the order of the cluster file: a client's virtual address would lead there too. */
import type {Prober, Proxy} from '../ports/pool.js'

type Closing = Proxy & {close(): Promise<void>}

export function createAnyProxy([first, ...others]: readonly [Closing, ...Closing[]]): Closing {
  return others.length === 0 ? first : new AnyProxy([first, ...others])
}

class AnyProxy implements Closing {
  readonly #proxies: readonly [Closing, ...Closing[]]

  constructor(proxies: readonly [Closing, ...Closing[]]) {
    this.#proxies = proxies
  }

  async readServedBy(): Promise<{address: string; port: number} | null> {
    for (const proxy of this.#proxies) {
      const served = await proxy.readServedBy()
      if (served !== null) return served
    }
    return null
  }

  /** The first one's, when none answers. */
  async refusal(): Promise<string | null> {
    const said = await Promise.all(this.#proxies.map((proxy) => proxy.refusal()))
    return said.includes(null) ? null : (said[0] ?? null)
  }

  /** The same one for all of its time: what it wrote is read back there. The first when nobody answers, which is an outage. */
  async startProber(): Promise<Prober> {
    for (const proxy of this.#proxies) if ((await proxy.readServedBy()) !== null) return proxy.startProber()
    return this.#proxies[0].startProber()
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
  }
}

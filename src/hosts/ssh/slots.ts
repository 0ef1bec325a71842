/** sshd refuses more than MaxSessions channels on a connection; its default is 10 (sshd_config(5)). */
export const MAX_CHANNELS = 8

/** At most `size` at a time; the others wait in order. */
export class Slots {
  readonly #size: number
  #taken = 0
  readonly #waiting: (() => void)[] = []

  constructor(size: number) {
    this.#size = size
  }

  /** Waits for a slot; the function gives it back, and may be called more than once. */
  async take(): Promise<() => void> {
    if (this.#taken >= this.#size) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#taken += 1
    let held = true
    return () => {
      if (!held) return
      held = false
      const next = this.#waiting.shift()
      // The slot passes from hand to hand: freeing it first would let a newcomer in before those who wait.
      if (next) next()
      else this.#taken -= 1
    }
  }

  async use<T>(act: () => Promise<T>): Promise<T> {
    const release = await this.take()
    try {
      return await act()
    } finally {
      release()
    }
  }
}

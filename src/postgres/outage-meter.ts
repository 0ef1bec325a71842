/** The arithmetic of the prober: pure, so that it can be tested without a server. */

/** The longest stretch without an acknowledgement, from `begin` to `end`. Moments in milliseconds of one monotonic clock. */
export class GapMeter {
  #last: number | null = null
  #longest = 0
  #marks = 0
  #ended = false

  /** Measuring begins here: the first gap runs from this moment, and earlier marks count for nothing but "it can". */
  begin(at: number): void {
    this.#last = at
    this.#longest = 0
  }

  mark(at: number): void {
    // An answer that arrives while we are stopping belongs to an act from before; the gap was closed by `end`.
    if (!this.#ended) this.#close(at)
    this.#marks += 1
  }

  /** The stretch up to now counts too: an outage that is still on is the longest of all. */
  end(at: number): void {
    this.#close(at)
    this.#ended = true
  }

  /** Rounded to milliseconds; null when nothing was ever acknowledged. */
  longestSeconds(): number | null {
    return this.#marks === 0 ? null : Math.round(this.#longest) / 1000
  }

  #close(at: number): void {
    if (this.#last !== null) this.#longest = Math.max(this.#longest, at - this.#last)
    this.#last = at
  }
}

/** Rising numbers, kept as ranges: hours of writes with a few breaks stay a few pairs. */
export class NumberRanges {
  readonly #ranges: {low: number; high: number}[] = []
  count = 0

  /** Numbers come in rising order. */
  add(n: number): void {
    this.count += 1
    const last = this.#ranges.at(-1)
    if (last?.high === n - 1) last.high = n
    else this.#ranges.push({low: n, high: n})
  }

  bounds(): {lows: number[]; highs: number[]} {
    return {lows: this.#ranges.map((r) => r.low), highs: this.#ranges.map((r) => r.high)}
  }
}

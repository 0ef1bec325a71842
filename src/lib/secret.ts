/** A value that prints as dots and refuses to be serialised, so that leaving it out of a log is not a matter of memory. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The clear text. Callers hand it to a driver at once and never keep it. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '••••'
  }

  toJSON(): string {
    return '••••'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '••••'
  }
}

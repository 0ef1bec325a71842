/** The end of an exhaustive switch: a new member of the union becomes a compile error, and at run time our bug. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`)
}

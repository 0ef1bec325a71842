/** Payloads of requests. */

/** NUL-terminated strings, one after the other, as UTF-8. Throws on a NUL inside: it would shift every later field. */
export function cstrings(...texts: readonly string[]): Buffer {
  for (const text of texts) {
    if (text.includes('\0')) throw new Error('a PCP string cannot hold a NUL')
  }
  return Buffer.from(texts.map((text) => `${text}\0`).join(''), 'utf8')
}

/** Letters without a terminator, as stop, reload and log rotation take them. */
export function letters(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

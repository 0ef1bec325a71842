/**
 * The one place where words become shell text. POSIX single quotes keep every byte but the quote itself (POSIX 2.2.2), and
 * nothing else is ever used: not backslashes, not double quotes, so that there is one rule to prove.
 */

/** `word` as one word of a POSIX shell. Throws on NUL, which no process argument can hold: our bug, callers check paths. */
export function shellWord(word: string): string {
  if (word.includes('\0')) throw new Error('a shell word cannot hold NUL')
  return `'${word.replaceAll("'", `'\\''`)}'`
}

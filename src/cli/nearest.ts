/** Did you mean: suggested, never run. */

/** The known word nearest to `typed`, or null when none is near: more than a third of it mistyped is another word. */
export function nearest(typed: string, known: readonly string[]): string | null {
  let best: {word: string; distance: number} | null = null
  for (const word of known) {
    const distance = editDistance(typed, word)
    if (distance <= Math.max(1, Math.floor(word.length / 3)) && distance < (best?.distance ?? Infinity)) {
      best = {word, distance}
    }
  }
  return best?.word ?? null
}

/** Levenshtein's: insertions, deletions and replacements that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({length: b.length + 1}, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

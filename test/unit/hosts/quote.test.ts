import {execFileSync} from 'node:child_process'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {commandLine, quoteWord} from '../../../src/hosts/quote.js'

/** The words as a real shell understands the line, each followed by NUL. */
function heard(line: string): string[] {
  const output = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`])
  return output.toString('utf8').split('\0').slice(0, -1)
}

describe('quoting for a POSIX shell', () => {
  it.each([
    ['a newline', 'one\ntwo'],
    ['a command substitution', '$(touch x)`touch y`'],
    ['quotes of both kinds', `it's "so"`],
    ['only quotes', `''''`],
    ['nothing', ''],
    ['a leading dash and an option', '-rf'],
    ['pattern characters and a tilde', '~/*?[a]'],
    ['backslashes before a quote', `\\'\\\\`],
    ['a trailing newline', 'end\n'],
  ])('keeps %s as it is', (_, word) => {
    expect(heard(quoteWord(word))).toEqual([word])
  })

  it('keeps any words, in number and content, as a real sh reads them', () => {
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom("'", '"', '$', '`', '\\', '\n', ' ', '!', '('), fc.string({unit: 'binary'})),
    })
    const word = text.map((s) => Buffer.from(s.replaceAll('\0', ''), 'utf8').toString('utf8'))
    fc.assert(
      fc.property(fc.array(word, {minLength: 1, maxLength: 5}), (words) => {
        expect(heard(commandLine(words))).toEqual(words)
      }),
      {numRuns: 150},
    )
  })

  it('refuses NUL, which would cut the word in two', () => {
    expect(() => quoteWord('a\0b')).toThrow('cannot hold NUL')
  })
})

import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {CODES} from '../../../src/output/explain/explain.js'

const SRC = join(import.meta.dirname, '..', '..', '..', 'src')
/** Upper-case words in quotes that are no codes: environment variables and names of others. */
const OTHER =
  /^(POOLCTL|PG|XDG|SSH_AUTH|NO_COLOR|FORCE_COLOR|CLICOLOR|LC|ALWAYS|DISALLOW|ALLOW_TO|UV|CERT|UNABLE|DEPTH|SELF|HOSTNAME|ERR)/

function codesInSource(): string[] {
  const files = readdirSync(SRC, {recursive: true, encoding: 'utf8'}).filter(
    (f) => f.endsWith('.ts') && !f.startsWith('output/explain/'),
  )
  const found = files.flatMap((file) => {
    const text = readFileSync(join(SRC, file), 'utf8')
    const words = [...text.matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g)].map((match) => match[1]!)
    const single = [...text.matchAll(/\bcode: '([A-Z][A-Z0-9_]+)'/g)].map((match) => match[1]!)
    const first = [...text.matchAll(/\((?:id|node|request\.node|null), '([A-Z]{5,})'/g)].map((match) => match[1]!)
    return [...words, ...single, ...first]
  })
  return [...new Set(found)]
    .filter((word) => (word.startsWith('PGPOOL') || !OTHER.test(word)) && !/^E[A-Z]+$/.test(word))
    .toSorted()
}

test('every code in the source is explained', () => {
  expect(codesInSource().filter((code) => !CODES.has(code))).toEqual([])
})

test('nothing is explained that the source does not say', () => {
  const known = new Set(codesInSource())
  expect([...CODES.keys()].filter((code) => !known.has(code))).toEqual([])
})

test('every explanation is a sentence', () => {
  expect([...CODES].filter(([, text]) => !/^[-A-Za-z0-9].{20,}\S$/s.test(text)).map(([code]) => code)).toEqual([])
})

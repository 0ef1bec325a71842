import {describe, expect, it} from 'vitest'
import {ConfigError} from '../../../src/lib/errors.js'
import {count, fill, setting, word} from '../../../src/templates/template.js'

describe('a filled template', () => {
  it('has each value quoted for the place where it stands', () => {
    const text = fill('t', 'a=@@word@@ b=@@number@@ c = @@setting@@ # @@comment@@\nrows=@@rows@@', {
      word: word(`it's $(rm -rf /) "\`x\` $& \\`),
      number: count(7),
      setting: setting(String.raw`o'clock \ %`),
      comment: {kind: 'comment', text: 'shöp'},
      rows: {
        kind: 'rows',
        rows: [
          ['0', "db'0", null],
          ['1', 'db 1', ''],
        ],
      },
    })
    expect(text).toBe(
      `a='it'\\''s $(rm -rf /) "\`x\` $& \\' b=7 c = 'o''clock \\\\ %' # sh?p\nrows='0\tdb'\\''0\t-\n1\tdb 1\t-'`,
    )
  })

  it('is refused with a gap, and with a value that no placeholder asks for', () => {
    expect(() => fill('t', '@@one@@ @@two@@', {one: word('1')})).toThrow(
      'template t has placeholders without a value: two',
    )
    expect(() => fill('t', '@@one@@', {one: word('1'), three: word('3')})).toThrow(
      'template t has no placeholder for: three',
    )
  })

  it('is refused with a value that would end its line or its column', () => {
    for (const value of [word('a\nb'), setting('a\rb'), word('a\0b')])
      expect(() => fill('t', '@@x@@', {x: value})).toThrow(ConfigError)
    for (const cell of ['a\tb', 'a\nb', '-']) {
      expect(() => fill('t', '@@x@@', {x: {kind: 'rows', rows: [[cell]]}})).toThrow(ConfigError)
    }
    expect(() => fill('t', '@@x@@', {x: count(-1)})).toThrow('x is no number: -1')
  })
})

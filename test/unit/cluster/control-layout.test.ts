import {expect, test} from 'vitest'
import {layoutDifferences, parseControlLayout} from '../../../src/cluster/control-layout.js'

const TEXT = `pg_control version number:            1300
Maximum data alignment:               8
Database block size:                  8192
Blocks per segment of large relation: 131072
WAL block size:                       8192
Bytes per WAL segment:                16777216
Maximum length of identifiers:        64
Maximum columns in an index:          32
Maximum size of a TOAST chunk:        1996
Size of a large-object chunk:         2048
Date/time type storage:               64-bit integers
Float8 argument passing:              by value
Data page checksum version:           1
`

test('what pg_controldata prints of the layout is read, and nothing else', () => {
  expect(parseControlLayout(TEXT)).toEqual({
    'Maximum data alignment': '8',
    'Database block size': '8192',
    'Blocks per segment of large relation': '131072',
    'WAL block size': '8192',
    'Maximum length of identifiers': '64',
    'Maximum columns in an index': '32',
    'Maximum size of a TOAST chunk': '1996',
    'Size of a large-object chunk': '2048',
    'Date/time type storage': '64-bit integers',
    'Float8 argument passing': 'by value',
  })
  expect(parseControlLayout('')).toBeNull()
})

test('a line that one version does not print is no difference', () => {
  const old = parseControlLayout(TEXT)!
  const fresh = parseControlLayout(TEXT.replace('8192', '16384').replace(/^Float8.*\n/m, ''))!
  expect(layoutDifferences(old, fresh)).toEqual([{key: 'Database block size', old: '8192', fresh: '16384'}])
  expect(layoutDifferences(old, old)).toEqual([])
})

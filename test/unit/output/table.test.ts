import {describe, expect, test} from 'vitest'
import {nodeId} from '../../../src/cluster/node-id.js'
import type {PoolNode} from '../../../src/cluster/pool-node.js'
import {outageText} from '../../../src/output/text/operation.js'
import {nodeInfoText} from '../../../src/output/text/pool-nodes.js'
import {displayWidth, table, wrap} from '../../../src/output/table.js'
import type {Style} from '../../../src/output/style.js'

const at = (columns: number, wide = false): Style => ({columns, color: false, wide})
const node = (id: number, rest: Partial<PoolNode>): PoolNode => ({
  id: nodeId(id),
  hostname: `10.0.0.1${id}`,
  port: 5432,
  status: 'up',
  statusCode: 2,
  weight: 0.5,
  role: 'standby',
  backendStatus: 'up',
  backendRole: 'standby',
  replicationDelay: 0,
  replicationDelayUnit: 'bytes',
  replicationState: 'streaming',
  replicationSyncState: 'async',
  lastStatusChange: '2026-11-25T16:42:10Z',
  rawFields: null,
  ...rest,
})
const DATA = {
  pool: 'proxy1 (127.0.0.1:9898)',
  nodes: [
    node(0, {role: 'primary', backendRole: 'primary', replicationState: null, replicationSyncState: null}),
    node(1, {status: 'down', replicationDelay: 16_777_216, hostname: 'evil\u001b[2Jname'}),
    node(2, {backendStatus: null, backendRole: null, replicationDelay: null, lastStatusChange: null}),
  ],
}

describe('node-info', () => {
  test('at 80 columns leaves out whole columns and names them', () => {
    expect(nodeInfoText(DATA, at(80))).toBe(`pgpool proxy1 (127.0.0.1:9898)

NODE  HOST             PORT  STATUS  ROLE     SERVER  SERVER ROLE  WEIGHT  DELAY
   0  10.0.0.10        5432  up      primary  up      primary        0.50    0 B
   1  evil\\x1b[2Jname  5432  down    standby  up      standby        0.50  16 MB
   2  10.0.0.12        5432  up      standby  -       -              0.50      -
(left out to fit: since, replication, sync; all with --output wide)`)
  })

  test('at 120 columns shows more', () => {
    expect(nodeInfoText(DATA, at(120))).toBe(`pgpool proxy1 (127.0.0.1:9898)

NODE  HOST             PORT  STATUS  ROLE     SERVER  SERVER ROLE  WEIGHT  DELAY  REPLICATION  SINCE
   0  10.0.0.10        5432  up      primary  up      primary        0.50    0 B  -            2026-11-25T16:42:10Z
   1  evil\\x1b[2Jname  5432  down    standby  up      standby        0.50  16 MB  streaming    2026-11-25T16:42:10Z
   2  10.0.0.12        5432  up      standby  -       -              0.50      -  streaming    -
(left out to fit: sync; all with --output wide)`)
  })

  test('wide shows everything', () => {
    const lines = nodeInfoText(DATA, at(80, true)).split('\n')
    expect(lines[2]?.trim().endsWith('REPLICATION  SYNC   SINCE')).toBe(true)
    expect(lines.some((line) => line.includes('left out'))).toBe(false)
  })

  test.each([80, 100, 120])('never prints a line beyond %d columns', (columns) => {
    const widths = nodeInfoText(DATA, at(columns)).split('\n').map(displayWidth)
    expect(Math.max(...widths)).toBeLessThanOrEqual(columns)
  })

  test('says in a word what a colour says', () => {
    const plain = nodeInfoText(DATA, at(120))
    const painted = nodeInfoText(DATA, {...at(120), color: true})

    expect(painted.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain)
    expect(painted).not.toBe(plain)
  })
})

test('wide characters and combining marks keep columns in line', () => {
  const rows = [{name: '数据库'}, {name: 'e\u0301a'}, {name: 'plain'}]
  const text = table(
    [
      {heading: 'name', cell: (r: {name: string}) => r.name},
      {heading: 'x', cell: () => 'x'},
    ],
    rows,
    at(80),
  )
  expect(text.split('\n').map((line) => displayWidth(line))).toEqual([9, 9, 9, 9])
})

test('wrapping keeps the margin and never cuts a word', () => {
  expect(wrap('  one two three four /a/very/long/path/that/is/kept', 12, '    ')).toBe(
    '  one two\n    three\n    four\n    /a/very/long/path/that/is/kept',
  )
})

test('an outage is one sentence with its figures', () => {
  expect(
    [
      {writesStoppedSeconds: 3.21, readsStoppedSeconds: 0, acknowledgedWrites: 41_233, lostWrites: 0},
      {writesStoppedSeconds: null, readsStoppedSeconds: 1, acknowledgedWrites: 0, lostWrites: null},
    ].map(outageText),
  ).toEqual([
    'writes stopped 3.2 s, 0 of 41,233 acknowledged writes lost',
    'writes never succeeded, reads stopped 1.0 s, 0 writes acknowledged, could not be read back',
  ])
})

test('a row of a newer pgpool is shown as it was sent, each value apart and harmless', () => {
  const text = nodeInfoText(
    {pool: 'proxy1', nodes: [node(1, {weight: null, rawFields: ['db', 'a b', '\u001b[2J']})]},
    at(100),
  )
  expect(text).toContain('as it was sent:\n  node 1: "db" "a b" "\\u001b[2J"')
})

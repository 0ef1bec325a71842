import {describe, expect, it} from 'vitest'
import {movedClusterFile} from '../../../src/cluster/config/move.js'

const MOVE = {id: 1, data: '/pg/15/main', bin: '/usr/lib/postgresql/15/bin', work: '/pg/13/main.poolctl'}

describe('a cluster file after an upgrade', () => {
  it('keeps every other byte of a block style file, and says where locks and records are', () => {
    const before = `# ours
cluster: shop   # the shop
nodes:
  - id: 1
    host: db1
    data: /pg/13/main   # SSD
    bin: '/usr/lib/postgresql/13/bin'
  - id: 2
    host: db2
    data: /pg/13/main
    bin: /usr/lib/postgresql/13/bin
`
    expect(movedClusterFile(before, [MOVE], 'f')).toBe(`# ours
cluster: shop   # the shop
nodes:
  - id: 1
    host: db1
    data: "/pg/15/main"   # SSD
    bin: "/usr/lib/postgresql/15/bin"
    work: "/pg/13/main.poolctl"
  - id: 2
    host: db2
    data: /pg/13/main
    bin: /usr/lib/postgresql/13/bin
`)
  })

  it('keeps a flow style file in one line, and is the same when it is moved twice', () => {
    const before = 'nodes:\n  - {"id":1,"data":"/pg/13/main","bin":"/b/13","service":"pg_ctl"}\n'
    const after = movedClusterFile(before, [MOVE], 'f')
    expect(after).toBe(
      'nodes:\n  - {"id":1,"data":"/pg/15/main","bin":"/usr/lib/postgresql/15/bin", "work": "/pg/13/main.poolctl","service":"pg_ctl"}\n',
    )
    expect(movedClusterFile(after, [MOVE], 'f')).toBe(after)
  })

  it('no longer names a new version that has become the own one', () => {
    const before = 'nodes:\n  - id: 1\n    data: /a\n    bin: /b\n    upgrade:\n      bin: /c\n'
    expect(movedClusterFile(before, [MOVE], 'f')).not.toContain('upgrade')
  })

  it('is not written when a node is gone from it', () => {
    expect(() => movedClusterFile('nodes: []\n', [MOVE], 'f')).toThrow('node 1 is no longer in cluster file f')
  })
})

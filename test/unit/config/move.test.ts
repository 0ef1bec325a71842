import {describe, expect, it} from 'vitest'
import {movedClusterFile, type Move} from '../../../src/cluster/config/move.js'

const MOVE: Move = {
  ...{id: 1, data: '/pg/15/main', bin: '/usr/lib/postgresql/15/bin', work: '/pg/13/main.poolctl'},
  ...{config: null, service: {kind: 'pg_ctl'}},
}

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

  it('names the configuration and what starts the server, as a unit or as words in whatever style', () => {
    const etc = (major: number): string => `/etc/postgresql/${major}/main/postgresql.conf`
    const block = `nodes:
  - id: 1
    data: /pg/13/main
    bin: /b/13
    config: ${etc(13)}
    service:
      start: [pg_ctlcluster, '13', main, start]
      stop: [pg_ctlcluster, '13', main, stop]
    work: /w
    port: 5433
`
    const words = (verb: string): string[] => ['pg_ctlcluster', '15', 'main', verb]
    const service = {kind: 'commands' as const, start: words('start'), stop: words('stop'), reload: null}
    expect(movedClusterFile(block, [{...MOVE, config: etc(15), service}], 'f')).toBe(`nodes:
  - id: 1
    data: "/pg/15/main"
    bin: "/usr/lib/postgresql/15/bin"
    config: "${etc(15)}"
    service:
      {"start":["pg_ctlcluster","15","main","start"],"stop":["pg_ctlcluster","15","main","stop"]}
    work: "/pg/13/main.poolctl"
    port: 5433
`)
    const flow = 'nodes:\n  - {id: 1, data: /pg/13/main, bin: /b/13, service: postgresql@13-main, work: /w}\n'
    const unit = {kind: 'systemd' as const, unit: 'postgresql@15-main'}
    expect(movedClusterFile(flow, [{...MOVE, service: unit}], 'f')).toBe(
      'nodes:\n  - {id: 1, data: "/pg/15/main", bin: "/usr/lib/postgresql/15/bin", service: "postgresql@15-main", work: "/pg/13/main.poolctl"}\n',
    )
  })

  it('is not written when a node is gone from it', () => {
    expect(() => movedClusterFile('nodes: []\n', [MOVE], 'f')).toThrow('node 1 is no longer in cluster file f')
  })

  it('gives what was for the new version alone no second time', () => {
    const before = 'nodes:\n  - {id: 1, data: /pg/13/main, bin: /b/13}\nupgrade: {settings: {work_mem: 8MB}}\n'
    expect(movedClusterFile(before, [MOVE], 'f')).toBe(
      'nodes:\n  - { id: 1, data: /pg/15/main, bin: /usr/lib/postgresql/15/bin, work: /pg/13/main.poolctl }\n',
    )
  })
})

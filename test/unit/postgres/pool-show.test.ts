import {describe, expect, it} from 'vitest'
import {withMode} from '../../../src/postgres/pool-show.js'

const before42 = (replication: string, standbys: string, sub: string): Map<string, string> =>
  new Map([
    ['replication_mode', replication],
    ['master_slave_mode', standbys],
    ['master_slave_sub_mode', sub],
  ])

describe('the clustering mode that pgpool shows', () => {
  it.each([
    ['off', 'on', 'stream', 'streaming_replication'],
    ['off', 'on', 'logical', 'logical_replication'],
    ['on', 'off', 'stream', 'native_replication'],
    ['off', 'off', 'stream', 'raw'],
    ['off', 'on', 'something else', undefined],
  ])('is read from replication %s, standbys %s (%s) before 4.2: %s', (replication, standbys, sub, mode) => {
    expect(withMode(before42(replication, standbys, sub)).get('backend_clustering_mode')).toBe(mode)
  })

  it('stays what it is from 4.2 on, and unknown where nothing tells', () => {
    expect(withMode(new Map([['backend_clustering_mode', 'raw']]))).toEqual(
      new Map([['backend_clustering_mode', 'raw']]),
    )
    expect(withMode(new Map())).toEqual(new Map())
  })
})

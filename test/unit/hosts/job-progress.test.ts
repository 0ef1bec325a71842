import {describe, expect, it} from 'vitest'
import {jobStateFrom} from '../../../src/hosts/job-progress.js'
import {pageCheckFrom} from '../../../src/hosts/page-check.js'

const printed = (...fields: string[]): Buffer => Buffer.from(fields.map((field) => `${field}\0`).join(''))
const STATS = `
Number of files: 10
Total transferred file size: 1000 bytes
Total bytes sent: 20
Total bytes received: 3,000
`

describe('the state of a job', () => {
  it('is absent when the host says nothing', () => {
    expect(jobStateFrom(Buffer.alloc(0))).toEqual({state: 'absent'})
  })

  it('adds up the workers while it runs, and does not guess the bytes on the wire', () => {
    const running = '     32,768   3%    0.00kB/s    0:00:00\r    500   10%  1.00MB/s    0:00:01  '
    const output = printed(
      'state',
      'running',
      'total',
      '5000\n',
      'phase',
      'copying\n',
      'stderr',
      '',
      'out',
      running,
      'out',
      STATS,
    )
    expect(jobStateFrom(output)).toEqual({
      state: 'running',
      bytesDone: 1500,
      bytesTotal: 5000,
      wireBytes: null,
      lastLine: 'copying',
    })
  })

  it('counts the bytes on the wire of all workers at the end', () => {
    expect(jobStateFrom(printed('state', 'ended', 'status', '0\n', 'out', STATS, 'out', STATS))).toEqual({
      state: 'ended',
      exitStatus: 0,
      wireBytes: 6040,
      stderrTail: '',
    })
  })

  it('is lost when it could not write how it ended, and never taken for one that ended well', () => {
    for (const status of ['', '\n', '...\n']) {
      expect(
        jobStateFrom(printed('state', 'ended', 'status', status, 'stderr', '\nNo space left on device\n')),
      ).toEqual({state: 'lost', stderrTail: 'No space left on device'})
    }
  })

  it('knows no wire bytes when a worker was cut off', () => {
    const output = printed('state', 'ended', 'status', '12', 'stderr', 'rsync: broken\n', 'out', STATS, 'out', 'x')
    expect(jobStateFrom(output)).toEqual({state: 'ended', exitStatus: 12, wireBytes: null, stderrTail: 'rsync: broken'})
  })

  it('reads the progress of pg_rewind, of which the last drawing counts', () => {
    const stderr = 'pg_rewind: connected to server\n 10/400 kB (2%) copied\r200/400 kB (50%) copied'
    expect(jobStateFrom(printed('state', 'running', 'stderr', stderr, 'phase', 'rewinding\n'))).toEqual({
      state: 'running',
      bytesDone: 200 * 1024,
      bytesTotal: 400 * 1024,
      wireBytes: null,
      lastLine: 'rewinding',
    })
  })
})

describe('what pg_checksums printed', () => {
  const counts = (bad: number): string =>
    `Checksum operation completed\nFiles scanned:   940\nBlocks scanned:  2839\nBad checksums:  ${bad}\nData checksum version: 1\n`

  it('is clean only with status 0 and a count of 0', () => {
    expect(pageCheckFrom(`${counts(0)}poolctl-status 0\n`)).toEqual({kind: 'clean', files: 940, blocks: 2839})
  })

  it('names the bad blocks', () => {
    const bad =
      'pg_checksums: error: checksum verification failed in file "x/base/5/1", block 7: calculated A but block contains B'
    expect(pageCheckFrom(`${bad}\n${counts(1)}poolctl-status 1\n`)).toEqual({
      kind: 'damaged',
      badBlocks: 1,
      detail: bad,
    })
  })

  it('is impossible when it did not get to the end', () => {
    expect(pageCheckFrom('pg_checksums: error: could not open file "x"\npoolctl-status 1\n')).toEqual({
      kind: 'impossible',
      reason: 'pg_checksums ended with status 1: pg_checksums: error: could not open file "x"',
    })
  })
})

import {describe, expect, it} from 'vitest'
import {readBelief} from '../../../src/lab/pcp-tools.js'
import {refuseLongPath} from '../../../src/lab/pgpool-server.js'
import {demoText, downText, killedText, progressLine, shellWord} from '../../../src/lab/text.js'

describe('readBelief', () => {
  it.each([
    ['127.1.1.10 5432 3 0.500000 down standby 0   2026-11-25 12:00:00', {status: 'down', role: 'standby'}],
    [
      '127.1.1.10 5432 2 0.333333 up up primary primary 0 none none 2026-11-25 12:00:00',
      {status: 'up', role: 'primary'},
    ],
    ['127.1.1.10 5432 1 0.5 waiting unknown slave unknown 0 none none 2026', {status: 'waiting', role: 'replica'}],
    ['127.1.1.10 5432 2 0.5 up up main unknown 0 none none 2026', {status: 'up', role: 'main'}],
  ])('reads %j', (line, belief) => {
    expect(readBelief(line)).toEqual(belief)
  })

  it.each(['', 'ERROR: connection refused', '127.1.1.10 5432 2 0.5 up'])('does not guess from %j', (line) => {
    expect(() => readBelief(line)).toThrow(/pcp_node_info answered/)
  })
})

describe('shellWord', () => {
  it.each([
    ['/var/tmp/lab', '/var/tmp/lab'],
    ['/tmp/a b', "'/tmp/a b'"],
    ["it's", String.raw`'it'\''s'`],
    ['', "''"],
    ['$(x)', "'$(x)'"],
  ])('of %j is %s', (text, word) => {
    expect(shellWord(text)).toBe(word)
  })
})

describe('the commands say', () => {
  it('when something was done, in one column', () => {
    expect(progressLine(3.14, 'node 0: running')).toBe('  3.1 s  node 0: running')
  })

  it('what pgpool believes after a kill', () => {
    const killed = {
      node: 1,
      fault: 'wipe' as const,
      processesEnded: 6,
      done: ['/d is empty'],
      pool: [
        {status: 'up', role: 'primary'},
        {status: 'down', role: 'standby'},
      ],
      seconds: 4,
    }
    expect(killedText(killed)).toBe(
      'Node 1 was killed\n  /d is empty\npgpool says: node 0 primary up, node 1 standby down',
    )
    expect(killedText({...killed, fault: 'diverge', done: [], pool: null})).toBe(
      'Node 1 has diverged\npgpool says: nothing, it does not answer',
    )
  })

  it('what was taken down, or that nothing was there', () => {
    const down = {directory: '/d', found: true, processesEnded: 44, segmentsRemoved: 5, seconds: 1.23}
    expect(downText(down)).toBe('The lab is down (1.2 s): 44 processes ended, 5 shared memory segments and /d removed')
    expect(downText({...down, found: false})).toBe('There is no lab in /d')
  })

  it('the three views, what was not as promised, and last how to take the lab down', () => {
    const lines = demoText({
      node: 2,
      directory: '/d',
      clusterFile: '/d/poolctl.yaml',
      recoverySeconds: 6.54,
      bytesOnWire: 3 * 1024 ** 2,
      method: 'delta',
      acknowledgedWrites: 1234,
      lostWrites: 1,
      longestWriteGapSeconds: 0.2,
      statusTable: 'pgpool and the servers agree.',
      disagreements: [],
      broken: ['1 acknowledged writes are missing, the first is number 3'],
      seconds: 20,
    }).split('\n')
    expect(lines.slice(0, 5)).toEqual([
      'pgpool and the servers agree.',
      '',
      'Not as promised: 1 acknowledged writes are missing, the first is number 3',
      'Recovery of node 2: 6.5 s, 3.0 MB over the wire, method delta',
      'Clients: 1234 writes acknowledged, 1 lost, longest pause 0.20 s',
    ])
    expect(lines.at(-1)).toBe('  poolctl lab down --dir /d')
  })
})

describe('refuseLongPath', () => {
  it('counts bytes, and lets a path through that just fits', () => {
    // 107 bytes less `/proxy/run/.s.PGSQL.29999`.
    const fits = `/${'d'.repeat(81)}`
    expect(() => refuseLongPath(fits)).not.toThrow()
    expect(() => refuseLongPath(`${fits}d`)).toThrow(/1 bytes too long/)
    expect(() => refuseLongPath(`/${'é'.repeat(41)}`)).toThrow(/1 bytes too long/)
  })
})

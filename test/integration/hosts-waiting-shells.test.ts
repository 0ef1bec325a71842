/** Shells that wait on a host for the next act, against a real sshd: faster, and otherwise as if there were none. */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {Ssh2Transport} from '../../src/hosts/ssh/ssh2-transport.js'
import type {ExecResult} from '../../src/hosts/transport.js'
import {eventually, sshDefaults} from '../support/host-site.js'
import {childrenOf, startSshd, type Sshd} from '../support/sshd.js'

const ADDRESS = '127.81.1.12'
const NOTHING = Buffer.alloc(0)
let sshd: Sshd
let transport: Ssh2Transport

async function open(lines: string[] = []): Promise<void> {
  sshd = await startSshd({address: ADDRESS, port: 2283, lines})
  const nobody = {askPassphrase: null, acceptNewHostKey: new Set<string>(), env: {}, keys: new Map()}
  transport = new Ssh2Transport(ADDRESS, 2283, {ssh: sshDefaults(sshd), ...nobody})
}
async function close(): Promise<void> {
  await transport.close()
  await sshd.stop()
}
beforeEach(() => open())
afterEach(close)

const run = (words: string[], input = NOTHING): Promise<ExecResult> =>
  transport.exec(words, {input, deadlineMs: 10_000})

function below(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...below(child)])
}

function waiting(): number[] {
  return below(sshd.pid).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sh\0-c\0IFS= read -r size')
    } catch {
      return false
    }
  })
}

const howMany = (wanted: number): Promise<number> =>
  eventually(
    () => Promise.resolve(waiting().length),
    (count) => count === wanted,
  )

async function withShellsWaiting(): Promise<void> {
  for (let act = 0; act < 2; act += 1) await run(['true'])
  expect(await howMany(2)).toBe(2)
}

describe('shells that wait for the next act', () => {
  it('are there from the second act on, are made good for, and are gone with the connection', async () => {
    await run(['true'])
    await sleep(300)
    expect(waiting()).toEqual([])
    await withShellsWaiting()
    const before = waiting()
    await run(['true'])
    expect(await howMany(2)).toBe(2)
    expect(waiting().filter((pid) => before.includes(pid))).toHaveLength(1)
    await transport.close()
    expect(await howMany(0)).toBe(0)
  })

  it('give a command every word, every byte of its input, its own status and its own stderr', async () => {
    const words = ['name', "it's", 'a\nb', '', '$(x) `y` \\', 'é', 'ends\n']
    const command = ['sh', '-c', 'printf "%s|" "$@"; cat; echo said >&2; exit 7', 'sh', ...words]
    const input = Buffer.from(Array.from({length: 70_000}, (_, at) => at % 256))
    const alone = await run(command, input)
    await withShellsWaiting()
    const [one] = waiting()
    const through = await run(command, input)
    expect(waiting()).not.toContain(one)
    expect(through).toEqual(alone)
    expect(through).toEqual({
      status: 7,
      signal: null,
      stdout: Buffer.concat([Buffer.from(words.map((word) => `${word}|`).join('')), input]),
      stderr: Buffer.from('said\n'),
    })
  })

  it('serve as many acts at once as come', async () => {
    await withShellsWaiting()
    const answers = await Promise.all(Array.from({length: 12}, (_, at) => run(['echo', String(at)])))
    expect(answers.map(({stdout}) => stdout.toString())).toEqual(Array.from({length: 12}, (_, at) => `${at}\n`))
  })

  it('do an act once although they were killed while they waited', async () => {
    const file = join(sshd.directory, 'acts')
    await withShellsWaiting()
    for (const pid of waiting()) process.kill(pid, 'SIGKILL')
    // In that very moment it is not known yet.
    await run(['sh', '-c', 'echo once >>"$1"', 'sh', file])
    expect(readFileSync(file, 'utf8')).toBe('once\n')
  })

  it('are given up for good where the server has no sessions to spare', async () => {
    await close()
    await open(['MaxSessions 1'])
    for (let act = 0; act < 4; act += 1) expect((await run(['echo', String(act)])).stdout.toString()).toBe(`${act}\n`)
    const [one, other] = await Promise.all([run(['echo', 'one']), run(['echo', 'other'])])
    expect([one.stdout.toString(), other.stdout.toString()]).toEqual(['one\n', 'other\n'])
    expect(await howMany(0)).toBe(0)
  })
})

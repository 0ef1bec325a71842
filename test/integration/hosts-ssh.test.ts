/** The way to a machine: host keys, login, channels, lost connections, against a real sshd. */
import {execFileSync, spawn} from 'node:child_process'
import {copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {Secret} from '../../src/lib/secret.js'
import type {PoolctlError} from '../../src/lib/errors.js'
import {holder, hostsFor, nodeAt} from '../support/host-site.js'
import {runAsPostgres, startSshd, type Sshd} from '../support/sshd.js'

const ADDRESS = '127.81.1.11'
let sshd: Sshd
let scratch: string

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'poolctl-ssh-test-'))
  sshd = await startSshd({address: ADDRESS, port: 2281, hostKeyTypes: ['ed25519', 'rsa'], lines: ['MaxSessions 3']})
})
afterAll(async () => {
  await sshd.stop()
  rmSync(scratch, {recursive: true})
})

function knownHosts(name: string, text: string): string {
  const path = join(scratch, name)
  writeFileSync(path, text)
  return path
}

async function failureOf(act: Promise<unknown>): Promise<PoolctlError> {
  const error = await act.then(
    () => null,
    (reason: unknown) => reason as PoolctlError,
  )
  if (error === null) throw new Error('it did not fail')
  return error
}

const record = (key: string): string => `[${ADDRESS}]:2281 ${key}\n`
const strange = (): string => {
  const file = join(scratch, `strange-${Math.random()}`)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
  return readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')
}

async function factsWith(
  ...args: Parameters<typeof hostsFor> extends [Sshd, ...infer Rest] ? Rest : never
): Promise<string> {
  const hosts = hostsFor(sshd, ...args)
  try {
    return (await hosts.nodeHost(nodeAt(ADDRESS, '/nowhere')).facts()).user
  } finally {
    await hosts.close()
  }
}

describe('host keys', () => {
  it('refuses an unknown one with its fingerprint and a command that records it', async () => {
    const file = knownHosts('unknown', '')
    const error = await failureOf(factsWith({knownHosts: file}))
    const fingerprint = execFileSync('ssh-keygen', ['-lf', `${sshd.directory}/host_ed25519.pub`])
      .toString()
      .split(' ')[1]!
    expect([error.exitCode, error.code]).toEqual([4, 'SSH_HOST_KEY_UNKNOWN'])
    expect(error.detail).toContain(`ssh-ed25519 ${fingerprint}`)
    const command = /ssh-keyscan.*$/.exec(error.hint ?? '')![0]
    execFileSync('sh', ['-c', command], {stdio: 'ignore'})
    expect(await factsWith({knownHosts: file})).toBe(sshd.user)
  })

  it('refuses a changed one and says where the other stands', async () => {
    const file = knownHosts('changed', `# comment\n${record(strange())}`)
    const error = await failureOf(factsWith({knownHosts: file}))
    expect([error.exitCode, error.code]).toEqual([4, 'SSH_HOST_KEY_CHANGED'])
    expect(error.detail).toContain(`${file}:2`)
  })

  it('refuses a revoked one although another line knows it', async () => {
    const file = knownHosts('revoked', `${record(sshd.hostKey)}@revoked * ${sshd.hostKey}\n`)
    expect((await failureOf(factsWith({knownHosts: file}))).code).toBe('SSH_HOST_KEY_REVOKED')
  })

  it('finds a hashed entry', async () => {
    const file = knownHosts('hashed', record(sshd.hostKey))
    execFileSync('ssh-keygen', ['-H', '-f', file], {stdio: 'ignore'})
    expect(readFileSync(file, 'utf8')).toMatch(/^\|1\|/)
    expect(await factsWith({knownHosts: file})).toBe(sshd.user)
  })

  it('asks for the key type on record when the server has several', async () => {
    const rsa = readFileSync(`${sshd.directory}/host_rsa.pub`, 'utf8').split(' ').slice(0, 2).join(' ')
    expect(await factsWith({knownHosts: knownHosts('rsa', record(rsa))})).toBe(sshd.user)
  })

  it('records an unknown key only for a host named for it, and never a changed one', async () => {
    const file = knownHosts('accept', 'other ssh-ed25519 AAAA')
    expect((await failureOf(factsWith({knownHosts: file}, {acceptNewHostKeys: ['other']}))).code).toBe(
      'SSH_HOST_KEY_UNKNOWN',
    )
    expect(await factsWith({knownHosts: file}, {acceptNewHostKeys: [ADDRESS]})).toBe(sshd.user)
    expect(readFileSync(file, 'utf8')).toBe(`other ssh-ed25519 AAAA\n${record(sshd.hostKey)}`)
    const changed = knownHosts('accept-changed', record(strange()))
    expect((await failureOf(factsWith({knownHosts: changed}, {acceptNewHostKeys: [ADDRESS]}))).code).toBe(
      'SSH_HOST_KEY_CHANGED',
    )
  })
})

describe('login', () => {
  const encrypted = (): string => {
    const file = join(scratch, `encrypted-${Math.random()}`)
    copyFileSync(sshd.identity, file)
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', file])
    return file
  }

  it('says which key is encrypted when there is nobody to ask', async () => {
    const identity = encrypted()
    const error = await failureOf(factsWith({identity}))
    expect([error.exitCode, error.code]).toEqual([4, 'SSH_KEY_ENCRYPTED'])
    expect(error.detail).toContain(identity)
  })

  it('opens an encrypted key with the passphrase that it asks for', async () => {
    const identity = encrypted()
    const asked: string[] = []
    const askPassphrase = (path: string): Promise<Secret> => {
      asked.push(path)
      return Promise.resolve(new Secret('open sesame'))
    }
    expect([await factsWith({identity}, {askPassphrase}), asked]).toEqual([sshd.user, [identity]])
  })

  it('says that the passphrase was wrong, without repeating it', async () => {
    const askPassphrase = (): Promise<Secret> => Promise.resolve(new Secret('canary-passphrase'))
    const error = await failureOf(factsWith({identity: encrypted()}, {askPassphrase}))
    expect(error.code).toBe('SSH_KEY_ENCRYPTED')
    expect(JSON.stringify([error.message, error.detail, error.hint, error])).not.toContain('canary')
  })

  it('uses an agent that holds the key', async () => {
    const socket = join(scratch, 'agent')
    const agent = spawn('ssh-agent', ['-D', '-a', socket], {stdio: 'ignore'})
    try {
      const identity = join(scratch, 'agent-key')
      copyFileSync(sshd.identity, identity)
      copyFileSync(`${sshd.identity}.pub`, `${identity}.pub`)
      await new Promise((resolve) => setTimeout(resolve, 200))
      execFileSync('ssh-add', ['-q', identity], {env: {...process.env, SSH_AUTH_SOCK: socket}, stdio: 'ignore'})
      execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'nobody knows', '-f', identity])
      expect(await factsWith({identity}, {env: {SSH_AUTH_SOCK: socket}})).toBe(sshd.user)
    } finally {
      agent.kill()
    }
  })

  it('names what it offered when the server refuses', async () => {
    const identity = join(scratch, 'wrong')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identity])
    const error = await failureOf(factsWith({identity}))
    expect([error.exitCode, error.code]).toEqual([4, 'SSH_LOGIN_REFUSED'])
    expect(error.detail).toContain(identity)
  })

  it('is unreachable, exit 5, where nothing listens', async () => {
    const error = await failureOf(factsWith({port: 2299}))
    expect([error.exitCode, error.code]).toEqual([5, 'SSH_UNREACHABLE'])
  })

  it('works by the system ssh as well, and tells its refusal of a key', async () => {
    expect(await factsWith({transport: 'openssh'})).toBe(sshd.user)
    const error = await failureOf(factsWith({transport: 'openssh', knownHosts: knownHosts('openssh', '')}))
    expect([error.exitCode, error.code]).toEqual([4, 'SSH_HOST_KEY_UNKNOWN'])
  })
})

describe('a connection', () => {
  it('serves more questions at once than the server has sessions', async () => {
    const hosts = hostsFor(sshd)
    try {
      const host = hosts.nodeHost(nodeAt(ADDRESS, '/nowhere'))
      const users = await Promise.all(Array.from({length: 12}, async () => (await host.facts()).user))
      expect(users).toEqual(Array.from({length: 12}, () => sshd.user))
      expect(sshd.sessions()).toHaveLength(1)
    } finally {
      await hosts.close()
    }
  })

  it('is opened anew when it was lost between two questions', async () => {
    const hosts = hostsFor(sshd)
    try {
      const host = hosts.nodeHost(nodeAt(ADDRESS, '/nowhere'))
      await host.facts()
      sshd.cut()
      expect((await host.facts()).user).toBe(sshd.user)
    } finally {
      await hosts.close()
    }
  })

  it('lost in a changing act leaves the outcome unknown, and the act is not sent again', async () => {
    const hosts = hostsFor(sshd)
    const data = join(sshd.directory, 'lost')
    const marks = join(sshd.directory, 'marks')
    try {
      const start = ['sh', '-c', `echo once >>'${marks}'; sleep 3`]
      const service = {kind: 'commands' as const, start, stop: ['true'], reload: null}
      const host = hosts.nodeHost(nodeAt(ADDRESS, data, {service}))
      await host.takeLock(holder('op1'))
      const act = failureOf(host.startServer('op1', 5))
      await new Promise((resolve) => setTimeout(resolve, 1000))
      sshd.cut()
      const error = await act
      expect([error.exitCode, error.code]).toEqual([9, 'HOST_OUTCOME_UNKNOWN'])
      expect(readFileSync(marks, 'utf8')).toBe('once\n')
    } finally {
      await hosts.close()
    }
  })

  it('carries a byte stream to an address, and says so when nothing listens there', async () => {
    const echo = createServer((socket) => socket.pipe(socket))
    await new Promise<void>((resolve) => echo.listen(2283, ADDRESS, resolve))
    const hosts = hostsFor(sshd)
    try {
      const stream = await hosts.forward({host: ADDRESS, sshPort: null}, {host: ADDRESS, port: 2283})
      stream.write('through')
      const answer = await new Promise<string>((resolve) =>
        stream.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      )
      stream.destroy()
      const refused = await failureOf(hosts.forward({host: ADDRESS, sshPort: null}, {host: ADDRESS, port: 2284}))
      expect([answer, refused.exitCode, refused.code]).toEqual(['through', 5, 'FORWARD_REFUSED'])
    } finally {
      await hosts.close()
      echo.close()
    }
  })
})

describe('a jump host', () => {
  it('has its own key checked, and the inner host its own', async () => {
    const inner = await startSshd({address: '127.81.1.12', port: 2282})
    runAsPostgres(['tee', '-a', join(inner.directory, 'authorized_keys')], readFileSync(`${sshd.identity}.pub`, 'utf8'))
    const {Ssh2Transport} = await import('../../src/hosts/ssh/ssh2-transport.js')
    const {resolveSsh} = await import('../../src/hosts/ssh/ssh-config.js')
    const home = join(scratch, 'home')
    execFileSync('mkdir', ['-p', home])
    const wrapper = join(scratch, 'bin')
    execFileSync('mkdir', ['-p', wrapper])
    // The same ssh, with a configuration file of its own, as an operator's ~/.ssh/config would be read.
    writeFileSync(
      join(scratch, 'config'),
      `Host inner\n HostName 127.81.1.12\n Port 2282\n ProxyJump ${sshd.user}@${ADDRESS}:2281\n`,
    )
    writeFileSync(join(wrapper, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${join(scratch, 'config')}' "$@"\n`, {
      mode: 0o755,
    })
    const path = process.env['PATH']
    process.env['PATH'] = `${wrapper}:${path ?? ''}`
    const ssh = {
      user: inner.user,
      port: null,
      identity: sshd.identity,
      transport: 'ssh2',
      peerIdentity: null,
      peerKnownHosts: null,
    } as const
    const through = async (text: string): Promise<string> => {
      const file = knownHosts('jump', text)
      const options = {
        ssh: {...ssh, knownHosts: file},
        askPassphrase: null,
        acceptNewHostKey: new Set<string>(),
        env: {},
        keys: new Map(),
      }
      const transport = new Ssh2Transport('inner', null, options)
      try {
        const result = await transport.exec(['sh', '-c', 'echo "$SSH_CONNECTION"'], {
          input: Buffer.alloc(0),
          deadlineMs: 10_000,
        })
        return result.stdout.toString().trim().split(' ').slice(2).join(':')
      } finally {
        await transport.close()
      }
    }
    try {
      expect(
        (await resolveSsh('inner', {...ssh, knownHosts: null}, {port: null, user: null}, {})).proxyJump,
      ).toHaveLength(1)
      const hop = record(sshd.hostKey)
      const target = `[127.81.1.12]:2282 ${inner.hostKey}\n`
      expect(await through(hop + target)).toBe('127.81.1.12:2282')
      const noHop = await failureOf(through(target))
      expect([noHop.code, noHop.message]).toEqual([
        'SSH_HOST_KEY_UNKNOWN',
        `the host key of ${ADDRESS} is not on record`,
      ])
      const noTarget = await failureOf(through(hop))
      expect([noTarget.code, noTarget.message]).toEqual([
        'SSH_HOST_KEY_UNKNOWN',
        'the host key of inner is not on record',
      ])
    } finally {
      process.env['PATH'] = path
      await inner.stop()
    }
  })
})

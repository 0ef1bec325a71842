import {homedir} from 'node:os'
import {describe, expect, it} from 'vitest'
import {applyClusterFile, parseHop, targetFromConfig} from '../../../src/hosts/ssh/ssh-config.js'
import type {SshDefaults} from '../../../src/cluster/cluster-file.js'

const text = `user deploy
hostname 10.0.0.10
port 2222
identitiesonly yes
hostkeyalias db-zero
serveraliveinterval 0
serveralivecountmax 5
connecttimeout 7
proxyjump ops@bastion:2200,inner
identityagent SSH_AUTH_SOCK
identityfile ~/.ssh/work
identityfile /keys/second
userknownhostsfile ~/.ssh/known_hosts "/etc/two words"
globalknownhostsfile none
`

const target = {
  name: 'db0',
  hostname: '10.0.0.10',
  port: 2222,
  user: 'deploy',
  hostKeyAlias: 'db-zero',
  identityFiles: [`${homedir()}/.ssh/work`, '/keys/second'],
  identitiesOnly: true,
  agent: '/run/agent',
  userKnownHosts: [`${homedir()}/.ssh/known_hosts`, '/etc/two words'],
  globalKnownHosts: [],
  proxyJump: ['ops@bastion:2200', 'inner'],
  proxyCommand: null,
  connectTimeoutMs: 7000,
  keepaliveMs: 15_000,
  keepaliveCount: 5,
}

const none: SshDefaults = {
  user: null,
  port: null,
  identity: null,
  knownHosts: null,
  transport: 'ssh2',
  peerIdentity: null,
  peerKnownHosts: null,
}

describe('what ssh -G says', () => {
  it('becomes a target, with keepalives on when ssh has none', () => {
    expect(targetFromConfig('db0', text, {SSH_AUTH_SOCK: '/run/agent'})).toEqual(target)
  })

  it('falls back to the standard files without ssh', () => {
    const found = targetFromConfig('db0', '', {})
    expect([found.hostname, found.port, found.agent, found.proxyJump]).toEqual(['db0', 22, null, []])
    expect(found.userKnownHosts[0]).toBe(`${homedir()}/.ssh/known_hosts`)
  })

  it.each([
    ['none', null],
    ['$OTHER', '/run/other'],
    ['${OTHER}', '/run/other'],
    ['~/agent.sock', `${homedir()}/agent.sock`],
  ])('reads IdentityAgent %s', (value, expected) => {
    expect(targetFromConfig('db0', `identityagent ${value}\n`, {OTHER: '/run/other'}).agent).toBe(expected)
  })

  it('yields to the cluster file, whose identity is then the only one offered', () => {
    const ssh = {...none, identity: '/keys/poolctl', knownHosts: '/known'}
    expect(applyClusterFile({...target, identitiesOnly: false}, ssh, {port: 2200, user: 'postgres'})).toEqual({
      ...target,
      port: 2200,
      user: 'postgres',
      identityFiles: ['/keys/poolctl'],
      identitiesOnly: true,
      userKnownHosts: ['/known'],
    })
  })

  it.each([
    ['bastion', {user: null, host: 'bastion', port: null}],
    ['ops@bastion:2200', {user: 'ops', host: 'bastion', port: 2200}],
    ['ssh://ops@bastion', {user: 'ops', host: 'bastion', port: null}],
    ['ops@[fd00::1]:2200', {user: 'ops', host: 'fd00::1', port: 2200}],
    ['fd00::1', {user: null, host: 'fd00::1', port: null}],
  ])('reads the hop %s', (hop, expected) => {
    expect(parseHop(hop)).toEqual(expected)
  })
})

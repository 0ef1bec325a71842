import {createHmac} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {
  judge,
  matchesHosts,
  orderAlgorithms,
  parseKnownHosts,
  recordedName,
  recordedTypes,
} from '../../../src/hosts/ssh/known-hosts.js'

/** A blob as servers present it: the length-prefixed type, then something. */
function blob(type: string, rest: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(type.length)
  return Buffer.concat([length, Buffer.from(type), Buffer.from(rest)])
}

const ED = blob('ssh-ed25519', 'the good key')
const OTHER = blob('ssh-ed25519', 'another key')
const RSA = blob('ssh-rsa', 'the rsa key')
const line = (hosts: string, key: Buffer, type = 'ssh-ed25519', marker = ''): string =>
  `${marker}${hosts} ${type} ${key.toString('base64')} a comment\n`
const judged = (text: string, name: string, key: Buffer): unknown => judge(parseKnownHosts(text, 'kh'), name, key)

function hashed(name: string): string {
  const salt = Buffer.from('0123456789abcdef0123')
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

describe('known_hosts', () => {
  it.each([
    ['a plain name', 'db0', 'db0', true],
    ['another name', 'db0', 'db1', false],
    ['one of several', 'db0,10.0.0.10', '10.0.0.10', true],
    ['a name on another port', '[db0]:2222', recordedName('DB0', 2222), true],
    ['a bare name does not cover another port', 'db0', '[db0]:2222', false],
    ['a star', '*.example.com', 'db0.example.com', true],
    ['a dot that is only a dot', 'a.b', 'axb', false],
    ['a question mark', 'db?', 'db7', true],
    ['a negation that wins whatever its place', '*.example.com,!bad.example.com', 'bad.example.com', false],
    ['a negation alone, which covers nothing', '!bad', 'good', false],
    ['a hashed name', hashed('db0'), 'db0', true],
    ['a hashed name with a port', hashed('[db0]:2222'), '[db0]:2222', true],
    ['a hashed name of another host', hashed('db1'), 'db0', false],
    ['capitals in the file', 'DB0', 'db0', true],
  ])('matches %s', (_, field, name, expected) => {
    expect(matchesHosts(field, name)).toBe(expected)
  })

  it('skips comments, blank and malformed lines, and names the place of the others', () => {
    expect(parseKnownHosts('# c\n\nonly two\n@odd a b c\n@revoked h t k\nx y z w', 'kh')).toEqual([
      {marker: 'revoked', hosts: 'h', keyType: 't', key: 'k', at: 'kh:5'},
      {marker: null, hosts: 'x', keyType: 'y', key: 'z', at: 'kh:6'},
    ])
  })

  it('knows a key among several of one host', () => {
    expect(judged(line('db0', OTHER) + line('db0', ED), 'db0', ED)).toEqual({kind: 'known'})
  })

  it('calls a host unknown that no line covers', () => {
    expect(judged(line('db1', ED), 'db0', ED)).toEqual({kind: 'unknown', certAuthority: null})
  })

  it('calls a key changed when the host has another of its type, and says where', () => {
    expect(judged(line('db0', OTHER), 'db0', ED)).toEqual({kind: 'changed', at: ['kh:1'], sameType: true})
  })

  it('calls a key changed when the host is known by other types only', () => {
    expect(judged(line('db0', RSA, 'ssh-rsa'), 'db0', ED)).toEqual({kind: 'changed', at: ['kh:1'], sameType: false})
  })

  it('lets a revocation win over a line that would know the key', () => {
    expect(judged(line('db0', ED) + line('*', ED, 'ssh-ed25519', '@revoked '), 'db0', ED)).toEqual({
      kind: 'revoked',
      at: 'kh:2',
    })
  })

  it('takes no certificate authority for a host key, and names its line', () => {
    expect(judged(line('*', ED, 'ssh-ed25519', '@cert-authority '), 'db0', ED)).toEqual({
      kind: 'unknown',
      certAuthority: 'kh:1',
    })
  })

  it('asks first for the types on record, RSA by its SHA-2 signatures', () => {
    const lines = parseKnownHosts(line('db0', RSA, 'ssh-rsa'), 'kh')
    expect(orderAlgorithms(['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256'], recordedTypes(lines, 'db0'))).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-ed25519',
    ])
  })
})

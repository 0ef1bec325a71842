import {createHash} from 'node:crypto'
import {describe, expect, test} from 'vitest'
import {UsageError} from '../../../src/lib/errors.js'
import {checkUser, loginDigest} from '../../../src/pcp/login.js'
import {hex} from '../../support/pcp-server.js'

describe('the login digest', () => {
  test.each([
    ['pcpuser', 'secret', '5a40115e', '38b761af731348392ed4a77f06e7bae3'],
    ['pcpuser', 'secret', '00000000', 'd7834ab0d0073651a1e80ef95865bd19'],
    ['pcpuser', 'secret', 'ffffffff', 'e93eec83dece22995662160ce1234e15'],
    ['ops', 'pä:ss', '00ff0a0d', '48fbfa0c2acecc2be3972bc1db1428e0'],
  ])('of user %s with password %s and salt %s is that of a real server', (user, password, salt, digest) => {
    expect(loginDigest(user, password, hex(salt))).toBe(digest)
  })

  test('of no password is that of the empty one', () => {
    const md5 = (bytes: Buffer | string) => createHash('md5').update(bytes).digest('hex')
    const salt = hex('01020304')
    expect(loginDigest('ops', '', salt)).toBe(md5(Buffer.concat([Buffer.from(md5(md5('') + 'ops')), salt])))
  })
})

describe('a user name', () => {
  test('is taken up to the 127 bytes that pgpool keeps', () => {
    for (const user of ['ops', 'ä'.repeat(63), 'x'.repeat(127)]) expect(() => checkUser(user)).not.toThrow()
    for (const user of ['', 'a\0b', 'x'.repeat(128), 'ä'.repeat(64)]) expect(() => checkUser(user)).toThrow(UsageError)
  })
})

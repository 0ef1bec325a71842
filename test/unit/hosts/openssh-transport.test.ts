import {describe, expect, test} from 'vitest'
import {controlHome} from '../../../src/hosts/ssh/openssh-transport.js'

describe('the directory of sockets to the system ssh', () => {
  test.each([
    ['/tmp', '/tmp'],
    ['/home/dba/tmp', '/home/dba/tmp'],
    [`/${'x'.repeat(29)}`, `/${'x'.repeat(29)}`],
    [`/${'x'.repeat(30)}`, '/tmp'],
    ['/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T', '/tmp'],
  ])('with a TMPDIR of %s is below %s, since a socket in it may have 107 bytes', (temporary, home) => {
    expect(controlHome(temporary)).toBe(home)
  })
})

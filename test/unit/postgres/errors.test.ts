import {describe, expect, it} from 'vitest'
import {ActFailed, AuthenticationRefused, OutcomeUnknown, Refused, Unreachable} from '../../../src/lib/errors.js'
import {isConnectionLost, sqlState, translate, type Phase} from '../../../src/postgres/errors.js'

const context = (phase: Phase) => ({who: 'node 1 (10.0.0.11:5432)', phase, doing: 'create a slot'})
const server = (code: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), {code, severity: 'ERROR', ...more})
const driver = (code: string | null, message = 'socket'): Error =>
  Object.assign(new Error(message), code === null ? {} : {code})

describe('translate', () => {
  it.each([['28P01'], ['28000']])('calls %s a refused login', (code) => {
    const error = translate(server(code, 'no', {severity: 'FATAL'}), context('connect'))
    expect(error).toBeInstanceOf(AuthenticationRefused)
    expect(error).toMatchObject({
      code: 'POSTGRES_LOGIN_REFUSED',
      exitCode: 4,
      message: 'node 1 (10.0.0.11:5432) refused the login',
      detail: `FATAL ${code}: no`,
    })
  })

  it('says why a server that is up accepts nobody', () => {
    const cause = server('57P03', 'the database system is not yet accepting connections', {
      severity: 'FATAL',
      detail: 'Consistent recovery state has not been yet reached.',
    })
    const error = translate(cause, context('connect'))
    expect(error).toBeInstanceOf(Unreachable)
    expect(error).toMatchObject({
      code: 'POSTGRES_NOT_READY',
      exitCode: 5,
      message:
        'node 1 (10.0.0.11:5432) accepts no connections now: the database system is not yet accepting connections',
      detail:
        'FATAL 57P03: the database system is not yet accepting connections. Consistent recovery state has not been yet reached.',
    })
  })

  it.each([
    ['ECONNREFUSED', 'nothing listens there'],
    ['ETIMEDOUT', 'no answer in time'],
    ['ENOTFOUND', 'the name is not known'],
    [null, 'the connection broke while it was made'],
  ])('calls %s while connecting unreachable: %s', (code, reason) => {
    const error = translate(driver(code), context('connect'))
    expect(error).toBeInstanceOf(Unreachable)
    expect(error.message).toBe(`node 1 (10.0.0.11:5432) is unreachable: ${reason}`)
  })

  it('has words for a failure whose own message is empty', () => {
    expect(translate(driver('ECONNREFUSED', ''), context('connect')).detail).toBe('ECONNREFUSED: nothing listens there')
  })

  it('does not take EPIPE for an SQLSTATE, although it is five capitals', () => {
    expect(sqlState(driver('EPIPE'))).toBeNull()
    expect(translate(driver('EPIPE'), context('read'))).toBeInstanceOf(Unreachable)
  })

  it('calls a lost read unreachable and a lost change unknown', () => {
    for (const cause of [driver('ECONNRESET'), server('57P01', 'terminating connection', {severity: 'FATAL'})]) {
      expect(translate(cause, context('read'))).toBeInstanceOf(Unreachable)
      expect(translate(cause, context('change'))).toBeInstanceOf(OutcomeUnknown)
    }
  })

  it("calls a server's no a failed act, with nothing changed by a read", () => {
    const cause = server('42501', 'permission denied')
    const change = translate(cause, context('change'))
    expect(change).toBeInstanceOf(ActFailed)
    expect(change).toMatchObject({
      message: 'node 1 (10.0.0.11:5432) could not create a slot: permission denied',
      detail: 'ERROR 42501: permission denied',
      hint: 'Use a superuser, or grant the role of postgres.user that right.',
      changed: 'partial',
    })
    expect(translate(cause, context('read')).changed).toBe('none')
  })

  it.each([
    ['53300', 'POSTGRES_TOO_MANY_CONNECTIONS'],
    ['3D000', 'POSTGRES_DATABASE_MISSING'],
  ])('knows %s at connect', (code, ours) => {
    expect(translate(server(code, 'no'), context('connect'))).toMatchObject({code: ours, exitCode: 5})
  })

  it.each([['SELF_SIGNED_CERT_IN_CHAIN'], ['ERR_TLS_CERT_ALTNAME_INVALID'], ['CERT_HAS_EXPIRED']])(
    'calls %s an untrusted certificate',
    (code) => {
      expect(translate(driver(code), context('connect'))).toMatchObject({
        code: 'POSTGRES_CERTIFICATE_REFUSED',
        exitCode: 4,
      })
    },
  )

  it('passes our own errors through', () => {
    const ours = new Refused({code: 'X', message: 'no'})
    expect(translate(ours, context('read'))).toBe(ours)
  })
})

describe('isConnectionLost', () => {
  it('tells a dead session from a refused question', () => {
    expect(
      [driver('ECONNRESET'), driver(null), server('57P01', ''), server('08006', '')].map(isConnectionLost),
    ).toEqual([true, true, true, true])
    expect(
      [server('42P01', ''), server('57014', ''), new Refused({code: 'X', message: ''})].map(isConnectionLost),
    ).toEqual([false, false, false])
  })
})

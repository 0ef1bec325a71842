import {describe, expect, test} from 'vitest'
import {obtainConsent} from '../../../src/cli/consent.js'
import type {Consent} from '../../../src/operations/operation.js'
import {capturedTerminal} from './captured-terminal.js'

const CONFIRM: Consent = {level: 'confirm', question: 'Detach node 1?'}
const TYPED: Consent = {level: 'type-name', question: 'Wipe node 1?', name: 'shop'}
const {terminal} = capturedTerminal()

describe('without a terminal', () => {
  test('what needs no consent goes on', () =>
    expect(obtainConsent({level: 'none'}, {}, terminal)).resolves.toBeUndefined())

  test('--yes answers a yes/no question', () =>
    expect(obtainConsent(CONFIRM, {yes: true}, terminal)).resolves.toBeUndefined())

  test('a question without --yes exits 12 and names the flag', () =>
    expect(obtainConsent(CONFIRM, {}, terminal)).rejects.toMatchObject({
      exitCode: 12,
      code: 'CONFIRMATION_NEEDED',
      detail: 'Detach node 1?',
      hint: 'Answer it with --yes. Look at the plan first with --dry-run.',
    }))

  test('--yes does not type a name', () =>
    expect(obtainConsent(TYPED, {yes: true}, terminal)).rejects.toMatchObject({
      exitCode: 12,
      hint: 'Answer it with --confirm shop. Look at the plan first with --dry-run.',
    }))

  test('--confirm with the name goes on, with another it does not', async () => {
    await expect(obtainConsent(TYPED, {confirm: 'shop'}, terminal)).resolves.toBeUndefined()
    await expect(obtainConsent(TYPED, {confirm: 'Shop'}, terminal)).rejects.toMatchObject({
      exitCode: 12,
      code: 'CONFIRMATION_DECLINED',
      message: '"Shop" is not "shop"; nothing was changed',
    })
  })
})

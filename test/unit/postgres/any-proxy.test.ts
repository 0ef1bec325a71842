/** SQL through several pgpools: who is asked when the first is down. */
import {expect, test} from 'vitest'
import {createAnyProxy} from '../../../src/postgres/any-proxy.js'

type Closing = Parameters<typeof createAnyProxy>[0][0]

const outage = {writesStoppedSeconds: 0, readsStoppedSeconds: 0, acknowledgedWrites: 1, lostWrites: 0}

function proxy(name: string, answers: boolean, told: string[]): Closing {
  return {
    readServedBy: () => Promise.resolve(answers ? {address: name, port: 5432} : null),
    refusal: () => Promise.resolve(answers ? null : `${name} says no`),
    startProber: () => {
      told.push(`prober at ${name}`)
      return Promise.resolve({stop: () => Promise.resolve(outage)})
    },
    close: () => {
      told.push(`closed ${name}`)
      return Promise.resolve()
    },
  }
}

test('reads and measures through the first that answers, and closes them all', async () => {
  const told: string[] = []
  const any = createAnyProxy([proxy('a', false, told), proxy('b', true, told), proxy('c', true, told)])
  expect(await any.readServedBy()).toEqual({address: 'b', port: 5432})
  expect(await any.refusal()).toBeNull()
  await any.startProber()
  await any.close()
  expect(told).toEqual(['prober at b', 'closed a', 'closed b', 'closed c'])
})

test('has no answer when nobody has, and measures that as an outage where the first one is', async () => {
  const told: string[] = []
  const any = createAnyProxy([proxy('a', false, told), proxy('b', false, told)])
  expect(await any.readServedBy()).toBeNull()
  expect(await any.refusal()).toBe('a says no')
  await any.startProber()
  expect(told).toEqual(['prober at a'])
})

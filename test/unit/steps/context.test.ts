import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../src/lib/json.js'
import {stepCatalog} from '../../../src/steps/catalog.js'
import {
  awaitSeen,
  connectionTo,
  done,
  flagIn,
  idIn,
  lsnIn,
  nodeConfig,
  numberIn,
  numberOrNullIn,
  pending,
  settingsIn,
  textIn,
} from '../../../src/steps/context.js'
import {nodeId} from '../../../src/cluster/node-id.js'
import {bench, failureOf} from './step-bench.js'

const edited = async (read: () => unknown): Promise<unknown> => failureOf(Promise.resolve().then(read))

describe('an input from a plan file that somebody has edited', () => {
  test.each<[string, (input: JsonObject) => unknown, JsonObject, string]>([
    ['text', (input) => textIn(input, 'x'), {x: 1}, 'text'],
    ['missing text', (input) => textIn(input, 'x'), {}, 'text'],
    ['a number', (input) => numberIn(input, 'x'), {x: '1'}, 'a number'],
    ['a number or null', (input) => numberOrNullIn(input, 'x'), {}, 'a number'],
    ['a flag', (input) => flagIn(input, 'x'), {x: 'true'}, 'true or false'],
    ['an LSN', (input) => lsnIn(input, 'x'), {x: '0/x'}, 'an LSN'],
    ['settings', (input) => settingsIn(input, 'x'), {x: ['a']}, 'a set of settings'],
    ['no settings', (input) => settingsIn(input, 'x'), {x: null}, 'a set of settings'],
    ['a setting', (input) => settingsIn(input, 'x'), {x: {port: 5432}}, 'text'],
  ])('is not taken for %s', async (_, read, input, kind) => {
    expect(await edited(() => read(input))).toEqual({
      code: 'PLAN_INPUT',
      message: `the plan's "x" is not ${kind}`,
      detail: undefined,
    })
  })

  test('is read as what it is', () => {
    expect([
      textIn({x: ''}, 'x'),
      numberIn({x: 0}, 'x'),
      numberOrNullIn({x: null}, 'x'),
      flagIn({x: false}, 'x'),
      lsnIn({x: '0/3000060'}, 'x'),
      settingsIn({x: {port: '5432'}}, 'x'),
    ]).toEqual(['', 0, null, false, '0/3000060', {port: '5432'}])
  })

  test('cannot name a node that the cluster file does not have', async () => {
    const {context} = bench('start-server', {node: 9})
    expect(await edited(() => nodeConfig(context.world, idIn(context)))).toEqual({
      code: 'NODE_NOT_IN_FILE',
      message: 'node 9 is not in the cluster file',
      detail: undefined,
    })
  })
})

test('a standby reaches its primary by the slot that names it, and with no password', () => {
  const {context} = bench('start-server', {node: 1})
  expect(connectionTo(context.world, nodeId(0), nodeId(1))).toEqual({
    host: '10.0.0.10',
    port: 5432,
    user: 'repl',
    applicationName: 'poolctl_node_1',
    slot: 'poolctl_node_1',
    passfile: null,
  })
})

describe('waiting until it is so', () => {
  const wait = {limitMs: 1000, everyMs: 400, what: 'the light', code: 'NO_LIGHT', hint: 'look up'}

  test('looks again and tells what it sees, until it is so', async () => {
    const {context, told} = bench('start-server', {node: 1})
    const seen = [pending('dark'), pending('dim'), done('bright', {lux: 9})]
    expect(await awaitSeen(context, wait, () => Promise.resolve(seen.shift()!))).toEqual(done('bright', {lux: 9}))
    expect(told).toEqual(['dark (0 of 1 s)', 'dim (0 of 1 s)'])
  })

  test('takes an answer that cannot be had for not yet', async () => {
    const {context} = bench('start-server', {node: 1})
    const seen = [Promise.reject(new Error('restarting')), Promise.resolve(done('bright'))]
    expect(await awaitSeen(context, wait, () => seen.shift()!)).toEqual(done('bright'))
  })

  test('gives up at its limit and says what was seen last', async () => {
    const {context} = bench('start-server', {node: 1})
    expect(await failureOf(awaitSeen(context, wait, () => Promise.resolve(pending('dark'))))).toEqual({
      code: 'NO_LIGHT',
      message: 'the light was not seen within 1 s',
      detail: 'Last seen: dark.',
    })
  })

  test('ends at once when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('interrupted'))
    const {context} = bench('start-server', {node: 1}, {signal})
    expect((await failureOf(awaitSeen(context, wait, () => Promise.resolve(pending('dark'))))).message).toBe(
      'interrupted',
    )
  })
})

test('the catalog has each step under its own kind', () => {
  const named = [...stepCatalog].map(([key, step]) => [key, (step as {kind?: string}).kind])
  expect(named).toEqual([...stepCatalog.keys()].map((key) => [key, key]))
  expect(named).toHaveLength(81)
})

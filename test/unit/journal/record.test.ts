/** What stands on disk, and what of it survives a crash in the write. */
import {appendFile, mkdir, readdir, stat, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {
  ALIVE,
  DEAD,
  ELSEWHERE,
  NOW,
  OPERATION,
  done,
  journalOf,
  leave,
  openedBy,
  recordFile,
  refusal,
  stateDirectory,
  textOf,
} from './record-bench.js'

const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

describe('a new record', () => {
  test('is one numbered, timed JSON entry a line, on disk when append resolves', async () => {
    const directory = await stateDirectory()
    const writer = await journalOf(directory).create(OPERATION)
    const first = {seq: 1, at: NOW, ...openedBy(ALIVE)}
    const second = {seq: 2, at: NOW, type: 'intent', step: 'a'}
    expect(await writer.append(openedBy(ALIVE))).toEqual(first)
    expect(await textOf(directory)).toBe(`${JSON.stringify(first)}\n`)
    expect(await writer.append({type: 'intent', step: 'a'})).toEqual(second)
    expect(await textOf(directory)).toBe(`${JSON.stringify(first)}\n${JSON.stringify(second)}\n`)
    expect(writer.entries).toEqual([first, second])
    expect(await journalOf(directory).read(OPERATION)).toEqual([first, second])
  })

  test('keeps the order of entries that are appended without waiting', async () => {
    const directory = await stateDirectory()
    const writer = await journalOf(directory).create(OPERATION)
    await Promise.all([
      writer.append(openedBy(ALIVE)),
      writer.append({type: 'intent', step: 'a'}),
      writer.append(done('a')),
    ])
    const entries = await journalOf(directory).read(OPERATION)
    expect(entries.map(({seq, type}) => [seq, type])).toEqual([
      [1, 'opened'],
      [2, 'intent'],
      [3, 'done'],
    ])
  })

  test('can be read by its owner alone, whatever the umask', async () => {
    const directory = await stateDirectory()
    const umask = process.umask(0)
    try {
      await leave(directory, ALIVE, [])
    } finally {
      process.umask(umask)
    }
    const own = dirname(recordFile(directory))
    const files = await readdir(own)
    expect(files.sort()).toEqual(['holder.1.json', 'journal.ndjson'])
    expect(await Promise.all([dirname(own), own, ...files.map((file) => join(own, file))].map(mode))).toEqual([
      '700',
      '700',
      '600',
      '600',
    ])
  })

  test('is refused under an id that exists, and the old one stays as it is', async () => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [{type: 'intent', step: 'a'}])
    const before = await textOf(directory)
    expect(await refusal(journalOf(directory).create(OPERATION))).toMatchObject({
      name: 'Refused',
      code: 'OPERATION_EXISTS',
      exitCode: 6,
      message: `operation ${OPERATION} exists already`,
    })
    expect(await textOf(directory)).toBe(before)
  })

  test('is refused, by name, where the state directory cannot be made', async () => {
    const directory = await stateDirectory()
    await writeFile(directory, 'a file in the way')
    expect(await refusal(journalOf(directory).create(OPERATION))).toMatchObject({
      name: 'Refused',
      code: 'STATE_DIRECTORY_NOT_WRITABLE',
      message: `cannot write to the state directory ${directory}`,
    })
  })

  test('takes nothing more once it is released', async () => {
    const directory = await stateDirectory()
    const writer = await journalOf(directory).create(OPERATION)
    await writer.append(openedBy(ALIVE))
    await writer.release()
    await writer.release()
    await expect(writer.append({type: 'intent', step: 'a'})).rejects.toThrow(`record of ${OPERATION} is released`)
    expect((await journalOf(directory).read(OPERATION)).length).toBe(1)
  })
})

describe('a record that a crash cut off', () => {
  test.each([
    ['in the middle of a line', '{"seq":3,"at":"2026'],
    ['in the middle of a character', Buffer.from('{"seq":3,"message":"é').subarray(0, -1)],
    ['before its newline, with the whole entry there', JSON.stringify({seq: 3, at: NOW, type: 'intent', step: 'b'})],
  ])('%s is read without its last line, which is cut off when it is reopened', async (_, torn) => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [{type: 'intent', step: 'a'}])
    const whole = await textOf(directory)
    await appendFile(recordFile(directory), torn)
    expect((await journalOf(directory).read(OPERATION)).map((e) => e.seq)).toEqual([1, 2])
    const writer = await journalOf(directory).reopen(OPERATION, {takeOver: false})
    expect(await textOf(directory)).toBe(whole)
    const third = await writer.append(done('a'))
    expect(await textOf(directory)).toBe(`${whole}${JSON.stringify(third)}\n`)
    expect(third.seq).toBe(3)
  })

  test('before its first line was whole is empty, and can be reopened', async () => {
    const directory = await stateDirectory()
    await journalOf(directory, DEAD).create(OPERATION)
    await appendFile(recordFile(directory), '{"seq":1')
    expect(await journalOf(directory).read(OPERATION)).toEqual([])
    expect((await journalOf(directory).reopen(OPERATION, {takeOver: false})).entries).toEqual([])
  })
})

describe('a line that cannot be read before the last', () => {
  test.each([
    ['an entry that is missing', '', /^its number is 3, expected 2\. /],
    ['text that is no JSON', '{"seq":2,\n', /JSON.*\. Nothing was done/],
    ['a list', '[]\n', /^it is not an object\. /],
    ['a type of a later version', '{"seq":2,"at":"now","type":"paused"}\n', /^its type is not known\. /],
    ['a type that only looks like one', '{"seq":2,"at":"now","type":"toString"}\n', /^its type is not known\. /],
    ['a field that is missing', '{"seq":2,"at":"now","type":"intent"}\n', /^its field "step" is not string\. /],
    ['a time that is missing', '{"seq":2,"type":"intent","step":"a"}\n', /^its field "at" is not string\. /],
  ])('(%s) is an error that names file and line, for reading and reopening', async (_, line, why) => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [])
    const last = `${JSON.stringify({seq: 3, at: NOW, type: 'intent', step: 'b'})}\n`
    await appendFile(recordFile(directory), `${line}${last}`)
    const before = await textOf(directory)
    const journal = journalOf(directory)
    const expected = {
      name: 'PoolctlError',
      code: 'JOURNAL_UNREADABLE',
      exitCode: 8,
      message: `line 2 of the record ${recordFile(directory)} cannot be read`,
      detail: expect.stringMatching(why) as string,
    }
    expect(await refusal(journal.read(OPERATION))).toEqual(expected)
    expect(await refusal(journal.reopen(OPERATION, {takeOver: true}))).toEqual(expected)
    expect(await textOf(directory)).toBe(before)
    expect((await readdir(dirname(recordFile(directory)))).sort()).toEqual(['holder.1.json', 'journal.ndjson'])
  })
})

describe('the list of records', () => {
  test('is empty where nothing was ever written', async () => {
    expect(await journalOf(await stateDirectory()).list()).toEqual([])
  })

  test('tells running, interrupted, closed and unreadable apart, and passes over what is no record', async () => {
    const directory = await stateDirectory()
    await leave(directory, ALIVE, [{type: 'intent', step: 'a'}, done('a')], 'a-running')
    await leave(directory, DEAD, [done('a'), done('b'), {type: 'undone', step: 'b', seconds: 1}], 'b-interrupted')
    await leave(directory, DEAD, [{type: 'closed', outcome: 'completed', exitCode: 0}], 'c-closed')
    await leave(directory, DEAD, [{type: 'closed', outcome: 'incomplete', exitCode: 8}], 'd-incomplete')
    const resumed = {type: 'taken-over', holder: DEAD, way: 'resume'} as const
    await leave(directory, ALIVE, [{type: 'closed', outcome: 'incomplete', exitCode: 8}, resumed], 'e-resumed')
    await leave(directory, ELSEWHERE, [], 'f-elsewhere')
    await leave(directory, DEAD, [], 'g-broken')
    await appendFile(recordFile(directory, 'g-broken'), 'garbage\n')
    await mkdir(join(directory, 'operations', 'h-empty'))
    await writeFile(join(directory, 'operations', 'README'), 'not ours')
    const known = {verb: 'recovery', cluster: 'shop', startedAt: NOW, stepsTotal: 2, stepsDone: 0, outcome: null}
    expect(await journalOf(directory).list()).toEqual([
      {
        operation: 'g-broken',
        verb: 'g',
        cluster: '',
        startedAt: '',
        holder: ALIVE,
        state: 'unreadable',
        outcome: null,
        stepsDone: 0,
        stepsTotal: 0,
      },
      {...known, operation: 'a-running', holder: ALIVE, state: 'running', stepsDone: 1},
      {...known, operation: 'b-interrupted', holder: DEAD, state: 'interrupted', stepsDone: 1},
      {...known, operation: 'c-closed', holder: DEAD, state: 'closed', outcome: 'completed'},
      {...known, operation: 'd-incomplete', holder: DEAD, state: 'closed', outcome: 'incomplete'},
      // An incomplete operation that was taken up again is open; who took it up last has it.
      {...known, operation: 'e-resumed', holder: DEAD, state: 'running'},
      // Nothing can be proved from here, so it counts as running.
      {...known, operation: 'f-elsewhere', holder: ELSEWHERE, state: 'running'},
    ])
  })
})

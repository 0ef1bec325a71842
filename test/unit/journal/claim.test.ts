/** One process at a time: who has a record is judged by proof, and who lost it cannot write to it any more. */
import {readFile, readdir, writeFile} from 'node:fs/promises'
import {hostname, userInfo} from 'node:os'
import {dirname, join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {livenessFrom, processStart, thisHolder} from '../../../src/journal/holder.js'
import {
  ALIVE,
  DEAD,
  ELSEWHERE,
  NOW,
  OPERATION,
  done,
  journalOf,
  leave,
  recordFile,
  refusal,
  stateDirectory,
  textOf,
} from './record-bench.js'

const start = await processStart(process.pid)

describe('whether a holder lives', () => {
  test.each([
    ['its process with its start time is there', ALIVE, start, 'alive'],
    ['its process is there and its start time was not known', ALIVE, null, 'alive'],
    ['another process has its number now', ALIVE, '1', 'dead'],
    ['no process has its number', DEAD, '1', 'dead'],
    ['its host was started again since', {...ALIVE, bootId: 'boot-0'}, start, 'dead'],
    ['it is on another machine, where its number means nothing', ELSEWHERE, start, 'elsewhere'],
  ] as const)('when %s', async (_, holder, recorded, expected) => {
    const liveness = await livenessFrom(ALIVE)({holder, processStart: recorded, released: false})
    expect(liveness).toBe(expected)
  })

  test('needs a start time that differs between processes and is read past a name with spaces', async () => {
    const stat = await readFile('/proc/self/stat', 'utf8')
    expect(start).toBe(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
    expect(start).toMatch(/^\d+$/)
    expect(await processStart(DEAD.pid)).toBeNull()
  })

  test('is asked of a holder that names this process', async () => {
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    const expected = {user: userInfo().username, host: hostname(), pid: process.pid, bootId, since: NOW}
    expect(await thisHolder(new Date(NOW))).toEqual(expected)
  })
})

describe('reopening a record', () => {
  test('goes on with the entries of a process that is gone', async () => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [{type: 'intent', step: 'a'}])
    const writer = await journalOf(directory).reopen(OPERATION, {takeOver: false})
    expect(writer.entries.map(({seq, type}) => [seq, type])).toEqual([
      [1, 'opened'],
      [2, 'intent'],
    ])
    expect((await writer.append(done('a'))).seq).toBe(3)
  })

  test('is open to anybody once its holder let go', async () => {
    const directory = await stateDirectory()
    const writer = await journalOf(directory).create(OPERATION)
    await writer.append({type: 'intent', step: 'a'})
    await writer.release()
    const again = await journalOf(directory).reopen(OPERATION, {takeOver: false})
    expect(again.entries).toEqual(writer.entries)
  })

  test.each([false, true])('is refused while its process lives, naming it (take over: %s)', async (takeOver) => {
    const directory = await stateDirectory()
    await leave(directory, ALIVE, [])
    const second = journalOf(directory, {...ALIVE, user: 'second'})
    expect(await refusal(second.reopen(OPERATION, {takeOver}))).toEqual({
      name: 'Locked',
      code: 'OPERATION_HELD',
      exitCode: 10,
      message: `operation ${OPERATION} is held by op@admin1, pid ${process.pid}, since ${NOW}`,
      detail: 'That process is running.',
    })
  })

  test('that was left on another machine is refused until it is taken over by name', async () => {
    const directory = await stateDirectory()
    await leave(directory, ELSEWHERE, [])
    const journal = journalOf(directory)
    expect(await refusal(journal.reopen(OPERATION, {takeOver: false}))).toEqual({
      name: 'Locked',
      code: 'OPERATION_HELD',
      exitCode: 10,
      message: `operation ${OPERATION} is held by other@admin2, pid ${process.pid}, since ${NOW}`,
      detail: 'Whether that process still runs can only be seen on admin2.',
    })
    const writer = await journal.reopen(OPERATION, {takeOver: true})
    expect((await writer.append({type: 'taken-over', holder: ALIVE, way: 'resume'})).seq).toBe(2)
  })

  test('takes it from a process that comes back: it cannot append, and the record stays whole', async () => {
    const directory = await stateDirectory()
    const late = await journalOf(directory, ELSEWHERE).create(OPERATION)
    await late.append({type: 'intent', step: 'a'})
    const winner = await journalOf(directory).reopen(OPERATION, {takeOver: true})
    const before = await textOf(directory)
    expect(await refusal(late.append(done('a')))).toMatchObject({
      name: 'Locked',
      code: 'OPERATION_HELD',
      message: `operation ${OPERATION} is held by op@admin1, pid ${process.pid}, since ${NOW}`,
    })
    expect(await textOf(directory)).toBe(before)
    expect((await winner.append(done('a'))).seq).toBe(2)
  })

  test('is won by exactly one of those who try at the same moment', async () => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [])
    const users = ['one', 'two', 'three', 'four']
    const tries = users.map((user) => journalOf(directory, {...ALIVE, user}).reopen(OPERATION, {takeOver: false}))
    const ends = await Promise.allSettled(tries)
    expect(ends.filter((end) => end.status === 'fulfilled').length).toBe(1)
    const lost = ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as {code: string}).code] : []))
    expect(lost).toEqual(['OPERATION_HELD', 'OPERATION_HELD', 'OPERATION_HELD'])
    const holders = (await readdir(dirname(recordFile(directory)))).filter((name) => name.startsWith('holder'))
    expect(holders.length).toBe(1)
  })

  test('judges by the start time on disk, not by a pid that another process has now', async () => {
    const directory = await stateDirectory()
    await leave(directory, ALIVE, [])
    const file = join(dirname(recordFile(directory)), 'holder.1.json')
    const record = JSON.parse(await readFile(file, 'utf8')) as object
    expect(record).toEqual({holder: ALIVE, processStart: start, released: false})
    await writeFile(file, JSON.stringify({...record, processStart: '1'}))
    expect((await journalOf(directory).reopen(OPERATION, {takeOver: false})).entries.length).toBe(1)
  })

  test('of an operation that is not there says where it was looked for and leaves no trace', async () => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [], 'other-one')
    const unknown = {
      name: 'UsageError',
      code: 'OPERATION_UNKNOWN',
      exitCode: 2,
      message: `there is no operation ${OPERATION} in ${directory}`,
      detail: undefined,
    }
    expect(await refusal(journalOf(directory).reopen(OPERATION, {takeOver: true}))).toEqual(unknown)
    expect(await readdir(join(directory, 'operations'))).toEqual(['other-one'])
  })
})

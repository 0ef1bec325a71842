/** Records fetched from a host: they may add to what is known here, never take away from it. */
import {appendFile, readdir} from 'node:fs/promises'
import {dirname} from 'node:path'
import {describe, expect, test} from 'vitest'
import {
  ALIVE,
  DEAD,
  ELSEWHERE,
  OPERATION,
  done,
  journalOf,
  leave,
  recordFile,
  refusal,
  stateDirectory,
  textOf,
} from './record-bench.js'

/** The text of a record as another machine wrote it. */
async function fetched(entries: Parameters<typeof leave>[2], operation = OPERATION): Promise<string> {
  const theirs = await stateDirectory()
  await leave(theirs, ELSEWHERE, entries, operation)
  return textOf(theirs, operation)
}

describe('adopting a fetched record', () => {
  test('puts it in place; going on with it asks for the word that its machine is given up', async () => {
    const directory = await stateDirectory()
    const text = await fetched([{type: 'intent', step: 'a'}])
    const journal = journalOf(directory)
    await journal.adopt(OPERATION, text)
    expect(await textOf(directory)).toBe(text)
    expect(await refusal(journal.reopen(OPERATION, {takeOver: false}))).toMatchObject({code: 'OPERATION_HELD'})
    const writer = await journal.reopen(OPERATION, {takeOver: true})
    expect((await writer.append(done('a'))).seq).toBe(3)
  })

  test('needs no such word when the operation was closed', async () => {
    const directory = await stateDirectory()
    await journalOf(directory).adopt(OPERATION, await fetched([{type: 'closed', outcome: 'incomplete', exitCode: 8}]))
    const writer = await journalOf(directory).reopen(OPERATION, {takeOver: false})
    expect(writer.entries.length).toBe(2)
  })

  test('extends the one that is here, and drops a torn last line of the copy', async () => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [])
    const head = await textOf(directory)
    const tail = `${JSON.stringify({seq: 2, at: 'later', type: 'intent', step: 'a'})}\n`
    await journalOf(directory).adopt(OPERATION, `${head}${tail}{"seq":3`)
    expect(await textOf(directory)).toBe(`${head}${tail}`)
    const files = await readdir(dirname(recordFile(directory)))
    expect(files.filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('refuses one that is shorter or tells another story, and keeps the one that is here', async () => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [{type: 'intent', step: 'a'}, done('a')])
    const ours = await textOf(directory)
    const lines = ours.split('\n')
    const shorter = `${lines.slice(0, 2).join('\n')}\n`
    const other = `${lines.slice(0, 2).join('\n')}\n${lines[2]?.replace('"step":"a"', '"step":"b"')}\n`
    const conflict = {name: 'Refused', code: 'RECORD_CONFLICT', exitCode: 6, detail: 'They differ from entry 3 on.'}
    const journal = journalOf(directory)
    for (const [text, count] of [
      [shorter, 2],
      [other, 3],
    ] as const) {
      expect(await refusal(journal.adopt(OPERATION, text))).toEqual({
        ...conflict,
        message: `the record of ${OPERATION} here has 3 entries, the fetched one ${count}`,
      })
      expect(await textOf(directory)).toBe(ours)
    }
  })

  test('refuses while the operation runs here', async () => {
    const directory = await stateDirectory()
    await leave(directory, ALIVE, [])
    const ours = await textOf(directory)
    const longer = `${ours}${JSON.stringify({seq: 2, at: 'later', type: 'intent', step: 'a'})}\n`
    expect(await refusal(journalOf(directory).adopt(OPERATION, longer))).toMatchObject({
      name: 'Refused',
      code: 'OPERATION_HELD',
      message: `operation ${OPERATION} is running here, pid ${process.pid}; its record is not replaced`,
    })
    expect(await textOf(directory)).toBe(ours)
  })

  test.each([
    ['of another operation', () => fetched([], 'promote-1'), 'It belongs to promote-1.'],
    ['that is empty', () => Promise.resolve(''), 'It does not begin with its opening entry.'],
  ])('refuses a record %s', async (_, text, detail) => {
    const directory = await stateDirectory()
    expect(await refusal(journalOf(directory).adopt(OPERATION, await text()))).toEqual({
      name: 'Refused',
      code: 'RECORD_OF_ANOTHER_OPERATION',
      exitCode: 6,
      message: `the fetched record is not that of ${OPERATION}`,
      detail,
    })
    expect(await journalOf(directory).list()).toEqual([])
  })

  test('refuses a copy that cannot be read, naming its line', async () => {
    const directory = await stateDirectory()
    expect(await refusal(journalOf(directory).adopt(OPERATION, 'garbage\n'))).toMatchObject({
      code: 'JOURNAL_UNREADABLE',
      message: `line 1 of the record fetched for ${OPERATION} cannot be read`,
    })
  })

  test('replaces a record that cannot be read here, which is kept beside it', async () => {
    const directory = await stateDirectory()
    await leave(directory, DEAD, [])
    const head = await textOf(directory)
    await appendFile(recordFile(directory), 'garbage\n')
    await journalOf(directory).adopt(OPERATION, head)
    expect(await textOf(directory)).toBe(head)
    const kept = (await readdir(dirname(recordFile(directory)))).filter((name) => name.includes('unreadable'))
    expect(kept).toEqual([`journal.ndjson.unreadable-${Date.UTC(2026, 10, 25, 16, 42, 10)}`])
  })
})

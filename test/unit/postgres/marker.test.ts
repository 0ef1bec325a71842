/** Two that make poolctl's table at once: whoever comes second is told so by one of several errors, and goes on. */
import {expect, test} from 'vitest'
import type {Session} from '../../../src/postgres/connect.js'
import {ensure} from '../../../src/postgres/marker.js'
import {CREATE_MARKER, CREATE_SCHEMA} from '../../../src/postgres/queries.js'

const CALL = {phase: 'change', doing: 'write a marker', withinMs: 1000} as const

/** A server that answers the first statement with that error. */
function refusing(code: string): {session: Session; asked: string[]} {
  const asked: string[] = []
  const query = ({text}: {text: string}): Promise<never[]> => {
    asked.push(text)
    const error = Object.assign(new Error('it exists'), {code, severity: 'ERROR'})
    return asked.length === 1 ? Promise.reject(error) : Promise.resolve([])
  }
  return {session: {query} as unknown as Session, asked}
}

test.each(['23505', '42710', '42P06', '42P07'])('%s is no failure: it is there', async (code) => {
  const {session, asked} = refusing(code)
  await ensure(session, [CREATE_SCHEMA, CREATE_MARKER], CALL)
  expect(asked).toEqual([CREATE_SCHEMA.text, CREATE_MARKER.text])
})

test('any other error is one', async () => {
  const {session, asked} = refusing('42501')
  await expect(ensure(session, [CREATE_SCHEMA, CREATE_MARKER], CALL)).rejects.toThrow('it exists')
  expect(asked).toEqual([CREATE_SCHEMA.text])
})

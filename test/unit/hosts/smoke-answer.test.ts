import {expect, it} from 'vitest'
import {smokeFrom} from '../../../src/hosts/rehearsal-host.js'

it('reads what was tried on a rehearsed cluster: its name, its seconds, and what it said when it failed', () => {
  const said = ['first row of every table in shop', '1500000000', '0', '']
  const failed = ['your queries', '20000000', '3', 'ERROR:  division by zero\nLINE 2: SELECT 1 / 0;']
  const silent = ['your queries', '1', '2', '']
  expect(smokeFrom(`${[...said, ...failed, ...silent].join('\0')}\0`)).toEqual([
    {name: 'first row of every table in shop', seconds: 1.5, error: null},
    {name: 'your queries', seconds: 0.02, error: 'ERROR:  division by zero\nLINE 2: SELECT 1 / 0;'},
    {name: 'your queries', seconds: 1e-9, error: 'psql ended with status 2'},
  ])
  expect(smokeFrom('')).toEqual([])
})

/**
 * Clients that go around pgpool during an upgrade from 13 to 15, by TCP and by the socket of every node: none is told that a row is safe
 * between the stop of the old primary and the start of the new one, none that it was told of is missing afterwards; and the servers that
 * pg_upgrade starts for itself let nobody in.
 */
import {execFile} from 'node:child_process'
import {readFile, stat} from 'node:fs/promises'
import {connect} from 'node:net'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {JournalEntry} from '../../src/ports/journal.js'
import {runAsServer} from '../../src/lab/run.js'
import {LAB_DATABASE, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {startDirectWriters} from '../support/direct-writers.js'
import {change, DONE, ending, nodeOf, sqlOn, startCheckedLab, until, type SharedLab} from '../support/e2e-lab.js'
import {holdJob} from '../support/host-jobs.js'
import {labIn, OLD_TO_NEW, placeOf, versionsOf} from '../support/upgrade-lab.js'

const {to: TO, possible} = OLD_TO_NEW
const RUN = 'around pgpool'
const execute = promisify(execFile)

let lab: SharedLab

type OwnServer = {which: 'old' | 'new'; sockets: string; addresses: string}

/** One that pg_upgrade has started, by the lines of its postmaster.pid (miscadmin.h): socket directory, then addresses. */
async function ownServer(spec: LabSpec): Promise<OwnServer | null> {
  for (const which of ['old', 'new'] as const) {
    const path = join(placeOf(nodeOf(spec, 0), OLD_TO_NEW, which), 'postmaster.pid')
    const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n')
    if (lines[7]?.trim() === 'ready' && lines[4]?.includes('poolctl') === true)
      return {which, sockets: lines[4], addresses: lines[5] ?? ''}
  }
  return null
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({host, port})
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** What `select 1` through a socket directory says to a user of the machine. */
async function asked(spec: LabSpec, sockets: string, as: 'server' | 'nobody'): Promise<string> {
  const psql = join(OLD_TO_NEW.bin.new, 'psql')
  const words = [
    '-XAtqw',
    '-h',
    sockets,
    '-p',
    String(spec.ports.postgres),
    '-U',
    'postgres',
    '-c',
    'SELECT 1',
    'template1',
  ]
  const answer =
    as === 'server'
      ? runAsServer(spec, psql, words)
      : execute('runuser', ['-u', 'nobody', '--', psql, ...words]).then(({stdout}) => stdout)
  return answer.then(
    (text) => text.trim(),
    (error: unknown) => String(error),
  )
}

/** When a step of the newest run was begun or done, by its record. */
async function recordedAt(operation: string, type: 'intent' | 'done', step: string): Promise<number> {
  const text = await readFile(join(lab.stateDirectory, 'operations', operation, 'journal.ndjson'), 'utf8')
  const entries = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as JournalEntry]))
  const found = entries.find((entry) => entry.type === type && 'step' in entry && entry.step === step)
  if (!found) throw new Error(`no ${type} of ${step}`)
  return Date.parse(found.at)
}

describe.runIf(possible)('an upgrade with clients that go around pgpool', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: OLD_TO_NEW.from, nodes: 3})
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(TO)]))).toEqual(DONE)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('tells nobody that a row is safe while no version is open, and has every row that it told of', async () => {
    const spec = await requireSpec(lab.directory)
    const {address} = nodeOf(spec, 0)
    const writers = await startDirectWriters(spec, RUN)
    let seen: {own: OwnServer; mode: number; uid: number; tcp: boolean; server: string; nobody: string} | null = null
    const running = change(lab, [
      ...['upgrade', 'run', '--to', String(TO), '--confirm', 'lab', '--way-back', 'none', '--min-standbys', '1'],
    ])
    try {
      await until('rows are written on both ways into the primary', () =>
        ['tcp 0', 'socket 0'].every((wanted) => writers.acknowledged.some(({way}) => way === wanted)),
      )
      const held = await holdJob(spec, 0, 'pg-upgrade', async () => (await ownServer(spec)) !== null)
      const own = await ownServer(spec)
      if (own) {
        const {mode, uid} = await stat(own.sockets)
        const [tcp, server, nobody] = await Promise.all([
          connects(address, spec.ports.postgres),
          asked(spec, own.sockets, 'server'),
          asked(spec, own.sockets, 'nobody'),
        ])
        seen = {own, mode: mode & 0o777, uid, tcp, server, nobody}
      }
      held.goOn()
    } finally {
      await running
    }
    const answer = await running
    expect(ending(answer)).toEqual(DONE)
    await labIn(lab, OLD_TO_NEW, 'new')
    const before = writers.acknowledged.length
    await until('they write again', () => writers.acknowledged.length > before + 20)
    await writers.stop()

    expect(seen).toMatchObject({own: {addresses: ''}, mode: 0o700, tcp: false, server: '1'})
    expect(seen?.nobody).toMatch(/Permission denied|could not connect/)
    expect(seen?.uid).toBe(Number((await execute('id', ['-u', spec.user.name])).stdout))

    const operation = answer.data?.operation ?? 'none'
    const stopped = await recordedAt(operation, 'done', 'stop-primary')
    const opened = await recordedAt(operation, 'intent', 'start-primary')
    expect(opened - stopped).toBeGreaterThan(0)
    const between = writers.acknowledged.filter(({sentAt}) => sentAt >= stopped && sentAt < opened)
    expect(between, 'acknowledged while no version was open').toEqual([])
    const on = (from: (sentAt: number) => boolean): string[] =>
      [...new Set(writers.acknowledged.filter(({sentAt}) => from(sentAt)).map(({way}) => way))].sort()
    expect({before: on((at) => at < stopped), after: on((at) => at >= opened)}).toEqual({
      before: ['socket 0', 'tcp 0'],
      after: ['socket 0', 'tcp 0'],
    })
    expect(Object.keys(writers.refused).length, 'ways that were tried in vain').toBe(6)

    expect(await versionsOf(lab)).toEqual([TO, TO, TO].map(String))
    const stored = new Set(await sqlOn(lab, 0, `SELECT number FROM public.ledger WHERE run = '${RUN}'`, LAB_DATABASE))
    expect(writers.acknowledged.filter(({number}) => !stored.has(String(number)))).toEqual([])
  })
})

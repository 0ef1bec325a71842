/** Clients that go around pgpool: one for every way into every node of a lab, each with rows of its own and what was acknowledged of them. */
import {readFile} from 'node:fs/promises'
import {setTimeout as sleep} from 'node:timers/promises'
import pg from 'pg'
import {LAB_DATABASE, labPaths, type LabSpec} from '../../src/lab/spec.js'

/** Whom the lab's rules let in by a socket too. */
const USER = 'postgres'
const EVERY_MS = 5
const WITHIN_MS = 2000

export type Acknowledged = {number: number; way: string; sentAt: number}

export type DirectWriters = {
  readonly acknowledged: readonly Acknowledged[]
  /** So often nobody was let in, by way. */
  readonly refused: Readonly<Record<string, number>>
  stop(): Promise<void>
}

/** By TCP at the node's address, and by the socket in its directory. */
export function waysInto(spec: LabSpec): {way: string; host: string}[] {
  return spec.nodes.flatMap(({id, address, directory}) => [
    {way: `tcp ${id}`, host: address},
    {way: `socket ${id}`, host: directory},
  ])
}

async function passwordOf(spec: LabSpec): Promise<string> {
  const lines = (await readFile(labPaths(spec.directory).passfile, 'utf8')).split('\n')
  const password = lines.find((line) => line.split(':')[3] === USER)?.split(':')[4]
  if (password === undefined) throw new Error(`no password of ${USER}`)
  return password
}

/** Into the ledger's table, as rows of `run`. A way that does not let them in is tried again at once. */
export async function startDirectWriters(spec: LabSpec, run: string): Promise<DirectWriters> {
  const password = await passwordOf(spec)
  const acknowledged: Acknowledged[] = []
  const refused: Record<string, number> = {}
  const state = {next: 1, over: false}

  async function session(way: string, host: string): Promise<void> {
    const client = new pg.Client({
      ...{host, port: spec.ports.postgres, user: USER, password, database: LAB_DATABASE},
      ...{connectionTimeoutMillis: WITHIN_MS, query_timeout: WITHIN_MS, ssl: false},
    })
    // A server that goes down says so between two queries.
    client.on('error', () => undefined)
    try {
      await client.connect()
      while (!state.over) {
        const number = state.next
        state.next += 1
        const sentAt = Date.now()
        await client.query('INSERT INTO public.ledger (run, number) VALUES ($1, $2)', [run, number])
        acknowledged.push({number, way, sentAt})
        await sleep(EVERY_MS)
      }
    } catch {
      refused[way] = (refused[way] ?? 0) + 1
      await sleep(EVERY_MS)
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  const loops = waysInto(spec).map(async ({way, host}) => {
    while (!state.over) await session(way, host)
  })
  return {
    acknowledged,
    refused,
    async stop() {
      state.over = true
      await Promise.all(loops)
    },
  }
}

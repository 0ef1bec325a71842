/**
 * Records what a real pgpool sends, for test/fixtures/pcp. Run it with the integration test:
 * `POOLCTL_RECORD_PCP=1 npx vitest run --project integration test/integration/pcp.test.ts`
 *
 * A transcript is text, one line a turn: `C` and the client's bytes, `S` and the server's, in hexadecimal.
 */
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {connect} from 'node:net'
import {join} from 'node:path'
import {Duplex} from 'node:stream'
import type {Endpoint} from '../../src/pcp/endpoint.js'

export type Turn = {from: 'C' | 'S'; bytes: Buffer}

export const PCP_FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'pcp')

/** An endpoint that passes everything through to `port` of `host` and adds it to `turns`. */
export function recordingEndpoint(host: string, port: number, turns: Turn[]): Endpoint {
  const add = (from: Turn['from'], bytes: Buffer): void => {
    const last = turns.at(-1)
    if (last?.from === from) last.bytes = Buffer.concat([last.bytes, bytes])
    else turns.push({from, bytes: Buffer.from(bytes)})
  }
  const open = (): Promise<Duplex> =>
    new Promise((resolve, reject) => {
      const socket = connect({host, port})
      socket.once('error', reject)
      socket.once('connect', () => {
        const tee = new Duplex({
          read: () => socket.resume(),
          write: (chunk: Buffer, _, done) => {
            add('C', chunk)
            socket.write(chunk, done)
          },
          final: (done) => socket.end(done),
          destroy: (error, done) => {
            socket.destroy()
            done(error)
          },
        })
        socket.on('data', (chunk: Buffer) => {
          add('S', chunk)
          if (!tee.push(chunk)) socket.pause()
        })
        socket.on('end', () => tee.push(null))
        socket.on('error', (error) => tee.destroy(error))
        resolve(tee)
      })
    })
  return {kind: 'channel', description: `${host}:${port} (recorded)`, open}
}

export async function saveTranscript(version: string, name: string, turns: readonly Turn[]): Promise<void> {
  await mkdir(join(PCP_FIXTURES, version), {recursive: true})
  const text = turns.map(({from, bytes}) => `${from} ${bytes.toString('hex')}\n`).join('')
  await writeFile(join(PCP_FIXTURES, version, `${name}.hex`), text)
}

export async function readTranscript(version: string, name: string): Promise<Turn[]> {
  const text = await readFile(join(PCP_FIXTURES, version, `${name}.hex`), 'latin1')
  return text
    .trim()
    .split('\n')
    .map((line) => ({from: line.startsWith('C') ? 'C' : 'S', bytes: Buffer.from(line.slice(2), 'hex')}))
}

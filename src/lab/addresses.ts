/** A /24 of 127.0.0.0/8 for each lab, so that several run side by side and every host keeps the usual ports. */
import {createHash} from 'node:crypto'
import {createServer} from 'node:net'
import {Refused} from '../lib/errors.js'
import type {LabSpec} from './spec.js'

export type LabNetwork = {ports: LabSpec['ports']; proxy: string; nodes: string[]}

/**
 * The usual ports first. The others are for a machine where a server listens on every address: such a port is taken in all of
 * 127.0.0.0/8. All below 32768, where the kernel takes the ports of outgoing connections from.
 */
const PORTS: LabSpec['ports'][] = [
  {ssh: 2222, postgres: 5432, pgpool: 9999, pcp: 9898},
  {ssh: 12_222, postgres: 15_432, pgpool: 19_999, pcp: 19_898},
  {ssh: 22_222, postgres: 25_432, pgpool: 29_999, pcp: 29_898},
]

const TRIES = 40

/**
 * Finds one where everything is free. The first guess follows from the directory, so labs that start at the same moment try
 * different ones. Linux: there all of 127.0.0.0/8 is this machine.
 */
export async function findNetwork(directory: string, nodes: number): Promise<LabNetwork> {
  const seed = createHash('sha256').update(directory).digest()
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    // 127.0 and 127.1 are where people and distributions put names of their own.
    const second = 2 + (((seed[0] ?? 0) + attempt * 7) % 252)
    const third = 1 + (((seed[1] ?? 0) + attempt * 13) % 254)
    const prefix = `127.${second}.${third}`
    for (const ports of PORTS) {
      const network = {
        ports,
        proxy: `${prefix}.9`,
        nodes: Array.from({length: nodes}, (_, id) => `${prefix}.${10 + id}`),
      }
      if (await allFree(network)) return network
    }
  }
  throw new Refused({
    code: 'LAB_ADDRESSES_TAKEN',
    message: `no free addresses for a lab were found in ${TRIES} networks of 127.0.0.0/8`,
    detail: `On each of them a port of ${PORTS.map((ports) => Object.values(ports).join(', ')).join('; ')} is taken.`,
    hint: 'A lab needs Linux. Take other labs down with: poolctl lab down --dir DIR',
  })
}

async function allFree({ports, proxy, nodes}: LabNetwork): Promise<boolean> {
  const places = [
    ...nodes.flatMap((address) => [ports.ssh, ports.postgres].map((port) => ({address, port}))),
    ...[ports.ssh, ports.pgpool, ports.pcp].map((port) => ({address: proxy, port})),
  ]
  const free = await Promise.all(places.map(({address, port}) => isFree(address, port)))
  return free.every(Boolean)
}

async function isFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({host: address, port, exclusive: true}, () => server.close(() => resolve(true)))
  })
}

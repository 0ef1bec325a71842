/** The port `World.moveInFile`: replaces the cluster file as a whole, and keeps what it was beside it. */
import {access, copyFile, open, readFile, rename, stat} from 'node:fs/promises'
import type {ClusterFile} from '../cluster/cluster-file.js'
import {movedClusterFile} from '../cluster/config/move.js'
import {ActFailed, messageOf} from '../lib/errors.js'
import type {NodePlace} from '../ports/world.js'

export async function moveInFile(file: ClusterFile, operation: string, places: readonly NodePlace[]): Promise<void> {
  const {path} = file
  try {
    const before = await readFile(path, 'utf8')
    const moves = places.map(({node, ...place}) => {
      const config = file.nodes.find(({id}) => id === node)
      return {...place, id: node, work: config?.work ?? `${place.data}.poolctl`}
    })
    const after = movedClusterFile(before, moves, path)
    if (after === before) return
    const kept = `${path}.before-${operation}`
    const there = await access(kept).then(
      () => true,
      () => false,
    )
    if (!there) await copyFile(path, kept)
    await replace(path, after)
  } catch (error) {
    throw new ActFailed({
      code: 'CLUSTER_FILE_NOT_WRITTEN',
      message: `cluster file ${path} was not changed: ${messageOf(error)}`,
      hint: `Write the new data and bin of each node into it: ${places.map(({node, data, bin}) => `node ${node}: ${data}, ${bin}`).join('; ')}`,
      cause: error,
    })
  }
}

async function replace(path: string, text: string): Promise<void> {
  const part = `${path}.part`
  const {mode} = await stat(path)
  const handle = await open(part, 'w', mode & 0o777)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, path)
}

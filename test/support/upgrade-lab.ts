/** A lab that goes from one major version to another, where both are installed (bin/install-packages test). */
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import type {LabSpec} from '../../src/lab/spec.js'
import {requireSpec, saveSpec} from '../../src/lab/store.js'
import {sqlOn} from './e2e-lab.js'
import type {TestLab} from './lab.js'

export type Which = 'old' | 'new'
export type Versions = {from: number; to: number; bin: Readonly<Record<Which, string>>; possible: boolean}

export function versionPair(from: number, to: number): Versions {
  const bin = {old: `/usr/lib/postgresql/${from}/bin`, new: `/usr/lib/postgresql/${to}/bin`}
  return {from, to, bin, possible: existsSync(join(bin.old, 'postgres')) && existsSync(join(bin.new, 'pg_upgrade'))}
}

/** What Debian 12 and its predecessor have. */
export const OLD_TO_NEW = versionPair(13, 15)

/** Where a node of the lab has that cluster: `poolctl upgrade prepare` puts the new one beside the old one. */
export function placeOf(node: LabSpec['nodes'][number], {to}: Versions, which: Which): string {
  return join(node.directory, which === 'old' ? 'data' : `data-${to}`)
}

/** The lab's own map says where its servers are; it starts and looks at those. */
export async function labIn(lab: TestLab, versions: Versions, which: Which): Promise<LabSpec> {
  const spec = await requireSpec(lab.directory)
  const moved = {
    ...spec,
    bin: versions.bin[which],
    postgresMajor: which === 'old' ? versions.from : versions.to,
    nodes: spec.nodes.map((node) => ({...node, data: placeOf(node, versions, which)})),
  }
  await saveSpec(moved)
  return moved
}

/** The major version that each node's server answers with, or `down`. */
export async function versionsOf(lab: TestLab): Promise<string[]> {
  const {nodes} = await requireSpec(lab.directory)
  const query = "SELECT current_setting('server_version_num')::int / 10000"
  return Promise.all(nodes.map(async ({id}) => (await sqlOn(lab, id, query).catch(() => ['down']))[0] ?? 'down'))
}

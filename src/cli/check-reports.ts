/** Reports of `upgrade check`, kept in the state directory: a file each, and by name the newest is the last. */
import {mkdir, readdir, readFile, rename} from 'node:fs/promises'
import {join} from 'node:path'
import {PoolctlError, EXIT, messageOf} from '../lib/errors.js'
import type {UpgradeCheckData} from '../report/upgrade-check.js'
import {stateDirectory} from './state.js'

const SCHEMA = 'poolctl.upgrade-check-report/v1'

/** The last one kept for this cluster and target, or null. One that cannot be read is passed over: a check makes a new one. */
export async function lastCheckReport(cluster: string, to: number): Promise<UpgradeCheckData | null> {
  const directory = directoryOf(cluster)
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(`check-${to}-`)).sort()
  for (const name of names.toReversed()) {
    const report = await readReport(join(directory, name))
    if (report) return report
  }
  return null
}

/** The newest for this target that was made before a moment: what was known when an operation began. */
export async function checkReportBefore(cluster: string, to: number, at: string): Promise<UpgradeCheckData | null> {
  const directory = directoryOf(cluster)
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(`check-${to}-`))
  const reports = await Promise.all(names.map((name) => readReport(join(directory, name))))
  return (
    reports
      .filter((report) => report !== null)
      .filter(({checkedAt}) => checkedAt <= at)
      .toSorted((a, b) => a.checkedAt.localeCompare(b.checkedAt))
      .at(-1) ?? null
  )
}

async function readReport(path: string): Promise<UpgradeCheckData | null> {
  try {
    const file = JSON.parse(await readFile(path, 'utf8')) as {schema?: unknown; report?: unknown}
    return file.schema === SCHEMA ? (file.report as UpgradeCheckData) : null
  } catch {
    return null
  }
}

/** Readable by its owner alone, like all records. Returns the report with its place. */
export async function keepCheckReport(cluster: string, report: UpgradeCheckData): Promise<UpgradeCheckData> {
  const directory = directoryOf(cluster)
  const stamp = report.checkedAt.replaceAll(/[-:]/g, '').replace(/\.(\d+)Z$/, '$1Z')
  const path = join(directory, `check-${report.to}-${stamp}.json`)
  const kept = {...report, kept: path}
  try {
    const {writeSynced} = await import('../journal/files.js')
    await mkdir(directory, {recursive: true, mode: 0o700})
    const part = `${path}.${process.pid}.part`
    await writeSynced(part, `${JSON.stringify({schema: SCHEMA, cluster, report: kept}, null, 2)}\n`)
    await rename(part, path)
  } catch (error) {
    throw new PoolctlError(EXIT.refused, {
      code: 'STATE_DIRECTORY_NOT_WRITABLE',
      message: `the report cannot be kept in ${directory}`,
      detail: messageOf(error),
      hint: 'Name a directory of your own: POOLCTL_STATE_DIR',
      cause: error,
    })
  }
  return kept
}

/** A cluster's name may hold what a path may not. */
function directoryOf(cluster: string): string {
  return join(stateDirectory(), 'upgrade', encodeURIComponent(cluster).replace(/^\.+$/, '_'))
}

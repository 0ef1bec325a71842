/** What a plan was made for, as one hash, and the file a plan is kept in. */
import {createHash} from 'node:crypto'
import {readFile, writeFile} from 'node:fs/promises'
import type {Plan} from '../engine/plan.js'
import {EXIT, PoolctlError, UsageError, messageOf} from '../lib/errors.js'
import type {Json, JsonObject} from '../lib/json.js'

/** `sha256:` over `facts` with sorted keys: the same world gives the same hash whatever order it was read in. */
export function fingerprintOf(facts: JsonObject): string {
  return `sha256:${createHash('sha256').update(canonical(facts)).digest('hex')}`
}

/** JSON with sorted keys and nothing optional. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value as JsonObject).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`
}

export function stale(message: string, detail: string): PoolctlError {
  return new PoolctlError(EXIT.stale, {
    code: 'PLAN_STALE',
    message,
    detail,
    hint: 'Make a new plan with --dry-run --plan FILE, look at it, and run that.',
  })
}

/** Refuses to overwrite: a plan somebody has approved must not change under its name. */
export async function savePlan(path: string, plan: Plan): Promise<void> {
  const json = plan as unknown as JsonObject
  const file = {
    schema: 'poolctl.plan-file/v1',
    sha256: createHash('sha256').update(canonical(json)).digest('hex'),
    plan,
  }
  try {
    await writeFile(path, `${JSON.stringify(file, null, 2)}\n`, {flag: 'wx', mode: 0o600})
  } catch (error) {
    throw new UsageError({
      code: 'PLAN_FILE_NOT_WRITTEN',
      message: `plan file ${path} cannot be written`,
      detail: messageOf(error),
      hint: 'Name a file that does not exist, in a directory that does.',
      cause: error,
    })
  }
}

/** Throws exit 2 for a file that is no plan, exit 11 for one that was edited. */
export async function loadPlan(path: string): Promise<Plan> {
  let file: {schema?: unknown; sha256?: unknown; plan?: unknown}
  try {
    file = JSON.parse(await readFile(path, 'utf8')) as typeof file
  } catch (error) {
    throw notAPlan(path, messageOf(error), error)
  }
  if (file.schema !== 'poolctl.plan-file/v1' || typeof file.plan !== 'object' || file.plan === null) {
    throw notAPlan(path, 'It is not a poolctl.plan-file/v1.')
  }
  const hash = createHash('sha256')
    .update(canonical(file.plan as JsonObject))
    .digest('hex')
  if (hash !== file.sha256) {
    throw stale(
      `plan file ${path} was edited after it was made`,
      'Its checksum does not match, so it is not what was reviewed.',
    )
  }
  return file.plan as Plan
}

function notAPlan(path: string, detail: string, cause?: unknown): UsageError {
  return new UsageError({
    code: 'PLAN_FILE_INVALID',
    message: `${path} is not a plan file`,
    detail,
    hint: 'Make one with --dry-run --plan FILE.',
    cause,
  })
}

/** The JSON Schemas that ship in `schema/`, and whether an envelope keeps to the one that it names. */
import {readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {Ajv2020} from 'ajv/dist/2020.js'

/** Formats stand beside patterns in our schemas, and the patterns are what is checked here. */
const ajv = new Ajv2020({strict: false, validateFormats: false})

/** What is wrong with it, a sentence each. The envelope names its schema: `poolctl.node-info/v1` is `schema/node-info.json`. */
export function schemaErrors(envelope: unknown): string[] {
  const name = /^poolctl\.([a-z-]+)\/v1$/.exec(String((envelope as {schema?: unknown}).schema))?.[1]
  if (name === undefined) return ['it names no schema']
  const file = fileURLToPath(new URL(`../../schema/${name}.json`, import.meta.url))
  const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')) as object)
  if (validate(envelope)) return []
  return (validate.errors ?? []).map(({instancePath, message}) => `${instancePath} ${message ?? ''}`)
}

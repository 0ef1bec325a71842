/** The version of the package that runs, from the package.json above this file, in dist as in src. */
import {readFileSync} from 'node:fs'

export function toolVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as {version: string}).version
}

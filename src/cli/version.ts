/** The version of the package that runs, from the package.json above this file, in dist as in src. */
import {readFileSync} from 'node:fs'
import {packageFile} from '../lib/package-file.js'

export function toolVersion(): string {
  const text = readFileSync(packageFile('package.json'), 'utf8')
  return (JSON.parse(text) as {version: string}).version
}

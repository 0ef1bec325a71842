/** Headless Chromium, where it is installed: a page as its reader sees it. */
import {execFile} from 'node:child_process'
import {existsSync} from 'node:fs'
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'

const execute = promisify(execFile)
const CHROMIUM = '/usr/bin/chromium'
export const browserInstalled = existsSync(CHROMIUM)

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--hide-scrollbars', '--window-size=1240,2300'],
]

/** Its standard output and log. `profile` is a new directory in `home`, so that nothing of another run is in it. */
export async function browse(home: string, profile: string, args: string[]): Promise<{stdout: string; stderr: string}> {
  const directory = join(home, profile)
  await mkdir(directory)
  return execute(CHROMIUM, [...FLAGS, `--user-data-dir=${directory}`, ...args], {
    timeout: 90_000,
    maxBuffer: 64 * 1024 ** 2,
    env: {PATH: process.env['PATH'], HOME: home, LC_ALL: 'C.UTF-8'},
  })
}

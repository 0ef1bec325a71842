/** A site without a cluster file gets one from its running pgpool, and every word of it is then believed by the other commands. */
import {execFile, spawn} from 'node:child_process'
import {copyFile, chmod, readFile, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {fileURLToPath} from 'node:url'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {startLab, type TestLab} from '../support/lab.js'
import {until} from '../support/e2e-lab.js'

const POOLCTL = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const PASSPHRASE = 'canary-sesame-4711'

let lab: TestLab & {end: () => Promise<void>}
let spec: LabSpec
beforeAll(async () => {
  lab = await startLab({nodes: 2})
  spec = await requireSpec(lab.directory)
})
afterAll(async () => {
  await lab.end()
})

function environment(): NodeJS.ProcessEnv {
  const paths = labPaths(lab.directory)
  return {POOLCTL_CONFIG: undefined, PCPPASSFILE: paths.pcpPassfile, PGPASSFILE: paths.passfile}
}

function initArguments(file: string, {identity, config}: {identity?: string; config?: string} = {}): string[] {
  const paths = labPaths(lab.directory)
  return [
    ...[
      'init',
      spec.proxy.address,
      '--cluster',
      'shop',
      '--via',
      'tcp',
      '-p',
      String(spec.ports.pcp),
      '-U',
      'pcpadmin',
    ],
    ...['--ssh-user', spec.user.name, '--ssh-port', String(spec.ports.ssh), '--identity', identity ?? paths.identity],
    ...['--known-hosts', paths.knownHosts, '--pgpool-config', config ?? paths.pgpoolConf, '--file', file],
  ]
}

describe('init', () => {
  it('writes a file that config show accepts and with which status sees that all agree', async () => {
    const file = join(lab.directory, '..', 'written.yaml')
    const written = await lab.poolctl([...initArguments(file), '--json'], {env: environment()})
    expect(written.json).toMatchObject({
      exitCode: 0,
      data: {path: file, nodes: [0, 1], open: []},
      warnings: [{code: 'SETTINGS_ASSUMED'}],
      error: null,
    })
    const shown = await lab.poolctl(['config', 'show', '--config', file, '--json'], {env: environment()})
    const settings = Object.fromEntries(
      (shown.json as {data: {settings: {key: string; value: unknown}[]}}).data.settings.map(({key, value}) => [
        key,
        value,
      ]),
    )
    expect(
      spec.nodes.map(({id}) => [
        settings[`nodes[${id}].host`],
        settings[`nodes[${id}].data`],
        settings[`nodes[${id}].bin`],
      ]),
    ).toEqual(spec.nodes.map(({address, data}) => [address, data, spec.bin]))
    const status = await lab.poolctl(['status', '--config', file, '--exit-code', '--json'], {env: environment()})
    expect(status.json).toMatchObject({exitCode: 0, data: {health: 'ok', disagreements: []}})
  })

  it('leaves a file that is there as it is', async () => {
    const file = join(lab.directory, '..', 'precious.yaml')
    await writeFile(file, 'cluster: mine\n')
    const refused = await lab.poolctl([...initArguments(file), '--json'], {env: environment()})
    expect([refused.code, (refused.json as {error: {code: string}}).error.code]).toEqual([3, 'CLUSTER_FILE_EXISTS'])
    expect(await readFile(file, 'utf8')).toBe('cluster: mine\n')
  })

  it('marks what it could not see as a guess, names it, and exits 13', async () => {
    const file = join(lab.directory, '..', 'guessed.yaml')
    const conf = join(lab.directory, '..', 'pgpool.conf')
    const text = await readFile(labPaths(lab.directory).pgpoolConf, 'utf8')
    await writeFile(conf, text.replaceAll(/^backend_data_directory1.*\n/gm, ''), {mode: 0o644})
    const written = await lab.poolctl([...initArguments(file, {config: conf}), '--json'], {env: environment()})
    expect([written.code, (written.json as {data: {open: unknown}}).data.open]).toEqual([
      13,
      [
        {node: 1, what: 'data: pgpool.conf has no data directory for it'},
        {node: 1, what: "bin: PostgreSQL's programs were not looked for"},
      ],
    ])
    expect((await readFile(file, 'utf8')).match(/# TO CHECK: \w+ is a guess/g)).toHaveLength(2)
    const shown = await lab.poolctl(['config', 'show', '--config', file], {env: environment()})
    expect(shown.code).toBe(0)
  })
})

describe('an encrypted key', () => {
  let identity: string
  beforeAll(async () => {
    identity = join(lab.directory, '..', 'encrypted')
    await copyFile(labPaths(lab.directory).identity, identity)
    await chmod(identity, 0o600)
    await promisify(execFile)('ssh-keygen', ['-q', '-p', '-P', '', '-N', PASSPHRASE, '-f', identity])
  })

  it('where nobody can be asked is refused with exit 4 and the way out: an agent', async () => {
    const file = join(lab.directory, '..', 'unasked.yaml')
    const refused = await lab.poolctl([...initArguments(file, {identity}), '--json'], {env: environment()})
    expect(refused.json).toMatchObject({exitCode: 4, error: {code: 'SSH_KEY_ENCRYPTED', changed: 'none'}})
    expect((refused.json as {error: {hint: string}}).error.hint).toMatch(/agent: ssh-add/)
  })

  it('at a terminal is asked for once, whatever number of hosts need it, and is never shown', async () => {
    const file = join(lab.directory, '..', 'asked.yaml')
    const words = [process.execPath, POOLCTL, ...initArguments(file, {identity})]
    const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
    const child = spawn('script', ['-qefc', line, '/dev/null'], {
      env: {PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: tmpdir(), TERM: 'xterm', ...environment()},
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let screen = ''
    child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()))
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    await until('the question', () => screen.includes('Passphrase of') || child.exitCode !== null)
    child.stdin.write(`${PASSPHRASE}\r`)
    expect([await ended, screen]).toEqual([0, expect.stringContaining(`wrote ${file}`)])
    expect(screen).not.toContain(PASSPHRASE)
    expect(screen.match(/✔/g)).toHaveLength(1)
    expect(await readFile(file, 'utf8')).not.toContain(PASSPHRASE)
  })
})

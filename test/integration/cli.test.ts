/** The program as a user starts it: a process of its own, a real pgpool, real exit codes. */
import {execFile, spawn} from 'node:child_process'
import {cp, mkdtemp, readFile, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {startPcpCluster, type PcpCluster} from '../support/pcp-cluster.js'

const ROOT = join(import.meta.dirname, '..', '..')
const CANARY = 'hunter2-canary'
type Result = {code: number; out: string; err: string}
type Envelope = {
  schema: string
  ok: boolean
  exitCode: number
  data: Record<string, unknown> | null
  error: {code: string; message: string} | null
}

let directory = ''
let cluster: PcpCluster
let pcp: string[] = []

/** The sources as they are, built into a package of their own, so that no stale build is tested. */
async function buildPackage(): Promise<void> {
  const run = promisify(execFile)
  await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json', '--outDir', join(directory, 'dist')], {
    cwd: ROOT,
  })
  for (const name of ['bin', 'templates', 'package.json'])
    await cp(join(ROOT, name), join(directory, name), {recursive: true})
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  await run(join(ROOT, 'node_modules/.bin/oclif'), ['manifest'], {cwd: directory})
}

function poolctl(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(directory, 'bin/run.js'), ...args], {
      cwd: directory,
      env: {
        PATH: process.env['PATH'],
        HOME: directory,
        PCPPASSFILE: join(directory, 'pcppass'),
        POOLCTL_STATE_DIR: join(directory, 'state'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({code: code ?? -1, out, err})
    })
  })
}

const envelope = ({out}: Result): Envelope => JSON.parse(out) as Envelope

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-cli-'))
  const [started] = await Promise.all([startPcpCluster(), buildPackage()])
  cluster = started
  const {host, port, user, password} = cluster.pcp
  await writeFile(join(directory, 'pcppass'), `${host}:${port}:${user}:${password}\n`, {mode: 0o600})
  pcp = ['-h', host, '-p', String(port), '-U', user]
})

afterAll(async () => {
  await cluster.stop()
  await rm(directory, {recursive: true, force: true})
})

describe('a wrong command line', () => {
  test.each([
    [['nod-info'], 2, 'COMMAND_UNKNOWN'],
    [['node-info', '--bogus'], 2, 'FLAG_UNKNOWN'],
    [['node-info', `--password=${CANARY}`], 2, 'FLAG_UNKNOWN'],
    [['attach', '1', '--password', CANARY], 2, 'FLAG_UNKNOWN'],
    [['attach'], 2, 'ARGUMENT_MISSING'],
    [['detach', 'abc'], 2, 'NODE_ID_INVALID'],
    [['detach', '1', '2'], 2, 'ARGUMENT_UNEXPECTED'],
    [['detach', '1', '--timeout', '5'], 2, 'FLAG_VALUE_INVALID'],
    [['node-info', '--output', 'xml'], 2, 'FLAG_VALUE_INVALID'],
    [['status'], 3, 'CLUSTER_FILE_MISSING'],
    [['recovery', '1', '--driver', 'pgpool'], 3, 'CLUSTER_FILE_MISSING'],
  ])('%j exits %d with %s, the same with and without --json, and short', async (args, code, name) => {
    const secret = {POOLCTL_CONFIRM: CANARY}
    const [text, json] = await Promise.all([poolctl(args, secret), poolctl([...args, '--json'], secret)])
    expect([text.code, json.code, envelope(json).exitCode, envelope(json).error?.code]).toEqual([
      code,
      code,
      code,
      name,
    ])
    expect([text.out, json.err]).toEqual(['', ''])
    expect(text.err).toContain(`CODE:  ${name}`)
    expect(text.err.length + json.out.length).toBeLessThan(2000)
    expect(text.err + json.out).not.toContain(CANARY)
  })
})

describe('against a real pgpool', () => {
  test('node-info says what pcp_node_info says', async () => {
    const {code, out, err} = await poolctl(['node-info', ...pcp, '--json'])
    const {data} = JSON.parse(out) as {data: {nodes: {id: number; port: number; role: string; backendRole: string}[]}}
    expect([code, err, data.nodes.map((n) => [n.id, n.port, n.role, n.backendRole])]).toEqual([
      0,
      '',
      [
        [0, 5432, 'primary', 'primary'],
        [1, 5432, 'standby', 'standby'],
      ],
    ])
  })

  test('a wrong password exits 4, a closed port 5, an unknown node 6', async () => {
    const {host, port, user} = cluster.pcp
    await writeFile(join(directory, 'wrong'), `*:*:*:${CANARY}\n`, {mode: 0o600})
    const results = await Promise.all([
      poolctl(['node-info', ...pcp, '--json'], {PCPPASSFILE: join(directory, 'wrong')}),
      poolctl(['node-info', '-h', host, '-p', String(port + 1), '-U', user, '--json']),
      poolctl(['node-info', '7', ...pcp, '--json']),
    ])
    expect(results.map((r) => [r.code, envelope(r).exitCode])).toEqual([
      [4, 4],
      [5, 5],
      [6, 6],
    ])
    expect(results.map((r) => r.out + r.err).join('')).not.toContain(CANARY)
  })

  test('a dry run of detach changes nothing', async () => {
    const before = await cluster.official('pcp_node_info', '-a')
    const {code, out} = await poolctl(['detach', '1', ...pcp, '--dry-run', '--json'])
    expect([code, (JSON.parse(out) as Envelope).data?.['outcome']]).toEqual([0, 'planned'])
    expect(await cluster.official('pcp_node_info', '-a')).toBe(before)
  })

  test('detach without consent exits 12, with consent is seen by the official client, and attach takes it back', async () => {
    expect((await poolctl(['detach', '1', ...pcp])).code).toBe(12)
    expect((await poolctl(['detach', '1', ...pcp, '--yes', '--json'])).code).toBe(0)
    expect(await cluster.official('pcp_node_info', '-n', '1')).toMatch(/ down /)
    const again = await poolctl(['detach', '1', ...pcp, '--yes', '--json'])
    expect([again.code, envelope(again).data?.['outcome']]).toEqual([0, 'nothing-to-do'])
    const back = await poolctl(['attach', '1', ...pcp, '--output', 'ndjson'])
    const lines = back.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as {type?: string; schema?: string})
    expect([back.code, lines[0]?.type, lines.at(-1)?.schema]).toEqual([0, 'op.started', 'poolctl.attach/v1'])
    expect(await cluster.official('pcp_node_info', '-n', '1')).not.toMatch(/ down /)
  })

  test('the primary is not detached without its own flag, whatever --yes says', async () => {
    const result = await poolctl(['detach', '0', ...pcp, '--yes', '--json'])
    expect([result.code, envelope(result).error?.code]).toEqual([6, 'NODE_IS_PRIMARY'])
  })

  test("--no-wait exits 9 with an id, and op watch ends with the operation's own exit code", async () => {
    const started = await poolctl(['detach', '1', ...pcp, '--yes', '--no-wait', '--json'])
    const operation = String(envelope(started).data?.['operation'])
    expect([started.code, envelope(started).error?.code]).toEqual([9, 'NOT_WAITED_FOR'])
    await expect
      .poll(async () => (await poolctl(['op', 'show', operation])).out, {timeout: 20_000})
      .toContain('closed: completed')
    expect((await poolctl(['op', 'watch', operation])).code).toBe(0)
    expect((await poolctl(['op', 'rollback', operation, '--yes', ...pcp])).code).toBe(6)
    expect((await poolctl(['attach', '1', ...pcp])).code).toBe(0)
  })

  test('the password is in no record', async () => {
    const list = JSON.parse((await poolctl(['op', 'list', '--json'])).out) as {
      data: {operations: {operation: string}[]}
    }
    const records = await Promise.all(
      list.data.operations.map(({operation}) =>
        readFile(join(directory, 'state', 'operations', operation, 'journal.ndjson'), 'utf8'),
      ),
    )
    expect(records.length).toBeGreaterThan(0)
    expect(records.join('')).not.toContain(cluster.pcp.password)
  })
})

test('help names the exit codes and the environment, and needs no cluster', async () => {
  const {code, out} = await poolctl(['detach', '--help'])
  expect([code, /EXIT CODES/.test(out), /ENVIRONMENT/.test(out), /EXAMPLES/.test(out)]).toEqual([0, true, true, true])
})

test('a reader that has seen enough is no failure', async () => {
  const script = `"${process.execPath}" "${join(directory, 'bin/run.js')}" --help | head -1; exit "\${PIPESTATUS[0]}"`
  await expect(promisify(execFile)('bash', ['-c', script])).resolves.toMatchObject({stderr: ''})
})

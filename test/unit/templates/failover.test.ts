/** failover.sh as pgpool calls it, against stand-ins for ssh and PostgreSQL's programs: when a primary counts as dead. */
import {execFile, spawn, type ChildProcess} from 'node:child_process'
import {mkdir, mkdtemp, readFile, readdir, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import type {ScriptMode} from '../../../src/cluster/script-options.js'
import {renderScript} from '../../../src/templates/pgpool-scripts.js'
import {fakeClusterFile} from '../../support/fake-site.js'

/** Runs the command here, unless the host has words of its own to fail with. */
const SSH = `#!/bin/sh
while [ "$1" != -- ]; do shift; done
host=$2
shift 2
if [ -e "$STAND_IN/ssh-$host" ]; then cat "$STAND_IN/ssh-$host" >&2; exit 255; fi
exec sh -c "$*"
`

/** The first line of its answers, and the last again and again. */
const next = (name: string): string =>
  `line=$(head -n 1 "$STAND_IN/${name}"); if [ "$(wc -l <"$STAND_IN/${name}")" -gt 1 ]; then sed -i 1d "$STAND_IN/${name}"; fi`

const PROGRAMS: Readonly<Record<string, string>> = {
  pg_isready: `#!/bin/sh\n${next('ready')}\nexit "$line"\n`,
  psql: `#!/bin/sh\ncat >/dev/null\n${next('receiver')}\nif [ "$line" = fail ]; then echo 'password authentication failed' >&2; exit 2; fi\nprintf '%s\\n' "$line"\n`,
  sleep: '#!/bin/sh\n',
  postgres: '#!/bin/sh\n',
  pg_controldata: `#!/bin/sh\nif [ "$1" = -D ]; then PGDATA=$2; fi\nprintf 'Database cluster state:               %s\\n' "$(cat "$PGDATA/state")"\n`,
  pg_ctl: `#!/bin/sh\nprintf '%s %s\\n' "\${PGDATA##*/}" "$1" >>"$STAND_IN/acts"\nprintf 'in production' >"$PGDATA/state"\n`,
}

let box: string
let servers: ChildProcess[]
beforeEach(async () => {
  box = await mkdtemp(join(tmpdir(), 'failover-'))
  servers = []
  for (const name of ['bin', 'tmp', 'node0', 'node1', 'node2']) await mkdir(join(box, name))
  await writeFile(join(box, 'bin', 'ssh'), SSH, {mode: 0o755})
  for (const [name, text] of Object.entries(PROGRAMS)) await writeFile(join(box, 'bin', name), text, {mode: 0o755})
  await runs(1, 'in archive recovery')
  await runs(2, 'in archive recovery')
  await seed('ready', '2')
  await seed('receiver', '')
})
afterEach(async () => {
  for (const server of servers) server.kill()
  await rm(box, {recursive: true})
})

const seed = (name: string, ...lines: string[]): Promise<void> => writeFile(join(box, name), `${lines.join('\n')}\n`)
const turnsAway = (node: number, ...said: string[]): Promise<void> => seed(`ssh-10.0.0.1${node}`, ...said)

/** A process that stands in its data directory, as a postmaster does. */
async function runs(node: number, state: string): Promise<void> {
  const data = join(box, `node${node}`)
  const server = spawn('sleep', ['60'], {cwd: data, stdio: 'ignore'})
  servers.push(server)
  await mkdir(join(data, 'global'), {recursive: true})
  await writeFile(join(data, 'global', 'pg_control'), '')
  await writeFile(join(data, 'postmaster.pid'), `${server.pid}\n`)
  await writeFile(join(data, 'state'), state)
}

type Ran = {status: number; said: string; promoted: string[]; state: string}

async function failover(words: {failed?: number; primary?: number; mode?: ScriptMode} = {}): Promise<Ran> {
  const {failed = 0, primary = 0, mode = 'streaming'} = words
  const file = fakeClusterFile(3)
  const nodes = file.nodes.map((node) => ({
    ...node,
    address: `10.0.0.1${node.id}`,
    data: join(box, `node${node.id}`),
    work: join(box, `node${node.id}.poolctl`),
    bin: join(box, 'bin'),
  }))
  const options = {mode, jobs: 1, limitSeconds: 60, startWaitSeconds: 5, hookPassfile: null}
  const path = join(box, 'failover.sh')
  await writeFile(path, await renderScript('failover.sh', {...file, nodes}, options), {mode: 0o755})
  const at = (node: number): string[] => [`10.0.0.1${node}`, '5432', join(box, `node${node}`)]
  const [host = '', port = '', data = ''] = at(1)
  const call = [String(failed), ...at(failed), '1', host, port, data, '0', String(primary), '10.0.0.10', '5432']
  const env = {PATH: `${join(box, 'bin')}:/usr/bin:/bin`, STAND_IN: box, TMPDIR: join(box, 'tmp')}
  const ended = await new Promise<{status: number; said: string}>((resolve) => {
    execFile(path, call, {env}, (error, _, stderr) => {
      resolve({status: error === null ? 0 : Number(error.code), said: stderr})
    })
  })
  expect(await readdir(join(box, 'tmp'))).toEqual([])
  const acts = await readFile(join(box, 'acts'), 'utf8').catch(() => '')
  const status = await readFile(join(box, 'poolctl-hooks', `node-${failed}.failover`), 'utf8')
  return {...ended, promoted: acts.split('\n').filter((line) => line !== ''), state: status.split('\n')[0] ?? ''}
}

const REFUSED = 'ssh: connect to host 10.0.0.10 port 22: Connection refused'
const PROMOTED = {status: 0, promoted: ['node1 promote'], state: 'state done'}
const LEFT_ALONE = {status: 1, promoted: [], state: 'state failed'}

describe('a primary whose host does not let the hook in', () => {
  it.each([
    'Host key verification failed.',
    'postgres@10.0.0.10: Permission denied (publickey).',
    'kex_exchange_identification: Connection closed by remote host',
    'ssh: Could not resolve hostname db0: Temporary failure in name resolution',
    'ssh: connect to host 10.0.0.10 port 22: Network is unreachable',
  ])('is not taken for dead: %s', async (said) => {
    await turnsAway(0, 'Warning: something else', `${said}\r`)
    const ran = await failover()
    expect(ran).toMatchObject(LEFT_ALONE)
    expect(ran.said).toContain(
      `FAILED: whether node 0 still runs cannot be seen, and nothing is promoted: ${said}; once it is surely down: poolctl promote 1 --failover`,
    )
  })
  it('is not taken for dead when the look itself fails there', async () => {
    await rm(join(box, 'node0'), {recursive: true})
    await writeFile(
      join(box, 'bin', 'ssh'),
      SSH.replace('exec sh', 'if [ "$host" = 10.0.0.10 ]; then exit 92; fi\nexec sh'),
    )
    expect(await failover()).toMatchObject(LEFT_ALONE)
  })
})

describe('a primary whose host is silent', () => {
  it.each([
    REFUSED,
    'ssh: connect to host 10.0.0.10 port 22: No route to host',
    'ssh: connect to host 10.0.0.10 port 22: Connection timed out',
    'Connection timed out during banner exchange',
    'Timeout, server 10.0.0.10 not responding.',
  ])('is dead when its standby does not hear it either: %s', async (said) => {
    await turnsAway(0, said)
    expect(await failover()).toMatchObject(PROMOTED)
  })
  it('lives when its PostgreSQL answers the standby, also when it takes no session', async () => {
    await turnsAway(0, REFUSED)
    for (const answer of ['0', '1']) {
      await seed('ready', '2', '2', answer)
      const ran = await failover()
      expect(ran).toMatchObject(LEFT_ALONE)
      expect(ran.said).toContain(
        'FAILED: node 0 lives, though it is not reached from here: for node 1, PostgreSQL answers it at 10.0.0.10:5432. Nothing is promoted',
      )
    }
  })
  it('lives when the receiver of the standby gets messages of it', async () => {
    await turnsAway(0, REFUSED)
    await seed('receiver', 'waits', 'waits', 'hears')
    const ran = await failover()
    expect(ran).toMatchObject(LEFT_ALONE)
    expect(ran.said).toContain('for node 1, its WAL receiver still streams from there')
  })
  it('is dead when the receiver that was still there ends or gets no answer', async () => {
    await turnsAway(0, REFUSED)
    await seed('receiver', 'waits', 'silent', '')
    expect(await failover()).toMatchObject(PROMOTED)
  })
  it('stays what it is when the standby cannot be asked', async () => {
    await turnsAway(0, REFUSED)
    await seed('receiver', 'fail')
    const ran = await failover()
    expect(ran).toMatchObject(LEFT_ALONE)
    expect(ran.said).toMatch(/node 1 cannot say whether node 0 still runs.*its WAL receiver cannot be looked at/s)
    await turnsAway(1, 'postgres@10.0.0.11: Permission denied (publickey).')
    expect(await failover()).toMatchObject(LEFT_ALONE)
  })
})

describe('a failover that pgpool asks for without knowing a primary', () => {
  it('promotes nobody beside a primary that it does not know of', async () => {
    await runs(0, 'in production')
    const ran = await failover({failed: 2, primary: -1})
    expect(ran).toMatchObject(LEFT_ALONE)
    expect(ran.said).toContain(
      'node 0 runs as a primary that pgpool does not know, and nothing is promoted: poolctl status',
    )
  })
  it('promotes when every other node is a standby or down', async () => {
    expect(await failover({failed: 2, primary: -1})).toMatchObject(PROMOTED)
  })
})

it('nothing is promoted where every server takes writes', async () => {
  await runs(0, 'in production')
  expect(await failover({mode: 'native'})).toMatchObject({status: 0, promoted: [], state: 'state done'})
})

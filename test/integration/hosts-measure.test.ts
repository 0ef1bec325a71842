import {execFileSync} from 'node:child_process'
import {it} from 'vitest'
import {startSshd, asPostgres} from '../support/sshd.js'
import {createHosts} from '../../src/hosts/hosts.js'
const B = '/usr/lib/postgresql/15/bin'
const pg = (words: string[]) => {
  const [p, ...a] = asPostgres(words)
  return execFileSync(p!, a, {encoding: 'utf8', cwd: '/', stdio: ['pipe', 'pipe', 'pipe']})
}
it('measures', async () => {
  const sshd = await startSshd({address: '127.81.0.11', port: 2281})
  const hosts = createHosts({
    file: {
      name: 'x',
      path: '/x',
      hash: '',
      pgpool: [],
      nodes: [],
      limits: {maxLagBytes: 1, stepTimeoutMs: 1},
      postgres: {
        user: 'postgres',
        database: 'postgres',
        passfile: null,
        replicationUser: 'repl',
        replicationPassfile: null,
      },
      ssh: {
        user: sshd.user,
        port: sshd.port,
        identity: sshd.identity,
        knownHosts: sshd.knownHosts,
        transport: 'ssh2',
        peerIdentity: sshd.identity,
        peerKnownHosts: sshd.knownHosts,
      },
    },
    env: {},
  })
  const D = process.env['D'] ?? '/tmp/hw/pg'
  const op = 'op1'
  const host = (data: string) =>
    hosts.nodeHost({
      id: 0 as never,
      host: sshd.address,
      address: sshd.address,
      port: 5432,
      data,
      bin: B,
      config: null,
      service: {kind: 'pg_ctl'},
      work: `${data}.poolctl`,
      slot: 's',
      sshPort: null,
    })
  const copy = async (data: string, o: {jobs: number; inPlace: boolean}) => {
    const h = host(data)
    await h.takeLock({operation: op, verb: 'r', user: 'u', host: 'h', pid: 1, since: 'x'})
    await h.setControlAside(op)
    execFileSync('sync')
    const t = performance.now()
    await h.startJob(op, 'c', {
      kind: 'copy',
      source: {address: sshd.address, user: sshd.user, port: sshd.port, data: `${D}/src`},
      jobs: o.jobs,
      maxBytesPerSecond: null,
      compareSince: null,
      inPlace: o.inPlace,
      tablespaces: [],
    })
    const started = performance.now()
    let s
    for (;;) {
      s = await h.jobState(op, 'c')
      if (process.env['V']) console.log(((performance.now() - t) / 1000).toFixed(2), JSON.stringify(s))
      if (s.state !== 'running') break
      await new Promise((r) => setTimeout(r, process.env['V'] ? 500 : 100))
    }
    const seconds = (performance.now() - t) / 1000
    await h.stopJob(op, 'c')
    return {start: (started - t) / 1000, seconds, ...s}
  }
  try {
    for (const what of (process.env['WHAT'] ?? '').split(' ')) {
      const [kind, jobs] = what.split(':')
      if (kind === 'base') {
        pg(['rm', '-rf', `${D}/base`])
        const t = performance.now()
        pg([
          `${B}/pg_basebackup`,
          '-h',
          '127.81.0.21',
          '-p',
          '5481',
          '-U',
          'postgres',
          '-D',
          `${D}/base`,
          '-X',
          'stream',
          '-c',
          'fast',
          ...(process.env['NOSYNC'] ? ['-N'] : []),
        ])
        console.log(what, ((performance.now() - t) / 1000).toFixed(2))
        pg(['rm', '-rf', `${D}/base`])
      } else if (kind === 'empty') {
        pg(['rm', '-rf', `${D}/t`, `${D}/t.poolctl`])
        pg(['mkdir', '-m', '700', `${D}/t`])
        console.log(what, JSON.stringify(await copy(`${D}/t`, {jobs: Number(jobs), inPlace: true})))
      } else if (kind === 'change') {
        pg(['sh', '-c', `cd ${D}/src/base; find . -size +8M -type f > ${D}/list`])
        execFileSync('python3', [
          '-c',
          `
import random,os
random.seed(${jobs ?? 1})
n=0
for f in open('${D}/list'):
    p='${D}/t/base/'+f.strip(); size=os.path.getsize(p); pages=size//8192
    with open(p,'r+b') as h:
        for b in random.sample(range(pages), pages//100):
            h.seek(b*8192+100); h.write(os.urandom(200)); n+=1
print(n)`,
        ])
      } else if (kind === 'delta' || kind === 'deltanew') {
        console.log(what, JSON.stringify(await copy(`${D}/t`, {jobs: Number(jobs), inPlace: kind === 'delta'})))
      } else if (kind === 'verify') {
        console.log(
          execFileSync(
            'rsync',
            ['-rnc', '--itemize-changes', '--exclude=/pg_wal', '--exclude=/log', `${D}/src/base/`, `${D}/t/base/`],
            {encoding: 'utf8'},
          ),
        )
      }
    }
  } finally {
    await hosts.close()
    await sshd.stop()
  }
}, 600000)

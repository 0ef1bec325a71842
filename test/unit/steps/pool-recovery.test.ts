/** pgpool's own recovery as a step: what it says of a failed stage, and what it does when pgpool stands still. */
import {describe, expect, it} from 'vitest'
import {nodeId} from '../../../src/cluster/node-id.js'
import {ActFailed, OutcomeUnknown} from '../../../src/lib/errors.js'
import type {JsonObject} from '../../../src/lib/json.js'
import type {ScriptStage, ScriptStatus} from '../../../src/ports/host.js'
import type {WalSender} from '../../../src/ports/postgres.js'
import {poolRecovery} from '../../../src/steps/pool-recovery.js'
import type {Context} from '../../../src/steps/context.js'
import {lsn} from '../../support/builders.js'

type Site = {
  stages: Partial<Record<ScriptStage, ScriptStatus>>
  /** What pg_stat_replication of the source has of the node. */
  sender?: Partial<WalSender>
  attached: boolean
  deaf: boolean
  recover: (signal: AbortSignal, onNotice: (text: string) => void) => Promise<void>
}

const status = (state: ScriptStatus['state'], text: string, alive = state === 'running'): ScriptStatus => ({
  state,
  began: 1,
  at: 2,
  text,
  alive,
  sent: null,
})

/** Only what the step asks for; time passes by sleeping. */
function contextOf(site: Site, input: JsonObject = {}): {context: Context; seen: string[]; calls: string[]} {
  let now = 0
  const seen: string[] = []
  const calls: string[] = []
  const host = {
    permitScripts: (operation: string, target: number) => {
      calls.push(`permit ${operation} ${target}`)
      return Promise.resolve()
    },
    revokePermit: (operation: string, target: number) => {
      calls.push(`revoke ${operation} ${target}`)
      return Promise.resolve()
    },
    scriptStatus: (_: number, stage: ScriptStage) => Promise.resolve(site.stages[stage] ?? null),
    serverLogTail: () => Promise.resolve('FATAL:  could not open file'),
  }
  const world = {
    clock: {
      monotonicMs: () => now,
      now: () => new Date(now),
      sleep: async (ms: number) => {
        now += ms
        await new Promise((resolve) => setImmediate(resolve))
      },
    },
    host: () => host,
    file: {nodes: [{id: nodeId(2), slot: 'poolctl_node_2'}]},
    postgres: () => ({
      facts: () =>
        Promise.resolve({
          currentLsn: lsn('0/3000000'),
          senders: site.sender ? [{applicationName: 'poolctl_node_2', ...site.sender}] : [],
        }),
    }),
    pool: {
      nodeInfo: () =>
        site.deaf
          ? new Promise(() => undefined)
          : Promise.resolve([{id: nodeId(2), status: site.attached ? 'waiting' : 'down'}]),
      recover: (_: number, options: {signal: AbortSignal; onNotice: (text: string) => void}) =>
        site.recover(options.signal, options.onNotice),
    },
  }
  const context = {
    world,
    operation: 'recovery-1',
    input: {node: 2, on: 0, pool: null, allowForeignData: null, freezePatienceMs: 12_000, limitMs: 60_000, ...input},
    result: () => ({}),
    begun: () => false,
    held: new Map(),
    observe: (text: string) => seen.push(text),
    signal: new AbortController().signal,
  } as unknown as Context
  return {context, seen, calls}
}

const sent = (files: number, bytes: number, wireBytes: number): Pick<ScriptStatus, 'sent'> => ({
  sent: {files, bytes, wireBytes},
})

const gaveUp = new ActFailed({code: 'PCP_RECOVERY_FAILED', message: 'pgpool gave up: execution of command failed'})

describe('recovery by pgpool', () => {
  it('tells how long clients were held, from the second stage to the answer', async () => {
    const site: Site = {
      stages: {},
      attached: true,
      deaf: false,
      recover: async (_, onNotice) => {
        onNotice('node recovery, starting 2nd stage')
        await new Promise((resolve) => setTimeout(resolve, 20))
      },
    }
    const {context, calls} = contextOf(site)
    const result = await poolRecovery.act(context)
    expect(result?.['clientsHeldSeconds']).toBeGreaterThan(0)
    expect(result?.['pgpoolFroze']).toBeNull()
    expect(calls).toEqual(['permit recovery-1 2', 'revoke recovery-1 2'])
  })

  it.each([
    [
      'first',
      status('failed', 'node 2 cannot be reached over SSH'),
      'RECOVERY_SCRIPT_FAILED',
      'the first stage failed: node 2 cannot be reached over SSH',
      gaveUp.message,
    ],
    [
      'start',
      status('failed', 'the server did not start'),
      'RECOVERY_SCRIPT_FAILED',
      'the remote start failed: the server did not start',
      'FATAL:  could not open file',
    ],
    [
      'second',
      status('running', 'sending WAL', false),
      'RECOVERY_SCRIPT_KILLED',
      'the script was killed: second stage, in "sending WAL"',
      gaveUp.message,
    ],
    [
      'first',
      status('running', 'copying'),
      'RECOVERY_SCRIPT_RUNS',
      'pgpool gave up, and its script still runs: first stage, in "copying"',
      gaveUp.message,
    ],
  ] as const)(
    'says what the %s stage said, not what pgpool says of it (%j)',
    async (stage, said, code, message, detail) => {
      const site: Site = {stages: {[stage]: said}, attached: false, deaf: false, recover: () => Promise.reject(gaveUp)}
      const {context, calls} = contextOf(site)
      await expect(poolRecovery.act(context)).rejects.toMatchObject({code, message, detail})
      expect(calls.at(-1)).toBe('revoke recovery-1 2')
    },
  )

  it('shows what was sent while pgpool is silent, then what replication says, and counts both stages', async () => {
    const site: Site = {
      stages: {first: {...status('running', 'copying'), ...sent(3, 16 * 1024 ** 2, 1024 ** 2)}},
      attached: true,
      deaf: false,
      recover: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        site.stages = {
          first: {...status('done', 'a copy'), ...sent(4, 17 * 1024 ** 2, 2000)},
          second: {...status('done', 'made whole'), ...sent(1, 100, 50)},
          start: status('done', 'PostgreSQL runs'),
        }
        site.sender = {state: 'catchup', replayLsn: lsn('0/2000000')}
        await new Promise((resolve) => setTimeout(resolve, 20))
      },
    }
    const {context, seen} = contextOf(site)
    const result = await poolRecovery.act(context)
    expect(seen).toContain('first stage: copying; 3 files of 16 MB sent, 1 MB over the wire')
    expect(seen).toContain('node 2 is connected to node 0: catchup, 16 MB to replay')
    expect(result?.['bytesOnWire']).toBe(2050)
  })

  it('lets go of a pgpool that stands still, says so, and follows the scripts to their end', async () => {
    const site: Site = {
      stages: {first: status('running', 'copying')},
      attached: false,
      deaf: true,
      recover: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            Object.assign(site, {deaf: false, attached: true})
            reject(new OutcomeUnknown({code: 'PCP_OUTCOME_UNKNOWN', message: 'its answer was lost'}))
          })
        }),
    }
    const {context, seen} = contextOf(site)
    const result = await poolRecovery.act(context)
    expect(result?.['pgpoolFroze']).toMatch(
      /^pgpool did not answer for \d+ s: a failover waited for the end of our connection, as before 4\.5$/,
    )
    expect(seen.some((text) => text.endsWith('; letting go of it'))).toBe(true)
    expect(seen).toContain('first stage: copying')
  })

  it('is patient for ever with a pgpool that cannot be frozen so, and leaves a lost answer unknown', async () => {
    const lost = new OutcomeUnknown({code: 'PCP_OUTCOME_UNKNOWN', message: 'its answer was lost'})
    const site: Site = {
      stages: {first: status('running', 'copying')},
      attached: false,
      deaf: true,
      recover: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        throw lost
      },
    }
    const {context} = contextOf(site, {freezePatienceMs: 0})
    await expect(poolRecovery.act(context)).rejects.toBe(lost)
  })

  it('does not undo under a script that still runs', async () => {
    const {context} = contextOf({
      stages: {first: status('running', 'copying')},
      attached: false,
      deaf: false,
      recover: () => Promise.resolve(),
    })
    await expect(poolRecovery.undo?.(context)).rejects.toMatchObject({code: 'RECOVERY_SCRIPT_RUNS'})
  })
})

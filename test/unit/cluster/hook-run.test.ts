import {describe, expect, test} from 'vitest'
import {failedHooks, hookDirectories, type HookRun} from '../../../src/cluster/hook-run.js'

const run = (change: Partial<HookRun> = {}): HookRun => ({
  hook: 'failover.sh',
  node: 0,
  state: 'failed',
  alive: false,
  at: 1_795_000_000,
  step: 'promoting node 1',
  text: 'node 1 was not promoted: no such host',
  path: '/etc/pgpool2/poolctl-hooks/node-0.failover',
  ...change,
})

const told = (...runs: HookRun[]): string[] => failedHooks('proxy1', runs).map(({message}) => message)

describe('a hook that failed', () => {
  test('is told with its time, its step, its words and what to do', () => {
    expect(failedHooks('proxy1', [run()])).toEqual([
      {
        ...run(),
        host: 'proxy1',
        message:
          'failover.sh for node 0 failed on proxy1 at 2026-11-18T11:06:40Z, in the step "promoting node 1": node 1 was not promoted: no such host',
        remedy:
          'poolctl scripts test --hooks shows whether it would work now; where no node is primary: poolctl promote NODE --failover; it is told until a later run succeeds, or /etc/pgpool2/poolctl-hooks/node-0.failover on proxy1 is removed',
      },
    ])
  })

  test('without a word was killed, unless it still runs', () => {
    const begun = run({state: 'running', step: null, text: ''})
    expect(told(begun)).toEqual(['failover.sh for node 0 was killed on proxy1 after 2026-11-18T11:06:40Z'])
    expect(told({...begun, alive: true})).toEqual([])
  })

  test('is made up for by a later promotion for another node, not by a standby that went down', () => {
    const later = {state: 'done', at: 1_795_000_100, node: 2} as const
    expect(told(run(), run({...later, step: null, text: 'node 2 was a standby: nothing to promote'}))).toHaveLength(1)
    expect(told(run(), run({...later, text: 'node 1 is the primary'}))).toEqual([])
    expect(told(run(), run({...later, at: 1_794_999_000}))).toHaveLength(1)
  })

  test('for one standby is not made up for by another that follows', () => {
    const follow = run({hook: 'follow_primary.sh', node: 1})
    const done = run({hook: 'follow_primary.sh', node: 2, state: 'done', at: follow.at + 5})
    expect(told(follow, done)).toHaveLength(1)
    expect(
      told(run({hook: 'escalation.sh', node: null}), run({hook: 'de-escalation.sh', node: null, state: 'done'})),
    ).toHaveLength(1)
  })
})

test('the status of a hook lies beside the program that pgpool is told to run', () => {
  const settings = new Map([
    ['failover_command', '"/etc/pg pool/failover.sh" %d "%h"'],
    ['follow_primary_command', '"/etc/pg pool/follow_primary.sh" %d'],
    ['wd_escalation_command', "'/opt/hooks/escalation.sh'"],
    ['wd_de_escalation_command', '/opt/hooks/de-escalation.sh'],
    ['follow_master_command', 'true'],
    ['failback_command', '/elsewhere/x'],
  ])
  expect(hookDirectories(settings)).toEqual(['/etc/pg pool/poolctl-hooks', '/opt/hooks/poolctl-hooks'])
  expect(hookDirectories(new Map())).toEqual([])
})

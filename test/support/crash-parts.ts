/** What the crash matrices of all operations ask: of a process that was killed, of its record, and of those who write meanwhile. */
import {setTimeout as sleep} from 'node:timers/promises'
import {expect} from 'vitest'
import type {Ledger} from '../../src/lab/ledger.js'
import type {CrashCase, Runbook} from './crash-choice.js'
import type {PoolctlResult, TestLab} from './lab.js'

/** No case writes more than a few hundred rows a second: the servers share two processors. */
export const LEDGER = {connections: 2, pauseMs: 30}
const SERVES_WITHIN_MS = 15_000

/** The end of a case whose act the process never came to, because the world was quicker. */
export const NO_ACT = 'so already when reached, no act to interrupt'

/** Runs the command to its death at that place. False: the step was so already, and the command ended well. */
export async function killedAt(
  lab: TestLab,
  words: string[],
  {point, afterMs}: Pick<CrashCase<Runbook>, 'point' | 'afterMs'>,
  step: string,
): Promise<boolean> {
  const place = [point, step, ...(afterMs === null ? [] : [String(afterMs)])].join(':')
  const run = await lab.poolctl([...words, '--json'], {env: {POOLCTL_CRASH_AT: place}})
  if ((run.code === 0 || run.code === 13) && outcomeOf(run, step) === 'already') return false
  expect({signal: run.signal, stdout: run.stdout, said: run.signal === 'SIGKILL' ? '' : run.stderr}).toEqual({
    signal: 'SIGKILL',
    stdout: '',
    said: '',
  })
  return true
}

function outcomeOf(run: PoolctlResult, step: string): string | undefined {
  const report = run.json as {data?: {steps?: {id: string; outcome: string}[]}} | undefined
  return report?.data?.steps?.find(({id}) => id === step)?.outcome
}

/** The id of the one operation that is not at its end, as an operator finds it. */
export async function openOperation(lab: TestLab): Promise<string> {
  const {json} = await lab.poolctl(['op', 'list', '--json'])
  const {operations} = (json as {data: {operations: {operation: string; state: string}[]}}).data
  const open = operations.filter(({state}) => state !== 'closed').map(({operation}) => operation)
  expect(open).toHaveLength(1)
  return open[0] ?? ''
}

/** The steps that the matrix goes through are those of the plan, so that no step of it is left out. */
export async function expectPlan(
  lab: TestLab,
  operation: string,
  {steps, irreversible}: Runbook,
  idOf: (id: string) => string = (id) => id,
): Promise<void> {
  const {json} = await lab.poolctl(['op', 'show', operation, '--json'])
  const {plan} = (json as {data: {plan: {steps: {id: string; kind: string; irreversible: boolean}[]}}}).data
  expect(plan.steps.map((step) => ({id: step.id, kind: step.kind, irreversible: step.irreversible}))).toEqual(
    steps.map(({id, kind}) => ({id: idOf(id), kind, irreversible: irreversible.includes(id)})),
  )
}

export async function expectServing(ledger: Ledger): Promise<void> {
  const already = ledger.acknowledged
  const deadline = performance.now() + SERVES_WITHIN_MS
  while (ledger.acknowledged < already + 5 && performance.now() < deadline) await sleep(20)
  expect(ledger.acknowledged, 'writes acknowledged through pgpool').toBeGreaterThanOrEqual(already + 5)
}

export function expectExit(run: PoolctlResult, code: number): void {
  const said = run.code === code ? '' : `${run.stdout}\n${run.stderr}`
  expect({code: run.code, said}).toEqual({code, said: ''})
}

export function codeOf(run: PoolctlResult): string | undefined {
  return (run.json as {error?: {code?: string} | null} | undefined)?.error?.code
}

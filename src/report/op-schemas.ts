/** Schemas of what tells of operations, of the cluster file, and of codes: `op …`, `init`, `config show`, `explain`. */
import {z} from 'zod'
import type {InitData} from './init.js'
import type {OpShowData, OpUnlockData} from './op.js'

const text = z.string()
const json = z.json()
const time = z.iso.datetime()
const holder = z.strictObject({user: text, host: text, pid: z.int(), bootId: text, since: time})

const summary = z.strictObject({
  operation: text,
  verb: text,
  cluster: text,
  startedAt: time,
  holder,
  state: z.enum(['running', 'interrupted', 'closed', 'unreadable']),
  outcome: text.nullable(),
  stepsDone: z.int(),
  stepsTotal: z.int(),
})

const entry = (type: string, fields: z.ZodRawShape): z.ZodObject =>
  z.strictObject({seq: z.int().min(1), at: time, type: z.literal(type), ...fields})

/** An entry of an operation's record, as `op show`, `op watch` and the file itself have it. */
const journalEntry = z.union([
  entry('opened', {operation: text, verb: text, cluster: text, clusterFile: text, plan: json, holder}),
  entry('taken-over', {holder, way: z.enum(['resume', 'rollback'])}),
  entry('intent', {step: text}),
  entry('done', {
    step: text,
    outcome: z.enum(['done', 'already']),
    because: text,
    seconds: z.number(),
    result: json.nullable(),
  }),
  entry('failed', {step: text, code: text, message: text, unknown: z.boolean()}),
  entry('undoing', {step: text}),
  entry('undone', {step: text, seconds: z.number()}),
  entry('undo-failed', {step: text, message: text}),
  entry('closed', {outcome: text, exitCode: z.int()}),
])

const unlocked = z.strictObject({
  operation: text,
  released: z.array(text),
  unreached: z.array(z.strictObject({host: text, reason: text})),
})

const written = z.strictObject({
  path: text,
  nodes: z.array(z.int()),
  open: z.array(z.strictObject({node: z.int(), what: text})),
})

const settings = z.strictObject({
  path: text,
  because: text,
  settings: z.array(
    z.strictObject({key: text, value: json, origin: z.enum(['file', 'default']), line: z.int().nullable()}),
  ),
})

type Same<A, B> = [A] extends [B] ? true : false
/** Fails to compile when a schema and its type part. @public */
export const AGREE: [
  Same<OpShowData['summary'], z.infer<typeof summary>>,
  Same<z.infer<typeof summary>, OpShowData['summary']>,
  Same<OpUnlockData, z.infer<typeof unlocked>>,
  Same<InitData, z.infer<typeof written>>,
] = [true, true, true, true]

/** Name of the command's schema to its data; `plan` is that of changing commands. */
export function opSchemas(plan: z.ZodType): [name: string, data: z.ZodType][] {
  const shown = z.strictObject({summary, plan: plan.nullable(), entries: z.array(journalEntry)})
  return [
    ['op-list', z.strictObject({operations: z.array(summary)})],
    ['op-show', shown],
    ['op-watch', shown],
    ['op-unlock', unlocked],
    ['init', written],
    ['config-show', settings],
    ['explain', z.strictObject({codes: z.array(z.strictObject({code: text, meaning: text}))})],
  ]
}

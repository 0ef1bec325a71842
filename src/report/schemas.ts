/**
 * The JSON contract as schemas: bin/generate-schemas.js writes them to /schema, and a test fails when the two differ. Each is
 * checked against the type of its report by the compiler, so neither can change alone.
 */
import {z} from 'zod'
import {clusterFileSchema} from '../cluster/config/schema.js'
import type {PoolNode} from '../cluster/pool-node.js'
import {LAB_SCHEMAS} from './lab-schemas.js'
import type {NodeInfoData} from './node-info.js'
import {opSchemas} from './op-schemas.js'
import {doctorSchema} from './doctor-schema.js'
import {poolSchemas} from './pool-schemas.js'
import type {RefusalReport} from './refusal.js'
import type {RenderedFiles, ScriptList, ScriptTests} from './scripts.js'
import type {StatusData} from './status.js'
import {upgradeCheck, upgradeStatus, type UpgradeCheckAgrees, type UpgradeStatusAgrees} from './upgrade-check-schema.js'

const text = z.string()
const textOrNull = z.string().nullable()
const numberOrNull = z.number().nullable()
const json = z.json()

const poolNode = z.strictObject({
  id: z.int().min(0).max(127),
  hostname: text,
  port: z.int(),
  status: z.enum(['unused', 'waiting', 'up', 'down', 'quarantine', 'unrecognized']),
  statusCode: z.int(),
  weight: numberOrNull,
  role: z.enum(['main', 'replica', 'primary', 'standby', 'unrecognized']),
  backendStatus: textOrNull,
  backendRole: textOrNull,
  replicationDelay: numberOrNull,
  replicationDelayUnit: z.enum(['bytes', 'microseconds']).nullable(),
  replicationState: textOrNull,
  replicationSyncState: textOrNull,
  lastStatusChange: z.iso.datetime().nullable(),
  rawFields: z.array(text).nullable(),
})

const nodeInfo = z.strictObject({pool: text, nodes: z.array(poolNode)})

const statusServer = z.strictObject({
  reachable: z.boolean(),
  reason: textOrNull,
  role: z.enum(['primary', 'standby']).nullable(),
  inRecovery: z.boolean().nullable(),
  timeline: numberOrNull,
  currentLsn: textOrNull,
  receivedLsn: textOrNull,
  replayedLsn: textOrNull,
  lagBytes: numberOrNull,
  lagSeconds: numberOrNull,
  version: textOrNull,
  systemIdentifier: textOrNull,
  receiver: z
    .strictObject({status: text, senderHost: textOrNull, senderPort: numberOrNull, slot: textOrNull})
    .nullable(),
})

const status = z.strictObject({
  pool: text,
  nodes: z.array(
    z.strictObject({
      id: z.int(),
      host: textOrNull,
      address: textOrNull,
      port: numberOrNull,
      pgpool: z.strictObject({status: poolNode.shape.status, role: poolNode.shape.role}).nullable(),
      server: statusServer,
      files: z
        .strictObject({
          inspected: z.boolean(),
          reason: textOrNull,
          state: textOrNull,
          timeline: numberOrNull,
          copyUnfinished: z.boolean().nullable(),
        })
        .nullable(),
    }),
  ),
  disagreements: z.array(
    z.strictObject({
      node: numberOrNull,
      code: text,
      severity: z.enum(['warning', 'critical']),
      message: text,
      remedy: text,
    }),
  ),
  health: z.enum(['ok', 'warning', 'critical', 'unknown']),
})

const refusals = z.strictObject({
  verb: text,
  refusals: z.array(
    z.strictObject({
      code: text,
      node: numberOrNull,
      message: text,
      detail: textOrNull,
      hint: textOrNull,
      override: textOrNull,
    }),
  ),
})

const plan = z.strictObject({
  schema: z.literal('poolctl.plan/v1'),
  verb: text,
  cluster: text,
  createdAt: z.iso.datetime(),
  toolVersion: text,
  fingerprint: text,
  request: json,
  reasons: json,
  steps: z.array(
    z.strictObject({
      id: text,
      kind: text,
      host: textOrNull,
      title: text,
      input: json,
      undo: textOrNull,
      irreversible: z.boolean(),
      holdsUntil: textOrNull,
    }),
  ),
  locks: z.array(z.int()),
  takesOver: z
    .object({
      operation: z.string(),
      verb: z.string(),
      user: z.string(),
      host: z.string(),
      pid: z.int(),
      since: z.string(),
    })
    .optional(),
  measuresOutage: z.boolean().optional(),
})

const operation = z.strictObject({
  operation: textOrNull,
  verb: text,
  dryRun: z.boolean(),
  plan,
  steps: z.array(
    z.strictObject({
      id: text,
      kind: text,
      host: textOrNull,
      title: text,
      seconds: numberOrNull,
      outcome: z.enum(['done', 'already', 'failed', 'unknown', 'undone', 'undo-failed', 'not-run']),
      because: textOrNull,
    }),
  ),
  outcome: z.enum([
    'completed',
    'rolled-back',
    'incomplete',
    'unknown',
    'handed-over',
    'interrupted',
    'planned',
    'nothing-to-do',
  ]),
  before: z.array(poolNode).nullable(),
  after: z.array(poolNode).nullable(),
  seconds: numberOrNull,
  outage: z
    .strictObject({
      writesStoppedSeconds: numberOrNull,
      readsStoppedSeconds: numberOrNull,
      acknowledgedWrites: z.int(),
      lostWrites: z.int().nullable(),
    })
    .nullable(),
  facts: z.record(text, json),
  followUps: z.array(text),
})

const scriptsList = z.strictObject({
  scripts: z.array(z.strictObject({name: text, summary: text})),
  variants: z.array(
    z.strictObject({
      name: text,
      summary: text,
      values: z.array(z.strictObject({name: text, what: text, default: textOrNull})),
    }),
  ),
  installed: z
    .array(
      z.strictObject({
        script: text,
        host: text,
        node: z.int().nullable(),
        pool: textOrNull,
        path: textOrNull,
        state: z.enum(['installed', 'absent', 'differs', 'not-runnable', 'unreachable', 'unknown']),
        reason: textOrNull,
        remedy: textOrNull,
        failed: z.strictObject({at: text, node: z.int().nullable(), step: textOrNull, text}).nullable(),
      }),
    )
    .nullable(),
})

const scriptsRender = z.strictObject({files: z.array(z.strictObject({name: text, text, path: textOrNull}))})

const scriptsTest = z.strictObject({
  tests: z.array(
    z.strictObject({script: text, host: text, target: z.int(), result: z.enum(['proved', 'failed', 'not-run']), text}),
  ),
})

/** The envelope around `data`; `name` is the command's, as in `poolctl.node-info/v1`. */
function envelope(name: string, data: z.ZodType): z.ZodType {
  return z.strictObject({
    schema: z.literal(`poolctl.${name}/v1`),
    ok: z.boolean(),
    exitCode: z.int(),
    generatedAt: z.iso.datetime(),
    cluster: z.strictObject({name: text, systemIdentifier: textOrNull}).nullable(),
    data: data.nullable(),
    warnings: z.array(z.strictObject({code: text, message: text, node: numberOrNull})),
    error: z
      .strictObject({
        code: text,
        message: text,
        detail: textOrNull,
        hint: textOrNull,
        changed: z.enum(['none', 'partial', 'all']),
        resume: textOrNull,
      })
      .nullable(),
  })
}

type Same<A, B> = [A] extends [B] ? true : false
/** Fails to compile when a schema and its type part. @public */
export const AGREE: [
  Same<NodeInfoData['nodes'][number], z.infer<typeof poolNode>>,
  Same<z.infer<typeof status>, StatusData>,
  Same<StatusData, z.infer<typeof status>>,
  Same<z.infer<typeof refusals>, RefusalReport>,
  Same<PoolNode, z.infer<typeof poolNode>>,
  UpgradeCheckAgrees,
  UpgradeStatusAgrees,
  Same<ScriptList, z.infer<typeof scriptsList>>,
  Same<RenderedFiles, z.infer<typeof scriptsRender>>,
  Same<ScriptTests, z.infer<typeof scriptsTest>>,
] = [true, true, true, true, true, true, true, true, true, true]

const CHANGING = [
  ...['attach', 'detach', 'promote', 'recovery', 'op-resume', 'op-rollback', 'scripts-install'],
  ...['upgrade', 'upgrade-prepare', 'upgrade-rehearse', 'upgrade-run', 'upgrade-rollback', 'upgrade-finish'],
]

/** File name below /schema to JSON Schema (draft 2020-12). */
export function jsonSchemas(): ReadonlyMap<string, object> {
  const changing = z.union([operation, refusals])
  const all: [string, z.ZodType][] = [
    ['node-info', envelope('node-info', nodeInfo)],
    ['status', envelope('status', status)],
    ['doctor', envelope('doctor', doctorSchema)],
    ...Object.entries(poolSchemas).map(([name, schema]): [string, z.ZodType] => [name, envelope(name, schema)]),
    ...CHANGING.map((verb): [string, z.ZodType] => [verb, envelope(verb, changing)]),
    ...[...opSchemas(plan), ...LAB_SCHEMAS].map(([name, data]): [string, z.ZodType] => [name, envelope(name, data)]),
    ['upgrade-check', envelope('upgrade-check', upgradeCheck)],
    ['upgrade-status', envelope('upgrade-status', upgradeStatus)],
    ['upgrade-report', envelope('upgrade-report', z.strictObject({operation: text, html: text, markdown: text}))],
    // A command line that names no command.
    ['command', envelope('command', z.null())],
    ['scripts-list', envelope('scripts-list', scriptsList)],
    ['scripts-render', envelope('scripts-render', scriptsRender)],
    ['scripts-test', envelope('scripts-test', scriptsTest)],
    ['cluster-file', clusterFileSchema],
  ]
  return new Map(all.map(([name, schema]) => [`${name}.json`, z.toJSONSchema(schema, {unrepresentable: 'any'})]))
}

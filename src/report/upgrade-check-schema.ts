/** The JSON contract of `upgrade check` and `upgrade status`. */
import {z} from 'zod'
import type {UpgradeCheckData} from './upgrade-check.js'
import type {UpgradeStatusData} from './upgrade-status.js'

const text = z.string()
const textOrNull = z.string().nullable()
const numberOrNull = z.number().nullable()

export const upgradeCheck = z.strictObject({
  checkedAt: text,
  from: numberOrNull,
  to: z.int(),
  verdict: z.enum(['ready', 'refused']),
  primary: numberOrNull,
  nodes: z.array(
    z.strictObject({
      id: z.int(),
      host: text,
      version: textOrNull,
      newVersion: textOrNull,
      newData: text,
      newBin: text,
      newDataState: textOrNull,
    }),
  ),
  findings: z.array(
    z.strictObject({
      code: text,
      area: text,
      severity: z.enum(['stop', 'warn']),
      node: numberOrNull,
      message: text,
      detail: textOrNull,
      hint: textOrNull,
      override: textOrNull,
    }),
  ),
  settings: z.array(z.strictObject({node: numberOrNull, name: text, kind: text, since: z.int(), text})),
  inventory: z.strictObject({
    databases: z.array(z.strictObject({name: text, bytes: z.number(), relations: z.int(), largeObjects: z.int()})),
    extensions: z.array(z.strictObject({database: text, name: text, version: text})),
    slots: z.array(text),
    nodes: z.array(
      z.strictObject({id: z.int(), version: textOrNull, newVersion: textOrNull, settings: z.record(text, text)}),
    ),
  }),
  trial: z
    .strictObject({
      initdbSeconds: numberOrNull,
      pgUpgradeCheckSeconds: numberOrNull,
      startSeconds: numberOrNull,
      dumpSeconds: numberOrNull,
      restoreSeconds: numberOrNull,
      schemaBytes: numberOrNull,
    })
    .nullable(),
  rates: z.array(
    z.strictObject({
      node: z.int(),
      writeBytesPerSecond: numberOrNull,
      readBytesPerSecond: numberOrNull,
      fromPrimaryBytesPerSecond: numberOrNull,
      skipped: textOrNull,
    }),
  ),
  wayBack: z
    .strictObject({
      kind: z.enum(['backup', 'command']),
      at: text,
      ageSeconds: z.number(),
      node: z.int(),
      directory: textOrNull,
    })
    .nullable(),
  since: textOrNull,
  differences: z.array(
    z.strictObject({kind: z.enum(['appeared', 'gone', 'changed']), what: text, before: textOrNull, now: textOrNull}),
  ),
  kept: textOrNull,
})

export type UpgradeCheckAgrees = [UpgradeCheckData] extends [z.infer<typeof upgradeCheck>]
  ? [z.infer<typeof upgradeCheck>] extends [UpgradeCheckData]
    ? true
    : false
  : false

export const upgradeStatus = z.strictObject({
  phase: z.enum(['none', 'under-way', 'opened', 'rolled-back', 'finished']),
  from: z.int().nullable(),
  to: z.int().nullable(),
  since: textOrNull,
  operation: textOrNull,
  underWay: z
    .strictObject({
      step: z.strictObject({id: text, title: text, number: z.int(), of: z.int(), since: textOrNull}).nullable(),
      startedAt: text,
      elapsedSeconds: z.number(),
      servesAt: textOrNull,
      pastNoReturn: z.boolean(),
      windowEndsAt: textOrNull,
      latestDecisionAt: textOrNull,
      verdict: z.enum(['go', 'hold', 'back']).nullable(),
    })
    .nullable(),
  wayBack: text,
  next: z.array(text),
  nodes: z.array(
    z.strictObject({
      id: z.int(),
      host: text,
      unseen: textOrNull,
      role: z.enum(['primary', 'standby', 'held']).nullable(),
      serves: z.int().nullable(),
      oldData: textOrNull,
      newData: textOrNull,
      oldThere: z.boolean().nullable(),
    }),
  ),
})

export type UpgradeStatusAgrees = [UpgradeStatusData] extends [z.infer<typeof upgradeStatus>]
  ? [z.infer<typeof upgradeStatus>] extends [UpgradeStatusData]
    ? true
    : false
  : false

/** Schemas of the verbs that ask every pgpool; each is checked against its type by the compiler. */
import {z} from 'zod'
import type {HealthData, PoolData, ReloadData, WatchdogData} from './pools.js'

const text = z.string()
const textOrNull = z.string().nullable()
const numberOrNull = z.number().nullable()

const answer = {pool: text, host: text, reachable: z.boolean(), reason: textOrNull}

const finding = z.strictObject({
  pool: textOrNull,
  code: text,
  severity: z.enum(['warning', 'critical']),
  message: text,
  remedy: text,
})

const watchdog = z.strictObject({
  pools: z.array(
    z.strictObject({
      ...answer,
      enabled: z.boolean().nullable(),
      info: z
        .strictObject({
          quorum: z.enum(['present', 'on-the-edge', 'absent', 'no-leader', 'unrecognized']),
          aliveRemoteNodes: z.number(),
          remoteNodes: z.number(),
          memberRemoteNodes: numberOrNull,
          nodesRequiredForQuorum: numberOrNull,
          escalated: z.boolean(),
          leaderName: textOrNull,
          leaderHostname: textOrNull,
          nodes: z.array(
            z.strictObject({
              id: z.number(),
              name: text,
              hostname: text,
              stateCode: z.number(),
              state: text,
              membership: textOrNull,
              delegateIp: textOrNull,
              watchdogPort: z.number(),
              pgpoolPort: z.number(),
              priority: z.number(),
            }),
          ),
        })
        .nullable(),
    }),
  ),
  leader: textOrNull,
  findings: z.array(finding),
  health: z.enum(['ok', 'warning', 'critical', 'unknown']),
})

const health = z.strictObject({
  pools: z.array(
    z.strictObject({
      ...answer,
      nodes: z.array(
        z.strictObject({
          id: z.number(),
          hostname: text,
          port: z.number(),
          status: text,
          role: text,
          lastStatusChange: textOrNull,
          totalCount: numberOrNull,
          successCount: numberOrNull,
          failCount: numberOrNull,
          skipCount: numberOrNull,
          retryCount: numberOrNull,
          averageRetryCount: numberOrNull,
          maxRetryCount: numberOrNull,
          maxDurationMs: numberOrNull,
          minDurationMs: numberOrNull,
          averageDurationMs: numberOrNull,
          lastCheck: textOrNull,
          lastSuccess: textOrNull,
          lastSkip: textOrNull,
          lastFailure: textOrNull,
          rawFields: z.array(text).nullable(),
          parameters: z.strictObject({
            periodSeconds: numberOrNull,
            timeoutSeconds: numberOrNull,
            maxRetries: numberOrNull,
            retryDelaySeconds: numberOrNull,
            connectTimeoutMs: numberOrNull,
            user: textOrNull,
            database: textOrNull,
            patienceSeconds: numberOrNull,
            source: z.enum(['node', 'default']),
          }),
        }),
      ),
    }),
  ),
  differences: z.array(finding),
})

const pool = z.strictObject({
  pools: z.array(
    z.strictObject({
      ...answer,
      processes: numberOrNull,
      busy: numberOrNull,
      limit: numberOrNull,
      connections: z.array(
        z.strictObject({
          pid: z.number(),
          database: text,
          user: text,
          processStart: textOrNull,
          backendConnected: textOrNull,
          clientConnected: textOrNull,
          clientDisconnected: textOrNull,
          backendId: numberOrNull,
          backendPid: numberOrNull,
          protocol: text,
          useCount: z.number(),
          connected: z.boolean(),
          status: textOrNull,
          loadBalanceNode: z.boolean().nullable(),
          clientHost: textOrNull,
          clientPort: numberOrNull,
          statement: textOrNull,
          unknownFields: z.int(),
        }),
      ),
      parameters: z.array(z.strictObject({name: text, value: textOrNull, description: text})).nullable(),
    }),
  ),
  differences: z.array(finding),
})

const change = z.strictObject({name: text, before: textOrNull, after: textOrNull})

const reload = z.strictObject({
  what: z.enum(['config', 'log', 'cache']),
  dryRun: z.boolean(),
  pools: z.array(
    z.strictObject({
      ...answer,
      outcome: z.enum(['planned', 'observed', 'accepted', 'refused', 'unreachable']),
      changes: z.array(change),
      needRestart: z.array(change),
      seen: textOrNull,
    }),
  ),
})

export const poolSchemas = {watchdog, health, pool, reload}

/** A type fits its schema when the report can be assigned to what the schema reads. */
type Fits<Report, Schema extends z.ZodType> = [Report] extends [z.infer<Schema>] ? true : false
/** Fails to compile when a schema and its type part. @public */
export const POOLS_AGREE: [
  Fits<WatchdogData, typeof watchdog>,
  Fits<HealthData, typeof health>,
  Fits<PoolData, typeof pool>,
  Fits<ReloadData, typeof reload>,
] = [true, true, true, true]

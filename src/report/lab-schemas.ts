/** Schemas of the `lab` commands. */
import {z} from 'zod'

const text = z.string()
const seconds = z.number().min(0)
const power = z.enum(['running', 'stopped'])
const belief = z.looseObject({role: text, status: text})

const status = z.strictObject({
  directory: text,
  clusterFile: text,
  mode: z.enum(['streaming', 'native', 'snapshot-isolation']),
  complete: z.boolean(),
  postgresMajor: z.int(),
  scale: z.int().nullable(),
  client: z.strictObject({host: text, port: z.int(), user: text, database: text, passfile: text}),
  pgpool: z.looseObject({
    address: text,
    ssh: power,
    running: z.boolean(),
    answers: z.boolean(),
    reason: text.nullable(),
  }),
  nodes: z.array(
    z.strictObject({
      id: z.int(),
      address: text,
      port: z.int(),
      data: text,
      ssh: power,
      postgres: z.enum(['running', 'stopped', 'empty']),
      role: z.enum(['primary', 'standby']).nullable(),
      reason: text.nullable(),
      pool: belief.nullable(),
    }),
  ),
})

/** Name of the command's schema to its data. */
export const LAB_SCHEMAS: [name: string, data: z.ZodType][] = [
  ['lab-status', status],
  [
    'lab-up',
    z.strictObject({status, seconds, outcome: z.enum(['created', 'started', 'running']), problems: z.array(text)}),
  ],
  [
    'lab-kill',
    z.strictObject({
      node: z.int(),
      fault: z.enum(['stop', 'wipe', 'spoil', 'diverge']),
      processesEnded: z.int(),
      done: z.array(text),
      pool: z.array(belief).nullable(),
      seconds,
    }),
  ],
  [
    'lab-down',
    z.strictObject({directory: text, found: z.boolean(), processesEnded: z.int(), segmentsRemoved: z.int(), seconds}),
  ],
  [
    'lab-demo',
    z.strictObject({
      node: z.int(),
      directory: text,
      clusterFile: text,
      recoverySeconds: seconds,
      bytesOnWire: z.number().nullable(),
      method: text.nullable(),
      acknowledgedWrites: z.int(),
      lostWrites: z.int(),
      longestWriteGapSeconds: seconds,
      statusTable: text,
      disagreements: z.array(text),
      broken: z.array(text),
      seconds,
    }),
  ],
]

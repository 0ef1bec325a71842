/** Schema of `doctor`, and of `doctor --list`, checked against their types by the compiler. */
import {z} from 'zod'
import type {DoctorData, DoctorListData} from './doctor.js'

const text = z.string()
const textOrNull = z.string().nullable()
const numberOrNull = z.number().nullable()
const health = z.enum(['ok', 'warning', 'critical', 'unknown'])
const severity = z.enum(['warning', 'critical'])
const about = {id: text, code: text, topic: text, serves: z.array(text), holds: text}

const doctor = z.strictObject({
  checks: z.array(
    z.strictObject({
      ...about,
      status: health,
      findings: z.array(
        z.strictObject({code: text, severity, node: numberOrNull, pool: textOrNull, message: text, remedy: text}),
      ),
      blind: z.array(z.strictObject({node: numberOrNull, pool: textOrNull, reason: text})),
    }),
  ),
  counts: z.strictObject({ok: z.int(), warning: z.int(), critical: z.int(), unknown: z.int()}),
  health,
})

const list = z.strictObject({checks: z.array(z.strictObject({...about, severity}))})

export const doctorSchema = z.union([doctor, list])

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
/** Fails to compile when a schema and its type part. @public */
export const DOCTOR_AGREES: [Same<DoctorData, z.infer<typeof doctor>>, Same<DoctorListData, z.infer<typeof list>>] = [
  true,
  true,
]

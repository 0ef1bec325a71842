/** Plain data that survives a round trip through a file: what plans, journals and reports are made of. */
export type Json = string | number | boolean | null | readonly Json[] | {readonly [key: string]: Json}
export type JsonObject = {readonly [key: string]: Json}

/** Null for a text that is no JSON, or no object. */
export function parsedObject(text: string): Record<string, unknown> | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}

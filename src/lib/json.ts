/** Plain data that survives a round trip through a file: what plans, journals and reports are made of. */
export type Json = string | number | boolean | null | readonly Json[] | {readonly [key: string]: Json}
export type JsonObject = {readonly [key: string]: Json}

/**
 * Payload of `N` and `E`: fields of a letter and a NUL-terminated text in the order S C M [D] [H] F L, closed by one more NUL
 * (pgpool `elog.c`, send_message_to_frontend).
 *
 * pgpool cuts each field to 255 bytes, letter included, and then sends the NUL *and one byte of uninitialised memory*. That
 * byte can be anything, also a field letter, so both readings are tried and the one that reaches the end is taken.
 */
export type Notice = {
  /** DEBUG, LOG, INFO, NOTICE, WARNING, ERROR, FATAL or PANIC. */
  severity: string
  /** SQLSTATE; practically always XX000, so not for dispatch. */
  code: string
  message: string
  detail: string | null
  hint: string | null
  /** Where in pgpool's source; differs per version. */
  file: string | null
  line: string | null
}

const ORDER = 'SCMDHFL'
const CUT_FIELD_BYTES = 255

type Fields = ReadonlyMap<string, string>

/** Never throws: a notice that cannot be read is still a notice, and what was readable of it is given. */
export function parseNotice(payload: Buffer): Notice {
  const fields = readFields(payload, 0, 0, new Map()) ?? readLeniently(payload)
  return {
    severity: fields.get('S') ?? 'ERROR',
    code: fields.get('C') ?? '',
    message: fields.get('M') ?? '(message that cannot be read)',
    detail: fields.get('D') ?? null,
    hint: fields.get('H') ?? null,
    file: fields.get('F') ?? null,
    line: fields.get('L') ?? null,
  }
}

/** The fields from `at` on, when everything up to the closing NUL fits the order; F and L are always sent. Else null. */
function readFields(payload: Buffer, at: number, from: number, found: Fields): Fields | null {
  if (at === payload.length - 1 && payload[at] === 0) return found.has('F') && found.has('L') ? found : null
  const field = fieldAt(payload, at)
  const position = field === null ? -1 : ORDER.indexOf(field.letter, from)
  if (field === null || position < 0) return null
  const next = new Map(found).set(field.letter, field.text)
  const straight = readFields(payload, field.end, position + 1, next)
  if (!field.cut) return straight
  // A longer reading has lost nothing to the stray byte: a stray `D` before `F` would swallow the F field.
  const skipped = readFields(payload, field.end + 1, position + 1, next)
  if (straight === null || skipped === null) return straight ?? skipped
  return skipped.size >= straight.size ? skipped : straight
}

function readLeniently(payload: Buffer): Fields {
  const found = new Map<string, string>()
  let at = 0
  for (let field = fieldAt(payload, at); field !== null && ORDER.includes(field.letter); field = fieldAt(payload, at)) {
    if (found.has(field.letter)) break
    found.set(field.letter, field.text)
    at = field.end
    if (field.cut && !ORDER.includes(String.fromCharCode(payload[at] ?? 0))) at += 1
  }
  return found
}

function fieldAt(payload: Buffer, at: number): {letter: string; text: string; end: number; cut: boolean} | null {
  const code = payload[at]
  const nul = payload.indexOf(0, at)
  if (code === undefined || code === 0 || nul < 0) return null
  const cut = nul - at === CUT_FIELD_BYTES
  const text = payload.toString('utf8', at + 1, nul)
  // A cut can end inside a UTF-8 sequence, which decodes to a replacement character that was never sent.
  return {letter: String.fromCharCode(code), text: cut ? text.replace(/\uFFFD+$/, '') : text, end: nul + 1, cut}
}

/**
 * The frame of PCP, the same in both directions: a letter, a 32-bit big-endian length that includes itself but not the letter,
 * the payload (pgpool `pcp_stream.c`, `pcp_worker.c`; 3.7-4.7).
 */
import {PcpMalformed} from './errors.js'

export type Frame = {
  /** One ASCII letter; its case matters. */
  kind: string
  payload: Buffer
}

export const HEADER_BYTES = 5
/** Bytes that the length field counts for itself. */
export const LENGTH_BYTES = 4
/** pgpool closes on a longer request ("incorrect packet length"). */
export const MAX_REQUEST_PAYLOAD = 255
/** pgpool sets no limit to its answers; a length above this is not an answer. Checked before a byte of it is kept. */
export const MAX_REPLY_PAYLOAD = 16 * 1024 * 1024

/** A request as bytes. Throws on a payload that pgpool would not read: callers check user input before. */
export function encodeFrame(kind: string, payload: Buffer = Buffer.alloc(0)): Buffer {
  if (!/^[A-Za-z]$/.test(kind)) throw new Error(`not a PCP kind: ${kind}`)
  if (payload.length > MAX_REQUEST_PAYLOAD) throw new Error(`PCP request of ${payload.length} bytes is too long`)
  const frame = Buffer.alloc(HEADER_BYTES + payload.length)
  frame.write(kind, 0, 'latin1')
  frame.writeUInt32BE(payload.length + LENGTH_BYTES, 1)
  payload.copy(frame, HEADER_BYTES)
  return frame
}

/** Kind and payload length of the header at `at`. Throws `PcpMalformed` on anything that cannot be a header. */
export function decodeHeader(bytes: Buffer, at: number): {kind: string; payloadBytes: number} {
  const code = bytes.readUInt8(at)
  const kind = String.fromCharCode(code)
  if (!/^[A-Za-z]$/.test(kind)) {
    throw new PcpMalformed(`a packet began with byte 0x${code.toString(16).padStart(2, '0')}, which is no letter`)
  }
  const length = bytes.readUInt32BE(at + 1)
  if (length < LENGTH_BYTES) throw new PcpMalformed(`packet "${kind}" announced a length of ${length}`)
  if (length - LENGTH_BYTES > MAX_REPLY_PAYLOAD) {
    throw new PcpMalformed(`packet "${kind}" announced ${length} bytes; the limit is ${MAX_REPLY_PAYLOAD}`)
  }
  return {kind, payloadBytes: length - LENGTH_BYTES}
}

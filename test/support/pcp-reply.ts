/** Answers of pgpool as bytes, read as the client reads them. */
import {FrameReader} from '../../src/pcp/reader.js'
import type {Request} from '../../src/pcp/requests.js'
import {ReplyCollector, type Reply} from '../../src/pcp/responses.js'

/** The answer to `request` in `bytes`, delivered in the given pieces; null when it is not complete. */
export function collect(request: Request, ...pieces: Buffer[]): Reply | null {
  const reader = new FrameReader()
  const collector = new ReplyCollector(request)
  for (const piece of pieces) {
    reader.push(piece)
    for (let frame = reader.next(); frame; frame = reader.next()) {
      const reply = collector.accept(frame)
      if (reply) return reply
    }
  }
  return null
}

export function complete(request: Request, ...pieces: Buffer[]): Reply {
  const reply = collect(request, ...pieces)
  if (!reply) throw new Error('the answer is not complete')
  return reply
}

/**
 * pgpool's backend number, 0 to 127. pgpool parses what a client sends with C `atoi`, so `abc` would mean node 0 and a
 * detach of a typing error would detach a healthy node (pgpool `pcp_worker.c`, 4.1-4.7). Ids are therefore read strictly.
 */
export type NodeId = number & {readonly __brand: 'NodeId'}

/** `text` as a node id, or null when it is anything but one to three decimal digits up to 127. */
export function parseNodeId(text: string): NodeId | null {
  if (!/^[0-9]{1,3}$/.test(text)) return null
  const value = Number(text)
  return value <= 127 ? (value as NodeId) : null
}

/** A number already known to be an id, e.g. a position in pgpool's answer. Throws on anything else: our bug. */
export function nodeId(value: number): NodeId {
  if (!Number.isInteger(value) || value < 0 || value > 127) throw new Error(`not a node id: ${value}`)
  return value as NodeId
}

/** What changed between two reports: a check of days ago says nothing of the index that was made this morning. */
import {bytesText} from '../../../lib/human.js'
import type {UpgradeCheckData, UpgradeDifference, UpgradeFinding} from '../../../report/upgrade-check.js'

/** A database that grew or shrank by less than this is the same for every forecast. */
const GROWTH = 0.3

type Compared = Pick<UpgradeCheckData, 'findings' | 'inventory'>

export function differences(before: Compared, now: Compared): UpgradeDifference[] {
  return [
    ...compared('check', before.findings, now.findings, findingKey, ({message}) => message),
    ...compared(
      'extension',
      before.inventory.extensions,
      now.inventory.extensions,
      ({database, name}) => `${name} in ${database}`,
      ({version}) => version,
    ),
    ...compared('slot', before.inventory.slots, now.inventory.slots, String, () => ''),
    ...databases(before, now),
    ...nodes(before, now),
  ]
}

/**
 * In words, for a run, which repeats all of a check but its trial: a finding that it does not have again says nothing, and one whose words
 * hold other figures is the same one.
 */
export function changesSince(before: Compared, now: Compared): string[] {
  return differences(before, now)
    .filter(({kind, what}) => kind === 'appeared' || !what.startsWith('check '))
    .map(({kind, what, before: was, now: is}) => {
      if (kind === 'changed') return `${what}: ${was ?? '?'}, now ${is ?? '?'}`
      return kind === 'appeared' ? `new: ${what}` : `gone: ${what}`
    })
}

function findingKey({code, node}: UpgradeFinding): string {
  return node === null ? code : `${code} on node ${node}`
}

/** Two lists by key. A finding's words may hold moving figures; they count as changed all the same, since figures are its point. */
function compared<T>(
  noun: string,
  before: readonly T[],
  now: readonly T[],
  key: (item: T) => string,
  value: (item: T) => string,
): UpgradeDifference[] {
  const old = new Map(before.map((item) => [key(item), value(item)]))
  const fresh = new Map(now.map((item) => [key(item), value(item)]))
  const gone = [...old].filter(([name]) => !fresh.has(name))
  const came = [...fresh].filter(([name]) => !old.has(name))
  const changed = [...fresh].filter(([name, text]) => old.has(name) && old.get(name) !== text)
  return [
    ...came.map(([name, text]) => ({
      kind: 'appeared' as const,
      what: `${noun} ${name}`,
      before: null,
      now: text || null,
    })),
    ...gone.map(([name, text]) => ({kind: 'gone' as const, what: `${noun} ${name}`, before: text || null, now: null})),
    ...changed.map(([name, text]) => ({
      kind: 'changed' as const,
      what: `${noun} ${name}`,
      before: old.get(name) ?? null,
      now: text,
    })),
  ]
}

function databases(before: Compared, now: Compared): UpgradeDifference[] {
  const old = new Map(before.inventory.databases.map((database) => [database.name, database]))
  const sizes = now.inventory.databases.flatMap(({name, bytes, relations}): UpgradeDifference[] => {
    const was = old.get(name)
    if (!was) return []
    const found: UpgradeDifference[] = []
    const moved = (a: number, b: number): boolean => Math.abs(b - a) > GROWTH * Math.max(a, 1)
    if (moved(was.bytes, bytes)) {
      found.push({
        kind: 'changed',
        what: `size of database ${name}`,
        before: bytesText(was.bytes),
        now: bytesText(bytes),
      })
    }
    if (was.relations !== relations) {
      found.push({
        kind: 'changed',
        what: `relations of database ${name}`,
        before: String(was.relations),
        now: String(relations),
      })
    }
    return found
  })
  const names = (list: Compared): string[] => list.inventory.databases.map(({name}) => name)
  return [...compared('database', names(before), names(now), String, () => ''), ...sizes]
}

function nodes(before: Compared, now: Compared): UpgradeDifference[] {
  return now.inventory.nodes.flatMap(({id, version, newVersion, settings}) => {
    const was = before.inventory.nodes.find((node) => node.id === id)
    if (!was) return [{kind: 'appeared' as const, what: `node ${id}`, before: null, now: version}]
    const pairs = (node: typeof was): [string, string][] => [
      ['version', node.version ?? 'unknown'],
      ['new version', node.newVersion ?? 'none'],
      ...Object.entries(node.settings),
    ]
    return compared(
      `node ${id}:`,
      pairs(was),
      pairs({id, version, newVersion, settings}),
      ([name]) => name,
      ([, value]) => value,
    )
  })
}

/** What upgrade-check-tools.sh, -ssh.sh, -session.sh and -rates.sh printed, as the port's types. */
import type {Rates, SshLimits, ToolSeen} from '../ports/upgrade-machine.js'
import {nulPairs} from './fields.js'

export function toolsFrom(output: Buffer): ToolSeen[] {
  const pairs = nulPairs(output)
  const said = pairs.get('said') ?? []
  return (pairs.get('tool') ?? []).flatMap((text, at) => {
    const [usedBy = '', program = ''] = text.split(' ')
    if (program === '') return []
    const words = said[at] ?? ''
    const builtFor = /\(PostgreSQL (\d+)/.exec(words)?.[1]
    return [
      {
        program,
        usedBy,
        version: /\b(?:v|version )?(\d+\.\d+(?:\.\d+)?)/.exec(words)?.[1] ?? null,
        builtFor: builtFor === undefined ? null : Number(builtFor),
      },
    ]
  })
}

/** `sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups`, and lines of `sshd -T`, which say it better where they are. */
export function sshLimitsFrom(output: Buffer): SshLimits {
  const pairs = nulPairs(output)
  const effective = pairs.get('effective')?.[0] ?? ''
  const title = /\[listener\] \d+ of (\d+)-(\d+) startups/.exec(pairs.get('listener')?.[0] ?? '')
  const set = /^maxstartups (\d+):\d+:(\d+)$/m.exec(effective)
  // The title is of the process that listens; its file may have been changed since.
  const startups = title ?? set
  const sessions = /^maxsessions (\d+)$/m.exec(effective)?.[1]
  return {
    startups: startups ? {from: Number(startups[1]), all: Number(startups[2])} : null,
    sessions: sessions === undefined ? null : Number(sessions),
  }
}

/** Of spans as `FROM TO` in nanoseconds: the most that there were at one time. */
export function atOnce(spans: readonly string[]): number {
  const times = spans.flatMap((text) => {
    const match = /^(\d+) (\d+)$/.exec(text.trim())
    return match?.[1] && match[2] ? [{from: BigInt(match[1]), to: BigInt(match[2])}] : []
  })
  return Math.max(0, ...times.map(({from}) => times.filter((other) => other.from <= from && other.to > from).length))
}

export function ratesFrom(output: Buffer): Rates {
  const pairs = nulPairs(output)
  const skipped = pairs.get('skipped')?.[0]
  if (skipped !== undefined) return {measured: false, why: skipped}
  const rate = (key: string): number | null => {
    const match = /^(\d+) (\d+)$/.exec(pairs.get(key)?.[0] ?? '')
    const bytes = Number(match?.[1] ?? 0)
    // What took no millisecond was not measured.
    return bytes === 0 || match?.[2] === '0' ? null : Math.round((bytes / Number(match?.[2])) * 1000)
  }
  const write = rate('write')
  if (write === null) return {measured: false, why: 'nothing could be written beside the data'}
  return {
    measured: true,
    writeBytesPerSecond: write,
    readBytesPerSecond: rate('read'),
    fromPrimaryBytesPerSecond: rate('network'),
  }
}

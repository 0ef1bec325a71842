/** `config show --origin`: every setting in effect, in the file's spelling, with where it came from. */
import type {ClusterFile, Service} from '../cluster-file.js'
import type {Json, JsonObject} from '../../lib/json.js'
import type {ParsedClusterFile} from './parse.js'
import {formatDuration, formatSize} from './units.js'

export type Setting = {
  key: string
  value: Json
  /** `file` with its line, or `default`. */
  origin: 'file' | 'default'
  line: number | null
}

/** In the order of the design's example. Secrets cannot be in it: the file holds paths of password files only. */
export function settingsOf({file, lines}: ParsedClusterFile): Setting[] {
  const settings: Setting[] = []
  for (const [key, value] of flatten(spellOut(file), '')) {
    const line = lineFor(key, lines)
    settings.push({key, value, origin: line === null ? 'default' : 'file', line})
  }
  return settings
}

function lineFor(key: string, lines: ReadonlyMap<string, number>): number | null {
  const own = lines.get(key)
  if (own !== undefined) return own
  const match = /^(.*\.service)\.(start|stop|reload)$/.exec(key)
  return match?.[1] === undefined ? null : (lines.get(match[1]) ?? null)
}

function spellOut(file: ClusterFile): JsonObject {
  return {
    cluster: file.name,
    pgpool: file.pgpool.map((p): JsonObject => ({
      host: p.host,
      pcp: {...p.pcp},
      address: p.address,
      port: p.port,
      config: p.config,
      service: spellService(p.service),
      sshPort: p.sshPort,
    })),
    nodes: file.nodes.map((n): JsonObject => ({...n, id: Number(n.id), service: spellService(n.service)})),
    ssh: {...file.ssh},
    postgres: {...file.postgres},
    limits: {maxLag: formatSize(file.limits.maxLagBytes), stepTimeout: formatDuration(file.limits.stepTimeoutMs)},
    ...(file.upgrade && {upgrade: {settings: {...file.upgrade.settings}}}),
  }
}

function spellService(service: Service): Json {
  if (service.kind === 'pg_ctl') return 'pg_ctl'
  if (service.kind === 'systemd') return service.unit
  return {start: service.start, stop: service.stop, reload: service.reload}
}

function* flatten(value: JsonObject, prefix: string): Generator<[string, Json]> {
  for (const [key, inner] of Object.entries(value)) {
    const name = prefix === '' ? key : `${prefix}.${key}`
    if (isList(inner) && inner.some(isMap)) {
      for (const [index, item] of inner.filter(isMap).entries()) yield* flatten(item, `${name}[${index}]`)
    } else if (isMap(inner)) yield* flatten(inner, name)
    else yield [name, inner]
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isMap(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

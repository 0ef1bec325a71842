/** Backup and monitoring tools that do not know the new version, and pgpool's own parser: they fail when the upgrade is long done. */
import {firstFor, newestPostgres, parserOf, pgpoolFor, toolOf, type Tool} from '../../../cluster/tool-versions.js'
import type {ToolSeen} from '../../../ports/upgrade-machine.js'
import {warn, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

const area = 'versions' as const

export function checkTools(survey: UpgradeSurvey): Finding[] {
  const {to} = survey.request
  return [...survey.nodes.flatMap((node) => checkNode(node, to)), ...checkParser(survey)]
}

function checkNode(node: NodeSurvey, to: number): Finding[] {
  if (!node.machine.seen) return []
  const {tools} = node.machine
  const {host} = node.config
  const about = {area, node: node.id} as const
  if (tools === null) {
    return [
      warn({
        ...about,
        code: 'TOOL_VERSION_UNKNOWN',
        message: `backup and monitoring tools on ${host} could not be looked for`,
        hint: `Look there yourself whether each of them knows PostgreSQL ${to}`,
      }),
    ]
  }
  const judged = oncePerTool(tools).map((seen) => ({...seen, verdict: verdictOn(seen, to)}))
  const old = judged.flatMap(({verdict}) => (verdict?.kind === 'old' ? [verdict] : []))
  const unknown = judged.flatMap(({verdict}) => (verdict?.kind === 'unknown' ? [verdict] : []))
  const found: Finding[] = []
  if (old.length > 0) {
    found.push(
      warn({
        ...about,
        code: 'TOOL_TOO_OLD',
        message: `on ${host} tools are at work that do not know PostgreSQL ${to}: ${old.map(({text}) => text).join('; ')}`,
        detail:
          'A backup tool that fails leaves WAL where it is, which fills the disk, or makes no backup; monitoring goes blind.',
        hint: `Install a release that knows ${to} before the day: ${[...new Set(old.map(({wanted}) => wanted))].join('; ')}`,
      }),
    )
  }
  if (unknown.length > 0) {
    found.push(
      warn({
        ...about,
        code: 'TOOL_VERSION_UNKNOWN',
        message: `of tools at work on ${host} it is not known whether they know PostgreSQL ${to}: ${unknown.map(({text}) => text).join('; ')}`,
        hint: `Look in their release notes; nothing needs to be done where they name ${to}`,
      }),
    )
  }
  return found
}

type Seen = {tool: Tool; seen: ToolSeen; uses: string[]}

/** One that archives and runs from cron is one thing to mend; of several programs of a tool the one with a version tells it. */
function oncePerTool(tools: readonly ToolSeen[]): Seen[] {
  const found = new Map<string, Seen>()
  for (const seen of tools) {
    const tool = toolOf(seen.program)
    if (!tool) continue
    const known = found.get(tool.name)
    const uses = [...new Set([...(known?.uses ?? []), seen.usedBy])]
    const telling = known?.seen.version != null ? known.seen : seen
    found.set(tool.name, {tool, seen: telling, uses})
  }
  return [...found.values()]
}

type Verdict = {kind: 'old'; text: string; wanted: string} | {kind: 'unknown'; text: string} | null

function verdictOn({tool, seen, uses}: Seen, to: number): Verdict {
  const where = `(${uses.join(', ')})`
  if (seen.version === null) return {kind: 'unknown', text: `${tool.name} ${where} does not say its version`}
  const named = `${tool.name} ${seen.version} ${where}`
  if (seen.builtFor !== null && seen.builtFor !== to)
    return {kind: 'old', text: `${named} is built for ${seen.builtFor}`, wanted: `${tool.name} built for ${to}`}
  const newest = newestPostgres(tool, seen.version)
  const first = firstFor(tool, to)
  if (newest !== null && newest >= to) return null
  if (first !== null)
    return {
      kind: 'old',
      text: newest === null ? named : `${named} knows up to ${newest}`,
      wanted: `${tool.name} ${first} or later`,
    }
  return {
    kind: 'unknown',
    text: newest === null ? named : `${named}, of which ${newest} is the newest that it is known to know`,
  }
}

/** Nothing fails by it: what it cannot parse goes to the primary as if it wrote (pool_proto_modules.c of Pgpool-II). */
function checkParser({pool, request}: UpgradeSurvey): Finding[] {
  const {to} = request
  const silent = pool.versions.filter(({version}) => version === null)
  const old = pool.versions.flatMap(({name, version}) => {
    const parser = version === null ? null : parserOf(version)
    return parser !== null && parser < to ? [{name, version, parser}] : []
  })
  const found: Finding[] = []
  const [first] = old
  if (first) {
    const wanted = pgpoolFor(to)
    found.push(
      warn({
        code: 'TOOL_POOL_PARSER_OLD',
        area: 'pool',
        message: `Pgpool-II ${[...new Set(old.map(({version}) => version))].join(', ')} has the SQL parser of PostgreSQL ${first.parser}: ${old.map(({name}) => name).join(', ')}`,
        detail: `Statements that are new in ${first.parser + 1 === to ? to : `${first.parser + 1} to ${to}`} it cannot read, and sends all of them to the primary: they work, and are not balanced.`,
        hint:
          wanted === null
            ? `Nothing needs to be done before the upgrade; no release with the parser of ${to} is known`
            : `Nothing needs to be done before the upgrade; Pgpool-II ${wanted} has the parser of ${to}`,
      }),
    )
  }
  if (silent.length > 0) {
    found.push(
      warn({
        code: 'TOOL_VERSION_UNKNOWN',
        area: 'pool',
        message: `pgpool does not say its version: ${silent.map(({name}) => name).join(', ')}`,
        hint: `Look with pgpool --version there: ${pgpoolFor(to) ?? 'no known release'} has the SQL parser of PostgreSQL ${to}`,
      }),
    )
  }
  return found
}

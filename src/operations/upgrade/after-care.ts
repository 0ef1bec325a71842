/** What an upgrade leaves to its site, as far as the old cluster tells it: part of the plan, and of the report. */
import type {JsonObject} from '../../lib/json.js'
import type {ScanName} from '../../ports/upgrade-check.js'
import type {RunFacts} from './survey.js'

/** Another system: nothing of before leads to it. */
const BACKUPS = 'those of before do not fit the new version: take one now'
const ARCHIVE = `${BACKUPS}, and keep the WAL that was archived until now apart from what is archived from here on`

/** pg_upgrade leaves invalid ones behind, and the new version records today's library for all others: only the old one knows. */
const INDEX_SCANS: readonly ScanName[] = ['invalid-indexes', 'stale-indexes', 'stale-default-indexes']

export function afterCare({check}: RunFacts): JsonObject {
  const primary = check.nodes.find(({id}) => id === check.primary)
  const archives = primary?.settings?.some(({name, value}) => name === 'archive_mode' && value !== 'off') === true
  const found = INDEX_SCANS.flatMap((name) => check.content?.scans[name] ?? [])
  const databases = [...new Set(found.map(({database}) => database))].sort()
  return {
    backups: archives ? ARCHIVE : BACKUPS,
    indexesToRebuild: Object.fromEntries(
      databases.map((name) => [
        name,
        found.flatMap(({database, object}) => (database === name ? [object] : [])).sort(),
      ]),
    ),
  }
}

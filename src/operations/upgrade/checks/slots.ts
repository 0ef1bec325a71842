/** Replication slots: those that an upgrade carries, and those that are gone after it. */
import {bytesText} from '../../../lib/human.js'
import type {UpgradeContent, UpgradeSlot} from '../../../ports/upgrade-check.js'
import {acceptable, counted, listed, stop, type Finding} from './finding.js'
import type {UpgradeSurvey} from './survey.js'

const area = 'content' as const

/** pg_upgrade carries logical slots from 17 on, when both clusters are of 17 or later; physical ones never. */
export function checkSlots({slots}: UpgradeContent, survey: UpgradeSurvey, from: number, to: number): Finding[] {
  const ours = new Set(survey.nodes.map(({config}) => config.slot))
  const lost = slots.filter(({kind}) => kind === 'logical' && (from < 17 || to < 17))
  const foreign = slots.filter(({kind, name}) => kind === 'physical' && !ours.has(name))
  const found = from < 17 || to < 17 ? [] : checkCarried(slots, survey.request.maxLagBytes)
  if (lost.length > 0) {
    found.push(
      acceptable({
        code: 'LOGICAL_SLOTS_LOST',
        area,
        message: `${counted(lost.length, 'logical slot does', 'logical slots do')} not survive: ${listed(
          lost.map(({name, database, plugin}) => `${name} (${plugin ?? 'no plugin'}, ${database ?? 'no database'})`),
        )}`,
        detail: 'Before 17 pg_upgrade does not carry them; who reads from them has to begin anew.',
        hint: 'Let the consumers catch up and drop the slots, or agree with their owners',
      }),
    )
  }
  if (foreign.length > 0) {
    found.push(
      acceptable({
        code: 'FOREIGN_SLOTS',
        area,
        message: `${counted(foreign.length, 'physical slot belongs', 'physical slots belong')} to no node of the cluster file: ${listed(
          foreign.map(
            ({name, active, retainedBytes}) =>
              `${name} (${active ? 'in use' : 'unused'}${retainedBytes === null ? '' : `, holds ${bytesText(retainedBytes)}`})`,
          ),
        )}`,
        detail:
          'Those in use are made again on the new primary, and who reads from them begins anew; unused ones are gone.',
        hint: "Drop an unused one: SELECT pg_drop_replication_slot('…')",
      }),
    )
  }
  return found
}

/** What pg_upgrade asks of each slot that it carries (check.c, check_old_cluster_for_valid_slots): that it is valid, and that all is read. */
function checkCarried(slots: readonly UpgradeSlot[], maxLagBytes: number): Finding[] {
  const logical = slots.filter(({kind}) => kind === 'logical')
  const invalid = logical.filter(({walStatus}) => walStatus === 'lost')
  const behind = logical.filter(
    ({walStatus, active, unreadBytes}) => walStatus !== 'lost' && (!active || (unreadBytes ?? 0) > maxLagBytes),
  )
  const found: Finding[] = []
  if (invalid.length > 0) {
    found.push(
      stop({
        code: 'LOGICAL_SLOTS_INVALID',
        area,
        message: `${counted(invalid.length, 'logical slot has', 'logical slots have')} lost WAL that its reader needs: ${listed(
          invalid.map(({name, database}) => `${name} (${database ?? 'no database'})`),
        )}`,
        detail: 'Nobody can read from them any more, and pg_upgrade refuses while they are there.',
        hint: "SELECT pg_drop_replication_slot('…'), and let their readers begin anew",
      }),
    )
  }
  if (behind.length > 0) {
    found.push(
      acceptable({
        code: 'LOGICAL_SLOTS_BEHIND',
        area,
        message: `${counted(behind.length, 'logical slot is', 'logical slots are')} not read up to date: ${listed(
          behind.map(
            ({name, active, unreadBytes}) =>
              `${name} (${active ? 'in use' : 'nobody reads from it'}${unreadBytes === null ? '' : `, ${bytesText(unreadBytes)} unread`})`,
          ),
        )}`,
        detail:
          'pg_upgrade refuses when changes are left that a reader has not confirmed; it looks when the old server has stopped.',
        hint: 'Let its reader catch up and stay connected until the servers stop; drop a slot that nobody reads from',
      }),
    )
  }
  return found
}

/** WAL behind a link (a disk of its own) gets a directory for the new version beside it; here is what would keep it from being made. */
import type {UpgradeHostFacts} from '../../../ports/upgrade-check.js'
import {stop, type Finding} from './finding.js'
import type {NodeSurvey} from './survey.js'

export function checkNewWal({id, config}: NodeSurvey, {newWal}: UpgradeHostFacts): Finding[] {
  if (newWal === null || newWal.problem === null) return []
  const {path, problem} = newWal
  const about = {area: 'files', node: id} as const
  const link = `${config.data}/pg_wal`
  switch (problem) {
    case 'inside':
    case 'mount':
      return [
        stop({
          ...about,
          code: 'WAL_LINK_NOT_CARRIED',
          message:
            problem === 'mount'
              ? `${link} on ${config.host} links to the root of a disk, and ${path} beside it would be on another one`
              : `${link} on ${config.host} links to a place inside a data directory`,
          detail: "The new version's WAL gets a directory of its own beside the old one's, on the same disk.",
          hint: `While the server is stopped, move the WAL into a directory below, and link to that: mkdir DISK/main; mv DISK/0* DISK/archive_status DISK/main/; ln -sfn DISK/main ${link}`,
        }),
      ]
    case 'taken':
      return [
        stop({
          ...about,
          code: 'NEW_WAL_NOT_EMPTY',
          message: `the place of the new version's WAL, ${path} on ${config.host}, is not empty`,
          hint: 'Look at it, and move it away',
        }),
      ]
    case 'unwritable':
      return [
        stop({
          ...about,
          code: 'NEW_WAL_NOT_WRITABLE',
          message: `${path} on ${config.host}, the place of the new version's WAL, cannot be made: the directory above it is not writable`,
          hint: `As root: install -d -o postgres -g postgres -m 700 ${path}`,
        }),
      ]
  }
}

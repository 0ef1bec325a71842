/** How old a way back is that `upgrade prepare` has made, and what going back to it loses: said wherever somebody may count on it. */
import type {WayBackNote} from '../../cluster/way-back-note.js'
import {secondsText} from '../../lib/human.js'
import type {UpgradeWayBack} from '../../report/upgrade-check.js'
import {warn, type Finding} from './checks/finding.js'

/** Backups are taken nightly: one that is older has missed a night, and going back to it would cost more than a day's work. */
const OLD_SECONDS = 24 * 3600

function ageSeconds({at}: WayBackNote, now: Date): number {
  return Math.max(0, (now.getTime() - Date.parse(at)) / 1000)
}

function nameOf({kind, directory, node}: WayBackNote): string {
  return kind === 'backup'
    ? `the backup in ${directory ?? ''} on the host of node ${node}`
    : `what your command made on the host of node ${node}`
}

export function wayBackText(note: WayBackNote, now: Date): string {
  return `${nameOf(note)}, ${secondsText(ageSeconds(note, now))} old, without what was written since ${note.at}`
}

export function wayBackView(note: WayBackNote | null, now: Date): UpgradeWayBack | null {
  if (note === null) return null
  const {kind, at, node, directory} = note
  return {kind, at, node, directory, ageSeconds: ageSeconds(note, now)}
}

/** Nothing is refused for it: how much a site can lose is for the site to say. */
export function oldWayBack(note: WayBackNote | null, now: Date): Finding[] {
  if (note === null || ageSeconds(note, now) <= OLD_SECONDS) return []
  return [
    warn({
      code: 'WAY_BACK_OLD',
      area: 'files',
      node: note.node,
      message: `${nameOf(note)} is ${secondsText(ageSeconds(note, now))} old`,
      detail: `Going back to it loses everything that was written since ${note.at}.`,
      hint:
        note.kind === 'backup'
          ? `Take a new one just before: poolctl upgrade prepare --to ${note.to} --way-back backup --backup-dir DIR`
          : `Let your command make a new one just before: poolctl upgrade prepare --to ${note.to} --way-back command --backup-command WORD`,
    }),
  ]
}

/** Free space and inodes, for the upgrade itself and for a trial of it beside the running server. */
import type {NodeConfig} from '../../../cluster/cluster-file.js'
import type {NodeId} from '../../../cluster/node-id.js'
import {bytesText} from '../../../lib/human.js'
import type {UpgradeHostFacts} from '../../../ports/upgrade-check.js'
import {stop, type Finding} from './finding.js'

const MB = 1024 ** 2
/** Catalogs are written anew beside the old ones; the rest is WAL of the restore, pg_upgrade's dumps and logs. */
const SPARE_BYTES = 512 * MB
const SPARE_TABLESPACE_BYTES = 16 * MB
/** Of initdb's databases, WAL and dumps. */
const SPARE_INODES = 20_000
const SPARE_TABLESPACE_INODES = 1000
/** A trial's WAL (max_wal_size of its settings), and what initdb makes. */
const TRIAL_BYTES = 1280 * MB

/** A table is made anew, and gives way to the link then: for a while each file of a relation has an inode of its own. */
function needs(what: string, facts: UpgradeHostFacts): {bytes: number; inodes: number} {
  const space = facts.tablespaces.find(({oid}) => what === `tablespace ${oid}`)
  if (space) {
    const bytes = 2 * space.catalogBytes + SPARE_TABLESPACE_BYTES
    return {bytes, inodes: space.relationFiles + SPARE_TABLESPACE_INODES}
  }
  const made = what === 'new data' || what === 'data' ? facts.relationFiles : 0
  return {bytes: 2 * facts.catalogBytes + SPARE_BYTES, inodes: made + SPARE_INODES}
}

export function checkSpace(node: {id: NodeId; config: NodeConfig}, facts: UpgradeHostFacts): Finding[] {
  return facts.space.flatMap(({what, path, freeBytes, freeInodes}) => {
    const {bytes, inodes} = needs(what, facts)
    const found: Finding[] = []
    if (freeBytes < bytes) {
      found.push(
        stop({
          code: 'SPACE_TOO_SMALL',
          area: 'files',
          node: node.id,
          message: `${node.config.host} has ${bytesText(freeBytes)} free for ${what} (${path}), and the upgrade needs about ${bytesText(bytes)}`,
          detail: 'Data is linked and needs none; catalogs, WAL, dumps and logs are written anew.',
          hint: 'Free some space there, or let the file system grow',
        }),
      )
    }
    if (freeInodes !== null && freeInodes < inodes) {
      found.push(
        stop({
          code: 'INODES_TOO_FEW',
          area: 'files',
          node: node.id,
          message: `${node.config.host} has ${freeInodes} free inodes for ${what} (${path}), and the upgrade needs about ${inodes}`,
          hint: 'Remove files that nobody needs there',
        }),
      )
    }
    return found
  })
}

/** A disk that a trial has filled stops the server that runs on it. Null: there is room for it, and for as much again as is left. */
export function trialSpaceShort(facts: UpgradeHostFacts): {free: number; needed: number} | null {
  const inTablespaces = facts.tablespaces.reduce((sum, {catalogBytes}) => sum + catalogBytes, 0)
  const needed = facts.catalogBytes + inTablespaces + TRIAL_BYTES + SPARE_BYTES
  const place = facts.space.find(({what}) => what === 'new data')
  return place === undefined || place.freeBytes >= needed ? null : {free: place.freeBytes, needed}
}

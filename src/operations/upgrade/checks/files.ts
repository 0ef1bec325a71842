/** Disks and directories, node by node: what would stop a link, a start, or the transfer to a standby. */
import {bytesText} from '../../../lib/human.js'
import type {UpgradeHostFacts} from '../../../ports/upgrade-check.js'
import {counted, listed, stop, warn, type Finding} from './finding.js'
import {checkLayout} from './layout.js'
import {checkNewConfig} from './new-config.js'
import {checkQuoted} from './quoted.js'
import {checkServices} from './services.js'
import {checkNewWal} from './new-wal.js'
import {checkSpace} from './space.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

const MB = 1024 ** 2
/** Small files of a site in its data directory are its business; these would be sent to every standby. */
const STRAY_BYTES = 16 * MB

const area = 'files' as const

export function checkFiles(survey: UpgradeSurvey): Finding[] {
  const seen = survey.nodes.flatMap((node) => (node.machine.seen ? [{node, facts: node.machine.facts}] : []))
  return [
    ...survey.nodes.flatMap((node) => (node.machine.seen ? [] : [unseen(node, node.machine.reason)])),
    ...survey.nodes.flatMap(checkQuoted),
    ...seen.flatMap(({node, facts}) => [
      ...checkOwner(node, facts),
      ...checkSymlinks(node, facts),
      ...checkNewWal(node, facts),
      ...checkNewData(node, facts, survey),
      ...checkLinks(node, facts),
      ...checkTablespaces(node, facts, survey.request.to),
      ...checkSpace(node, facts),
      ...checkStray(node, facts),
      ...checkServices(node, facts),
    ]),
    ...checkLayout(survey),
    ...checkAlike(seen),
  ]
}

function unseen(node: NodeSurvey, reason: string): Finding {
  return stop({
    code: 'HOST_UNSEEN',
    area,
    node: node.id,
    message: `${node.config.host} could not be looked at: ${reason}`,
    hint: `ssh ${node.config.host}, then repeat the check; or take the node out of the cluster file`,
  })
}

function checkOwner(node: NodeSurvey, {uid, user, oldData}: UpgradeHostFacts): Finding[] {
  const found: Finding[] = []
  if (uid !== oldData.owner) {
    found.push(
      stop({
        code: 'DATA_OWNER',
        area,
        node: node.id,
        message: `${node.config.data} on ${node.config.host} belongs to user id ${oldData.owner}, and poolctl works there as ${user} (${uid})`,
        detail: 'pg_upgrade runs as the user that the data belongs to, and never as root.',
        hint: 'Set ssh.user in the cluster file to that user.',
      }),
    )
  }
  if (oldData.mode !== '0700' && oldData.mode !== '0750') {
    found.push(
      stop({
        code: 'DATA_MODE',
        area,
        node: node.id,
        message: `${node.config.data} on ${node.config.host} has mode ${oldData.mode}`,
        detail: 'A server starts only with 0700 or 0750.',
        hint: `chmod 700 ${node.config.data}`,
      }),
    )
  }
  return found
}

/** pg_upgrade and the server follow them; what is made and removed beside the data directory does not. */
function checkSymlinks({id, config}: NodeSurvey, {oldData}: UpgradeHostFacts): Finding[] {
  const about = {area: 'files', node: id} as const
  const found: Finding[] = []
  if (oldData.isSymlink) {
    found.push(
      stop({
        ...about,
        code: 'DATA_SYMLINK',
        message: `${config.data} on ${config.host} is a symbolic link`,
        detail:
          'The new directory would be made beside the link, not beside the data, and at the end the link would be removed and the old data stay.',
        hint: `Name the directory itself in the cluster file (nodes[].data): readlink -f ${config.data}`,
      }),
    )
  }
  return found
}

function checkNewData(node: NodeSurvey, {newData, newConfig}: UpgradeHostFacts, survey: UpgradeSurvey): Finding[] {
  const {id, target, config} = node
  const {to} = survey.request
  const about = {area, node: id} as const
  if (newData.nested) {
    return [
      stop({
        ...about,
        code: 'NEW_DATA_NESTED',
        message: `the new data directory ${target.data} and the old one ${config.data} are one, or one is inside the other`,
        detail: 'The old cluster could not be removed or kept without the new one.',
        hint: 'Name another place: nodes[].upgrade.data in the cluster file',
      }),
    ]
  }
  const found: Finding[] = []
  if (!newData.parentWritable) {
    found.push(
      stop({
        ...about,
        code: 'NEW_DATA_PARENT_NOT_WRITABLE',
        message: `${target.data} on ${config.host} cannot be made: the directory above it is not writable`,
        hint: `As root: install -d -o postgres -g postgres -m 755 ${target.data.replace(/\/[^/]*$/, '') || '/'}`,
      }),
    )
  }
  if (newData.running) {
    found.push(
      stop({
        ...about,
        code: 'NEW_DATA_RUNNING',
        message: `a server runs in the new data directory ${target.data} on ${config.host}`,
        detail: 'A cluster that has been started and used cannot be upgraded into.',
        hint: 'Look whose it is. Stop it and name another place: nodes[].upgrade.data in the cluster file',
      }),
    )
  }
  if (newData.state === 'other' || (newData.state === 'cluster' && newData.pgVersion !== String(to))) {
    const what =
      newData.state === 'other' ? 'is not empty' : `holds a cluster of version ${newData.pgVersion ?? 'unknown'}`
    found.push(
      stop({
        ...about,
        code: 'NEW_DATA_NOT_EMPTY',
        message: `the new data directory ${target.data} on ${config.host} ${what}`,
        hint: 'Look at it, and move it away; or name another place: nodes[].upgrade.data in the cluster file',
      }),
    )
  }
  return [...found, ...checkNewConfig(node, newConfig), ...checkNewControl(node, newData.control)]
}

/** A cluster that was made for the upgrade must agree with the old one in what its pages are like. */
function checkNewControl(node: NodeSurvey, control: UpgradeHostFacts['newData']['control']): Finding[] {
  const old = node.machine.seen ? node.machine.facts.oldData.control : null
  if (!control || !old) return []
  const found: Finding[] = []
  const onOff = (on: boolean): string => (on ? 'on' : 'off')
  if (control.dataChecksums !== old.dataChecksums) {
    found.push(
      stop({
        code: 'NEW_CHECKSUMS_DIFFER',
        area,
        node: node.id,
        message: `page checksums are ${onOff(old.dataChecksums)} in ${node.config.data} and ${onOff(control.dataChecksums)} in ${node.target.data}`,
        hint: `Make the new cluster again with the same setting: poolctl upgrade prepare (initdb ${old.dataChecksums ? '--data-checksums' : '--no-data-checksums'})`,
      }),
    )
  }
  if (control.segmentBytes !== old.segmentBytes) {
    found.push(
      stop({
        code: 'NEW_WAL_SEGMENT_SIZE_DIFFERS',
        area,
        node: node.id,
        message: `WAL segments are ${bytesText(old.segmentBytes)} in ${node.config.data} and ${bytesText(control.segmentBytes)} in ${node.target.data}`,
        hint: `Make the new cluster again: poolctl upgrade prepare (initdb --wal-segsize=${old.segmentBytes / MB})`,
      }),
    )
  }
  return found
}

function checkLinks(node: NodeSurvey, {link, newData}: UpgradeHostFacts): Finding[] {
  if (link.ok || newData.nested || !newData.parentWritable) return []
  return [
    stop({
      code: 'LINK_IMPOSSIBLE',
      area,
      node: node.id,
      message: `${node.config.host} cannot link a file of ${node.config.data} into ${node.target.data}: ${link.why ?? 'unknown'}`,
      detail: 'The link was really tried, because mounts of one file system refuse links too.',
      hint: 'Put both below one mount point: nodes[].upgrade.data in the cluster file',
    }),
  ]
}

function checkTablespaces(node: NodeSurvey, {tablespaces}: UpgradeHostFacts, to: number): Finding[] {
  const about = {area, node: node.id} as const
  return tablespaces.flatMap(({oid, location, link, leftovers, insideData, writable}) => {
    const where = `tablespace ${oid} at ${location} on ${node.config.host}`
    const found: Finding[] = []
    if (insideData) {
      found.push(
        stop({
          ...about,
          code: 'TABLESPACE_INSIDE_DATA',
          message: `${where} lies inside the data directory`,
          detail: 'It would be linked and sent twice, and removed with the old data.',
          hint: 'Move its tables to another tablespace, then DROP TABLESPACE it',
        }),
      )
    }
    if (leftovers.length > 0) {
      found.push(
        stop({
          ...about,
          code: 'TABLESPACE_LEFTOVER',
          message: `${where} has ${leftovers.join(', ')} in it already`,
          detail: `A cluster of version ${to} uses or used it; an earlier attempt leaves it behind.`,
          hint: `When no server uses it: rm -r ${leftovers.map((name) => `${location}/${name}`).join(' ')}`,
        }),
      )
    }
    if (!writable) {
      found.push(
        stop({
          ...about,
          code: 'TABLESPACE_NOT_WRITABLE',
          message: `${where} is not there, or not writable for the server's user`,
          hint: `As root: install -d -o postgres -g postgres -m 700 ${location}`,
        }),
      )
    } else if (!link.ok) {
      found.push(
        stop({
          ...about,
          code: 'TABLESPACE_LINK_IMPOSSIBLE',
          message: `no file can be linked within ${where}: ${link.why ?? 'unknown'}`,
          hint: 'Move its tables to a tablespace on another file system',
        }),
      )
    }
    return found
  })
}

function checkStray(node: NodeSurvey, {oldData}: UpgradeHostFacts): Finding[] {
  const large = oldData.stray.filter(({bytes}) => bytes >= STRAY_BYTES)
  if (large.length === 0) return []
  return [
    warn({
      code: 'STRAY_FILES',
      area,
      node: node.id,
      message: `${node.config.data} on ${node.config.host} holds ${counted(large.length, 'thing', 'things')} that no server made: ${listed(
        large.map(({path, bytes}) => `${path} (${bytesText(bytes)})`),
      )}`,
      detail: 'They are not taken along.',
      hint: 'Keep what you need of them elsewhere before the old data is removed',
    }),
  ]
}

type Seen = {node: NodeSurvey; facts: UpgradeHostFacts}

function checkAlike(seen: readonly Seen[]): Finding[] {
  const found: Finding[] = []
  const uids = new Set(seen.map(({facts}) => facts.uid))
  const sums = new Set(seen.flatMap(({facts}) => (facts.oldData.control ? [facts.oldData.control.dataChecksums] : [])))
  const told = (value: (facts: UpgradeHostFacts) => string): string =>
    seen.map(({node, facts}) => `node ${node.id} ${value(facts)}`).join(', ')
  if (uids.size > 1) {
    found.push(
      stop({
        code: 'USER_IDS_DIFFER',
        area,
        message: `the server's user has different ids: ${told(({uid}) => String(uid))}`,
        detail: 'Files that are sent keep their owner by number.',
        hint: 'Give the user the same id on all machines',
      }),
    )
  }
  const open = seen.filter(({facts}) => facts.oldData.mode === '0750')
  if (open.length > 0) {
    found.push(
      warn({
        code: 'GROUP_ACCESS_LOST',
        area,
        message: `the group of the server's user may read the data (mode 0750) on ${listed(open.map(({node}) => node.config.host))}, and the new data directories get mode 0700`,
        detail: 'A backup or monitoring tool that reads the files as another user of that group cannot do so any more.',
        hint: 'Where one does: give the new directory to the group while its server is stopped, chmod -R g=rX',
      }),
    )
  }
  if (sums.size > 1) {
    found.push(
      stop({
        code: 'CHECKSUMS_DIFFER',
        area,
        message: `page checksums differ: ${told(({oldData}) => (oldData.control?.dataChecksums === true ? 'on' : 'off'))}`,
        detail: 'The new control file is one for all, and a node with the other setting reports damage that is none.',
        hint: 'On the stopped nodes: pg_checksums --enable, or --disable',
      }),
    )
  }
  return found
}

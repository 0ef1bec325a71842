/**
 * What a carried standby needs to come back, all of which would fail after the point of no return: a slot and a walsender on the new
 * primary, its files by SSH and rsync, and a replication login.
 */
import {translateSettings} from '../../../cluster/settings-translation.js'
import {withNewSettings} from '../../../cluster/new-settings.js'
import {stop, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

const area = 'replication' as const
/** Of both settings, since 10. */
const DEFAULT = '10'

export function checkRejoin(survey: UpgradeSurvey): Finding[] {
  const primary = survey.nodes.find(({id}) => id === survey.primary)
  if (!primary) return []
  const standbys = survey.nodes.filter(({id}) => id !== primary.id)
  return [
    ...checkRoom(survey, primary, standbys.length),
    ...standbys.flatMap((node) => checkWay(node, primary, survey)),
  ]
}

/** Slots in use that belong to no node are made again, and logical ones are carried from 17 on. */
function checkRoom(survey: UpgradeSurvey, primary: NodeSurvey, standbys: number): Finding[] {
  const {content, from, request} = survey
  if (standbys === 0 || from === null) return []
  const ours = new Set(survey.nodes.map(({config}) => config.slot))
  const foreign = (content?.slots ?? []).filter(({name}) => !ours.has(name))
  const readers = foreign.filter(({active}) => active).length
  const carried = foreign.filter(({kind}) => kind === 'logical' && from >= 17)
  const made = foreign.filter(({kind, active}) => kind === 'physical' && active)
  const {settings} = translateSettings(primary.settings ?? [], from, request.to)
  const all = withNewSettings(settings, survey.given)
  const written = (name: string): string => all.find((setting) => setting.name === name)?.value ?? DEFAULT
  const short = (name: string, needed: number, code: string, what: string): Finding[] =>
    Number(written(name)) >= needed
      ? []
      : [
          stop({
            code,
            area,
            node: primary.id,
            message: `the new primary would have ${name} = ${written(name)}, and ${needed} ${what} are needed`,
            detail: `For ${standbys} standbys${needed > standbys ? ` and ${needed - standbys} others that read from it` : ''}. It would be found out when the old version cannot serve any more.`,
            hint: `Set ${name} to ${needed} or more in the configuration of all nodes, standbys first, and restart them; or for the new version alone, in the cluster file: upgrade: {settings: {${name}: ${needed}}}`,
          }),
        ]
  return [
    ...short('max_replication_slots', standbys + carried.length + made.length, 'REPLICATION_SLOTS_TOO_FEW', 'slots'),
    ...short('max_wal_senders', standbys + readers, 'WAL_SENDERS_TOO_FEW', 'walsenders'),
  ]
}

/** Really tried, from the standby's own machine: keys, host keys, login shells and access rules are told by nothing else. */
function checkWay(node: NodeSurvey, primary: NodeSurvey, survey: UpgradeSurvey): Finding[] {
  const {machine, config} = node
  if (!machine.seen || machine.reach === null) return []
  const {reach} = machine
  const about = {area, node: node.id} as const
  const to = primary.config.address
  if (reach.sshError !== null) {
    return [
      stop({
        ...about,
        code: 'SSH_TO_PRIMARY',
        message: `${config.host} does not reach the primary at ${to} by SSH: ${reach.sshError}`,
        detail: 'Each standby fetches the new catalogs from there by itself.',
        hint: `On ${config.host} as the server's user: ssh ${to} true; keys and known hosts are ssh.peerIdentity and ssh.peerKnownHosts in the cluster file`,
      }),
    ]
  }
  return [...rsyncFails(node, primary, reach.rsyncError), ...loginFails(node, primary, survey, reach.loginError)]
}

function rsyncFails(node: NodeSurvey, primary: NodeSurvey, error: string | null): Finding[] {
  const missing = [node, primary].some(({machine}) => machine.seen && machine.host.rsync === null)
  if (error === null || missing) return []
  const {host} = node.config
  return [
    stop({
      code: 'RSYNC_TO_PRIMARY',
      area,
      node: node.id,
      message: `rsync from ${host} to the primary at ${primary.config.address} fails: ${error}`,
      hint: `On ${host}: rsync -a ${primary.config.address}:/etc/hostname /tmp/; a login shell there must print nothing`,
    }),
  ]
}

function loginFails(node: NodeSurvey, primary: NodeSurvey, survey: UpgradeSurvey, error: string | null): Finding[] {
  const user = survey.replicationUser
  if (error === null) return []
  const today = node.server.reachable ? userIn(node.server.facts.settings['primary_conninfo'] ?? '') : null
  // Without psql it was not tried, and that it streams as the same user is the next best proof.
  const streams = node.server.reachable && node.server.facts.receiver?.status === 'streaming'
  if (error === `there is no ${node.config.bin}/psql` && streams && today === user) return []
  return [
    stop({
      code: 'REPLICATION_LOGIN',
      area,
      node: node.id,
      message: `the primary at ${primary.config.address} does not let ${node.config.host} log in for replication as ${user}: ${error}`,
      detail: `The upgraded standby follows as that user; access rules and passwords are carried as they are. Today it streams as ${today ?? 'nobody that can be told'}.`,
      hint: `On the primary a line in pg_hba.conf: host replication ${user} ADDRESS scram-sha-256; the password in postgres.replicationPassfile on ${node.config.host}`,
    }),
  ]
}

/** Nothing else of a connection string is looked at: there may be a password in it. */
function userIn(conninfo: string): string | null {
  const match = /(?:^|\s)user\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/.exec(conninfo)
  return match?.[1] ?? match?.[2] ?? null
}

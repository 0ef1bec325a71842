/** Whether sshd lets in as many at once as an upgrade opens: poolctl's sessions everywhere, and the standbys' logins on the primary. */
import {acceptable, warn, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

const area = 'replication' as const
/** As many commands as poolctl runs at once on one connection (src/hosts/ssh/slots.ts). */
const SESSIONS = 8
/** Where it was tried and not read, others may have had some of them at that moment. */
const SESSIONS_SEEN = 4

export function checkSsh(survey: UpgradeSurvey): Finding[] {
  return survey.nodes.flatMap((node) => [...checkSessions(node), ...checkStartups(node, survey)])
}

function checkSessions({id, config, machine}: NodeSurvey): Finding[] {
  const ssh = machine.seen ? machine.ssh : null
  if (ssh === null) return []
  const read = ssh.sessions !== null && ssh.sessions < SESSIONS
  const tried = ssh.sessions === null && ssh.opened !== null && ssh.opened < SESSIONS_SEEN
  if (!read && !tried) return []
  return [
    warn({
      code: 'SSH_SESSIONS_FEW',
      area,
      node: id,
      message: read
        ? `sshd on ${config.host} allows ${ssh.sessions} sessions on a connection (MaxSessions), and poolctl uses up to ${SESSIONS}`
        : `sshd on ${config.host} let poolctl have ${ssh.opened} sessions at once, and it uses up to ${SESSIONS}`,
      detail: 'It waits and tries again, which costs seconds of the outage.',
      hint: `Set MaxSessions 10, its default, in sshd_config there, and reload sshd`,
    }),
  ]
}

/** At worst all standbys log in at the same moment, and poolctl beside them. */
function checkStartups({id, config, machine}: NodeSurvey, {primary, nodes}: UpgradeSurvey): Finding[] {
  const startups = machine.seen ? (machine.ssh?.startups ?? null) : null
  if (id !== primary || startups === null) return []
  const needed = nodes.length
  const about = {
    area,
    node: id,
    detail: 'Each standby logs in there to fetch the new catalogs; a login that sshd drops fails that standby.',
    hint: `Set MaxStartups ${Math.max(100, 2 * needed)} in sshd_config there, and reload sshd`,
  } as const
  const message = `${needed} logins may come to sshd on ${config.host} at once`
  if (needed > startups.all) {
    return [
      acceptable({
        ...about,
        code: 'SSH_STARTUPS_FEW',
        message: `${message}, and it takes ${startups.all} (MaxStartups)`,
      }),
    ]
  }
  if (needed < startups.from) return []
  return [
    warn({
      ...about,
      code: 'SSH_STARTUPS_FEW',
      message: `${message}, and it drops some at random from ${startups.from} on (MaxStartups)`,
    }),
  ]
}

/** One sshd per host of the lab, as the server user and without anything of /etc/ssh. */
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {ActFailed} from '../lib/errors.js'
import {writeForServers} from './credentials.js'
import {pidFrom, recordOf} from './processes.js'
import {runAsServer, TOKEN_VARIABLE} from './run.js'
import {labPaths, type LabSpec, type RecordedProcess} from './spec.js'

export type LabHost = {name: string; address: string; directory: string}

export function labHosts(spec: LabSpec): LabHost[] {
  return [
    {name: 'proxy', ...spec.proxy},
    ...spec.nodes.map(({id, address, directory}) => ({name: `node${id}`, address, directory})),
  ]
}

/** What the processes' titles and pid files are recognised by. */
export function sshPidFile(host: Pick<LabHost, 'directory'>): string {
  return join(host.directory, 'sshd.pid')
}

export async function writeSshConfig(spec: LabSpec, host: LabHost): Promise<void> {
  const {hostKey, authorizedKeys} = labPaths(spec.directory)
  const lines = [
    `ListenAddress ${host.address}:${spec.ports.ssh}`,
    `HostKey ${quote(hostKey)}`,
    `PidFile ${quote(sshPidFile(host))}`,
    `AuthorizedKeysFile ${quote(authorizedKeys)}`,
    // The key files lie below directories that the operator owns, which sshd takes for somebody else's.
    'StrictModes no',
    // Without PAM a locked account is no obstacle either: an sshd that is not root cannot read /etc/shadow.
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'MaxSessions 10',
    'MaxStartups 100:30:200',
    'PrintMotd no',
    'PrintLastLog no',
    'X11Forwarding no',
    'UseDNS no',
    'Subsystem sftp internal-sftp',
    // What a command starts over SSH belongs to the lab too, and `lab down` finds it by this.
    `SetEnv ${TOKEN_VARIABLE}=${spec.token}`,
  ]
  await writeForServers(spec, configOf(host), lines.map((line) => `${line}\n`).join(''), 0o644)
}

function configOf(host: LabHost): string {
  return join(host.directory, 'sshd_config')
}

/** sshd_config takes double quotes around a value with blanks. */
function quote(path: string): string {
  return `"${path}"`
}

/** Starts it and returns its process. @throws ActFailed with what sshd said. */
export async function startSsh(spec: LabSpec, host: LabHost): Promise<RecordedProcess> {
  const log = join(host.directory, 'sshd.log')
  await runAsServer(spec, spec.programs.sshd, ['-f', configOf(host), '-E', log], {withinMs: 15_000})
  // The parent ends before the daemon has written its pid file.
  for (let waited = 0; waited < 5000; waited += 20) {
    const pid = await pidFrom(sshPidFile(host))
    const recorded = pid === null ? null : await recordOf(pid, `sshd of ${host.name}`)
    if (recorded) return recorded
    await sleep(20)
  }
  throw new ActFailed({
    code: 'LAB_SSHD_FAILED',
    message: `sshd of ${host.name} did not start`,
    detail: `Its log is ${log}.`,
  })
}

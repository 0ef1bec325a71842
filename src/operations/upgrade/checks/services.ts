/** Whether each node's server can be stopped, and the new one started, by what the cluster file says: in the outage nobody asks. */
import type {NodeConfig, Service} from '../../../cluster/cluster-file.js'
import type {NodeId} from '../../../cluster/node-id.js'
import type {ClusterPlace} from '../../../cluster/upgrade-target.js'
import type {UpgradeHostFacts} from '../../../ports/upgrade-check.js'
import {listed, stop, type Finding} from './finding.js'

/** `start` or `stop`, and what: a unit, or the program that a command begins with. */
export type ServiceAct = {verb: 'start' | 'stop'; unit: string} | {verb: 'start' | 'stop'; program: string}

/** Both versions' both ways: going back starts the old one again. */
export function serviceActs(config: NodeConfig, target: ClusterPlace): ServiceAct[] {
  return [config.service, target.service].flatMap((service) =>
    (['stop', 'start'] as const).flatMap((verb) => actOf(service, verb)),
  )
}

function actOf(service: Service, verb: 'start' | 'stop'): ServiceAct[] {
  if (service.kind === 'systemd') return [{verb, unit: service.unit}]
  const [program] = service.kind === 'commands' ? service[verb] : []
  return program === undefined ? [] : [{verb, program}]
}

export function checkServices(
  {id, config}: {id: NodeId; config: NodeConfig},
  {serviceProblems}: UpgradeHostFacts,
): Finding[] {
  if (serviceProblems.length === 0) return []
  return [
    stop({
      code: 'SERVICE_UNCONTROLLED',
      area: 'files',
      node: id,
      message: `the servers on ${config.host} cannot be started and stopped: ${listed(serviceProblems)}`,
      detail: 'It would be found out in the outage.',
      hint: 'Install the unit or the program, let the user of ssh.user control it without a password (sudoers: NOPASSWD), or correct nodes[].service and nodes[].upgrade.service in the cluster file',
    }),
  ]
}

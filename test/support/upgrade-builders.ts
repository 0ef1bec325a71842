/** The survey of a healthy three-node site on 13 that wants to go to 15; a test changes what it is about. */
import type {RehearsalFigures} from '../../src/cluster/rehearsal-figures.js'
import {nodeId} from '../../src/cluster/node-id.js'
import type {NodeSurvey, UpgradeSurvey} from '../../src/operations/upgrade/checks/survey.js'
import type {ServerFacts} from '../../src/ports/postgres.js'
import type {UpgradeHostFacts} from '../../src/ports/upgrade-check.js'
import {scansFor} from '../../src/operations/upgrade/checks/scans.js'
import {controlData, answering, hostFacts, nodeConfig, poolNode, primaryControl} from './builders.js'
import {healthyContent, healthyHost, healthyTrial} from './fake-upgrade.js'

export const FROM = 13
export const TO = 15

/** Of this very step, the day before. */
export function rehearsal(change: Partial<RehearsalFigures> = {}): RehearsalFigures {
  return {
    operation: 'upgrade-rehearse-1',
    at: '2026-11-24T16:42:10.000Z',
    from: FROM,
    to: TO,
    node: 2,
    jobs: 2,
    passed: true,
    toolVersion: '0.1.0',
    seconds: {stop: 1, pgUpgrade: 9, link: 4, start: 1},
    ...change,
  }
}

/** The same healthy site between other versions, each pgpool with a parser that knows the new one. */
export function between(survey: UpgradeSurvey, old: Version, fresh: Version & {pool: string}): void {
  survey.from = old.major
  survey.request.to = fresh.major
  survey.pool.versions = [{name: 'proxy1', version: fresh.pool}]
  survey.rehearsals = [rehearsal({from: old.major, to: fresh.major})]
  for (const node of survey.nodes) {
    if (node.server.reachable) node.server.facts.versionNum = old.major * 10_000 + old.minor
    if (node.machine.seen) node.machine.facts.newVersion = `${fresh.major}.${fresh.minor}`
  }
}

type Version = {major: number; minor: number}

export function nodeSurvey(id: number): NodeSurvey {
  const config = nodeConfig(id)
  const control = id === 0 ? primaryControl({state: 'in production'}) : controlData({state: 'in archive recovery'})
  return {
    id: nodeId(id),
    config,
    target: {
      data: `/var/lib/postgresql/15/node ${id}`,
      bin: '/usr/lib/postgresql/15/bin',
      config: null,
      service: {kind: 'pg_ctl'},
    },
    server: answering(id, {versionNum: 130_016}),
    machine: {
      seen: true,
      facts: {...healthyHost(control), oldVersion: '13.16', newVersion: '15.20'},
      host: hostFacts(id),
      lock: null,
      proof: {ok: true, messages: []},
      reach: id === 0 ? null : {sshError: null, rsyncError: null, hardLinks: true, loginError: null},
      tools: [],
      ssh: {startups: {from: 10, all: 100}, sessions: 10, opened: null},
      rates: null,
    },
    settings: [],
    configuration: {address: config.address, files: [`${config.data}/postgresql.conf`], errors: [], places: {}},
    changes: [],
    later: null,
  }
}

export function upgradeSurvey(change: (survey: UpgradeSurvey) => void = () => undefined): UpgradeSurvey {
  const survey: UpgradeSurvey = {
    takenAt: '2026-11-25T16:42:10.000Z',
    request: {to: TO, maxLagBytes: 16 * 1024 ** 2, accept: [], trial: true, rates: true},
    from: FROM,
    primary: nodeId(0),
    pool: {
      nodes: [poolNode(0), poolNode(1), poolNode(2)],
      settings: {backend_clustering_mode: '1', num_init_children: '32', max_pool: '4'},
      backendPids: [],
      clients: {connected: 3, pairs: 1},
      versions: [{name: 'proxy1', version: '4.4.2'}],
      fencedBy: null,
      unseen: null,
    },
    replicationUser: 'repl',
    given: {},
    nodes: [nodeSurvey(0), nodeSurvey(1), nodeSurvey(2)],
    content: healthyContent(scansFor(FROM, TO)),
    contentUnseen: null,
    trial: healthyTrial(),
    trialSkipped: null,
    rehearsals: [rehearsal()],
    toolVersion: '0.1.0',
  }
  const own = structuredClone(survey)
  change(own)
  return own
}

/** Of a node whose machine was seen. */
export function machine(survey: UpgradeSurvey, id: number): UpgradeHostFacts {
  const view = survey.nodes[id]!.machine
  if (!view.seen) throw new Error(`the machine of node ${id} was not seen`)
  return view.facts
}

export function server(survey: UpgradeSurvey, id: number): ServerFacts {
  const view = survey.nodes[id]!.server
  if (!view.reachable) throw new Error(`the server of node ${id} does not answer`)
  return view.facts
}

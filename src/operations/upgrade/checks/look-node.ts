/** How one node is surveyed: its settings, its machine, and its way to the primary. */
import type {NodeId} from '../../../cluster/node-id.js'
import {changesWith, withNewSettings} from '../../../cluster/new-settings.js'
import {translateSettings, trialConfig} from '../../../cluster/settings-translation.js'
import {toolOf} from '../../../cluster/tool-versions.js'
import {upgradeTarget} from '../../../cluster/upgrade-target.js'
import {AuthenticationRefused, messageOf} from '../../../lib/errors.js'
import type {LinkFacts} from '../../../ports/doctor.js'
import type {FileSetting, HostQuestion, ServerConfiguration, UpgradeContent} from '../../../ports/upgrade-check.js'
import type {Rates} from '../../../ports/upgrade-machine.js'
import type {World} from '../../../ports/world.js'
import type {ServerView} from '../../survey-servers.js'
import {serviceActs} from './services.js'
import type {MachineView, NodeSurvey, SshView, UpgradeSurvey} from './survey.js'

/** What is known of the site before its machines are looked at. */
type Known = Pick<UpgradeSurvey, 'content' | 'primary'> &
  Pick<HostQuestion, 'tablespaces'> & {from: number; to: number; rates: boolean}

export async function surveyNode(
  world: World,
  server: ServerView,
  {from, to, content, tablespaces, primary, rates}: Known,
): Promise<NodeSurvey> {
  const {id, node: config} = server
  const target = upgradeTarget(config, from, to)
  const [settings, configuration] = server.reachable
    ? await Promise.all([fileSettings(world, id), configurationOf(world, id)])
    : [null, null]
  const given = world.file.upgrade?.settings ?? {}
  const {settings: translated, changes: renamed} = translateSettings(settings ?? [], from, to)
  const changes = changesWith(renamed, given, to)
  const acts = serviceActs(config, target)
  const question: HostQuestion = {
    newBin: target.bin,
    newData: target.data,
    newConfig: target.config,
    newMajor: to,
    tablespaces,
    libraries: librariesOf(content, from),
    extensions: [...new Set(content?.extensions.map(({name}) => name))],
    units: acts.flatMap((act) => ('unit' in act ? [act] : [])),
    programs: [...new Set(acts.flatMap((act) => ('program' in act ? [act.program] : [])))],
    locales: [...new Set(content?.databases.flatMap(({collate, ctype}) => [collate, ctype]))],
  }
  const seen = await machineOf(
    world,
    id,
    question,
    settings === null ? null : trialConfig(withNewSettings(translated, given), false),
  )
  if (!seen.seen) return {id, config, target, server, machine: seen, settings, configuration, changes, later: null}
  const [reach, tools, ssh] = await Promise.all([
    reachOf(world, id, primary),
    world
      .upgradeHost(id)
      .tools(calledBy(settings, server))
      .catch(() => null),
    sshOf(world, id),
  ])
  const machine = {
    ...seen,
    reach,
    tools,
    ssh,
    rates: rates && seen.lock === null ? await ratesOf(world, id, primary) : null,
  }
  return {id, config, target, server, machine, settings, configuration, changes, later: null}
}

/** With those that logical slots need, which are carried from 17 on. */
function librariesOf(content: UpgradeContent | null, from: number): string[] {
  const plugins = from < 17 ? [] : (content?.slots.flatMap(({plugin}) => plugin ?? []) ?? [])
  return [...new Set([...(content?.libraries.map(({library}) => library) ?? []), ...plugins])]
}

async function fileSettings(world: World, id: NodeId): Promise<FileSetting[] | null> {
  return world
    .upgradeSql(id)
    .fileSettings()
    .catch(() => null)
}

const CALLING = ['archive_command', 'restore_command', 'archive_cleanup_command']

/** Of what a setting has a shell run, the programs of tools that are known; the rest of it is nobody's business. */
function calledBy(settings: readonly FileSetting[] | null, server: ServerView): {setting: string; program: string}[] {
  const running = server.reachable ? server.facts.settings : {}
  return CALLING.flatMap((setting) => {
    const value = settings?.find(({name}) => name === setting)?.value ?? running[setting] ?? ''
    const words = value.split(/[\s;|&()'"]+/).filter((word) => toolOf(word.slice(word.lastIndexOf('/') + 1)) !== null)
    return [...new Set(words)].map((program) => ({setting, program}))
  })
}

/** Where the limit of sessions cannot be read, they are really opened. */
async function sshOf(world: World, id: NodeId): Promise<SshView | null> {
  const host = world.upgradeHost(id)
  try {
    const limits = await host.sshLimits()
    return {...limits, opened: limits.sessions === null ? await host.openSessions() : null}
  } catch {
    return null
  }
}

async function ratesOf(world: World, id: NodeId, primary: NodeId | null): Promise<Rates> {
  const to = world.file.nodes.find((node) => node.id === primary)
  return world
    .upgradeHost(id)
    .rates(to && id !== primary ? to : null)
    .catch((error: unknown) => ({measured: false, why: messageOf(error)}))
}

/** As a copy and a walreceiver would go. That it could not be tried is as bad as that it failed. */
async function reachOf(world: World, id: NodeId, primary: NodeId | null): Promise<LinkFacts | null> {
  const to = world.file.nodes.find((node) => node.id === primary)
  if (!to || id === primary) return null
  const {replicationUser: user, replicationPassfile: passfile} = world.file.postgres
  try {
    return await world.upgradeHost(id).reach(to, {user, passfile})
  } catch (error) {
    if (error instanceof AuthenticationRefused) throw error
    return {sshError: messageOf(error), rsyncError: null, hardLinks: null, loginError: null}
  }
}

async function configurationOf(world: World, id: NodeId): Promise<ServerConfiguration | null> {
  return world
    .upgradeSql(id)
    .configuration()
    .catch(() => null)
}

async function machineOf(
  world: World,
  id: NodeId,
  question: HostQuestion,
  config: string | null,
): Promise<MachineView> {
  try {
    const upgrade = world.upgradeHost(id)
    const [facts, host, lock] = await Promise.all([
      upgrade.look(question),
      world.host(id).facts(),
      world.host(id).readLock(),
    ])
    const provable = config !== null && !facts.missingPrograms.includes('postgres')
    const proof = provable ? await upgrade.proveSettings(question.newBin, config) : null
    return {seen: true, facts, host, lock, proof, reach: null, tools: null, ssh: null, rates: null}
  } catch (error) {
    if (error instanceof AuthenticationRefused) throw error
    return {seen: false, reason: messageOf(error)}
  }
}

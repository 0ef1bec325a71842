/** The trial of the new version on the primary's machine, where it can say more than is known already. */
import {withNewSettings} from '../../../cluster/new-settings.js'
import {translateSettings, trialConfig} from '../../../cluster/settings-translation.js'
import {placeOf} from '../../../cluster/upgrade-target.js'
import type {FileSetting} from '../../../ports/upgrade-check.js'
import type {World} from '../../../ports/world.js'
import {checkQuoted, checkQuotedConfig} from './quoted.js'
import {trialSpaceShort} from './space.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

/** A schema of some hundred thousand relations takes about as long as this to restore. */
const TRIAL_MS = 60 * 60_000

/** On the primary alone: its schema is everybody's. Skipped where it could only repeat what is known to be missing. */
export async function lookAtTrial(
  world: World,
  survey: Omit<UpgradeSurvey, 'trial' | 'trialSkipped'>,
  observe: (text: string) => void,
): Promise<Pick<UpgradeSurvey, 'trial' | 'trialSkipped'>> {
  const skipped = (trialSkipped: string): Pick<UpgradeSurvey, 'trial' | 'trialSkipped'> => ({trial: null, trialSkipped})
  const {request, primary, content, from} = survey
  if (!request.trial) return skipped('it was not asked for')
  const node = survey.nodes.find(({id}) => id === primary)
  if (!node || !content || from === null || !node.server.reachable) return skipped('there is no one primary to ask')
  if (!node.machine.seen) return skipped(`its machine cannot be asked: ${node.machine.reason}`)
  const {facts} = node.machine
  const impossible = facts.missingPrograms.length > 0 || !facts.newData.parentWritable || facts.newData.nested
  if (impossible) return skipped('the new programs or a place for a cluster are missing')
  if ([...checkQuoted(node), ...checkQuotedConfig(node)].length > 0) return skipped('a path would be run by a shell')
  if (trialSpaceShort(facts) !== null) return skipped('there is too little space to try it beside the running server')
  const template = content.databases.find(({name}) => name === 'template0')
  if (!template || request.to <= from) return skipped('there is nothing to try')
  observe(`trying version ${request.to} on ${node.config.host}: pg_upgrade --check, settings, schema`)
  const {settings} = translateSettings(node.settings ?? [], from, request.to)
  const trial = await world
    .upgradeHost(node.id)
    .trial(
      {
        newBin: node.target.bin,
        newData: node.target.data,
        oldPort: node.config.port,
        address: node.config.address,
        user: content.user.name,
        socketDirectories: socketDirectories(node.settings),
        database: {encoding: template.encoding, collate: template.collate, ctype: template.ctype},
        segmentBytes: Number(node.server.facts.settings['wal_segment_size'] ?? 16 * 1024 ** 2),
        dataChecksums: node.server.facts.settings['data_checksums'] === 'on',
        config: trialConfig(withNewSettings(settings, survey.given), true),
        prepared: facts.newData.pgVersion === String(request.to) && !(await leftBehind(world, node, from, request.to)),
      },
      TRIAL_MS,
    )
  return {trial, trialSkipped: null}
}

/** By an upgrade that was gone back from: it is ours, it was used, and the next `upgrade prepare` makes it anew. */
async function leftBehind(world: World, {id, config, target}: NodeSurvey, from: number, to: number): Promise<boolean> {
  const {ours, prepared} = await world.migrationHost(id).look({from, to, old: placeOf(config), new: target})
  return ours && !prepared
}

/** Debian's and upstream's defaults where the site has set nothing. */
function socketDirectories(settings: readonly FileSetting[] | null): string[] {
  const set = settings?.find(({name}) => name === 'unix_socket_directories')?.value
  const directories = (set ?? '/var/run/postgresql,/tmp').split(',').map((text) => text.trim().replaceAll('"', ''))
  return directories.filter((text) => text.startsWith('/'))
}

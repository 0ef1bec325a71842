/** The way back that is made while clients work: a base backup by poolctl, or a command of the site. */
import type {PlannedStep} from '../../engine/plan.js'
import type {Refusal} from '../operation.js'
import type {Json} from '../../lib/json.js'
import {tablespacesOn} from './plan-copy.js'
import {pairsInput} from './plan-run.js'
import {step} from '../planned-step.js'
import {refusal} from './refusals.js'
import type {Safety} from './request.js'
import {idsOf, primaryOf, standbysOf, type MigrationFacts, type PairView} from './survey.js'

/** A standby's host: there it can be put in place of what the upgrade has spoiled, while the primary's is still looked at. */
function placeOf(safety: Extract<Safety, {kind: 'backup'}>, facts: MigrationFacts): PairView | null {
  const standbys = standbysOf(facts)
  return (safety.on === null ? standbys.at(-1) : standbys.find(({node}) => node.id === safety.on)) ?? null
}

export function safetyRefusals(safety: Safety | null, facts: MigrationFacts): Refusal[] {
  if (safety?.kind !== 'backup') return []
  return [
    ...(placeOf(safety, facts)
      ? []
      : [
          refusal(
            'BACKUP_HOST_UNKNOWN',
            `${safety.on === null ? 'there is no standby' : `node ${safety.on} is no standby`} to keep the backup on`,
            {hint: 'poolctl config show'},
          ),
        ]),
  ]
}

/** First of all, so that what follows never runs without it. */
export function planSafety(safety: Safety | null, facts: MigrationFacts): PlannedStep[] {
  const primary = primaryOf(facts)
  if (safety === null || !primary) return []
  const common = {pairs: pairsInput(facts.pairs), primary: primary.node.id, nodes: idsOf(facts.pairs), way: safety.kind}
  if (safety.kind === 'command') {
    return [
      step({
        id: 'run-command',
        host: primary.node.host,
        title: `make the way back by your command: ${safety.words.join(' ')}`,
        input: {...common, node: primary.node.id, words: safety.words},
      }),
    ]
  }
  const place = placeOf(safety, facts)
  if (!place) return []
  const tablespaces = tablespacesOn(facts.check.nodes.find(({id}) => id === primary.node.id)?.server)
  const all = tablespaces.length === 0 ? '' : ', with its tablespaces,'
  return [
    step({
      id: 'take-backup',
      host: place.node.host,
      title: `take a base backup of node ${primary.node.id}${all} into ${safety.directory} on ${place.node.host}, and prove it`,
      input: {...common, node: place.node.id, directory: safety.directory, tablespaces: tablespaces satisfies Json[]},
    }),
  ]
}

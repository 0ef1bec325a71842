/** Operations by the verb that stands in a plan, for those who go on with one that another process began. */
import type {JsonObject} from '../lib/json.js'
import type {Plan} from '../engine/plan.js'
import type {StepReport} from '../engine/outcome.js'
import type {Summary} from '../operations/operation.js'

export type Summarise = (plan: Plan, steps: StepReport[], results: ReadonlyMap<string, JsonObject>) => Summary

/** Null for a verb that this version does not know: its steps may still be known, so it can be gone on with. */
export async function summariserOf(verb: string): Promise<Summarise | null> {
  switch (verb) {
    case 'attach': {
      const {attach} = await import('../operations/attach/attach.js')
      return (plan, steps, results) => attach.summarise(plan, steps, results)
    }
    case 'detach': {
      const {detach} = await import('../operations/detach/detach.js')
      return (plan, steps, results) => detach.summarise(plan, steps, results)
    }
    case 'promote': {
      const {promote} = await import('../operations/promote/promote.js')
      return (plan, steps, results) => promote.summarise(plan, steps, results)
    }
    case 'recovery': {
      const {recovery} = await import('../operations/recovery/recovery.js')
      return (plan, steps, results) => recovery.summarise(plan, steps, results)
    }
    case 'upgrade-prepare': {
      const {upgradePrepare} = await import('../operations/upgrade/prepare.js')
      return (plan, steps, results) => upgradePrepare.summarise(plan, steps, results)
    }
    case 'upgrade-rehearse': {
      const {upgradeRehearse} = await import('../operations/upgrade/rehearse.js')
      return (plan, steps, results) => upgradeRehearse.summarise(plan, steps, results)
    }
    case 'upgrade-run': {
      const {upgradeRun} = await import('../operations/upgrade/upgrade.js')
      return (plan, steps, results) => upgradeRun.summarise(plan, steps, results)
    }
    case 'upgrade-rollback': {
      const {upgradeRollback} = await import('../operations/upgrade/follow.js')
      return (plan, steps, results) => upgradeRollback.summarise(plan, steps, results)
    }
    case 'upgrade-finish': {
      const {upgradeFinish} = await import('../operations/upgrade/follow.js')
      return (plan, steps, results) => upgradeFinish.summarise(plan, steps, results)
    }
    case 'scripts-install': {
      const {installScripts} = await import('../operations/scripts/install.js')
      return (plan, steps, results) => installScripts.summarise(plan, steps, results)
    }
    default:
      return null
  }
}

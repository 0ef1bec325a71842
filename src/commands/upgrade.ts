import {BaseCommand} from '../cli/base-command.js'
import {consentFlags} from '../cli/flags.js'
import type {PerformBody} from '../cli/body.js'
import {perform} from '../cli/perform.js'
import type {PerformFlags} from '../cli/session.js'
import {runFlags, runRequest, servedStep} from '../cli/upgrade-flags.js'
import {upgradeForeseenHere, upgradeRunHere, wholeUpgrade} from '../cli/upgrade-run.js'
import {upgradePrepare} from '../operations/upgrade/prepare.js'
import {performText} from '../output/text/perform.js'

export default class Upgrade extends BaseCommand {
  static override summary = 'The whole migration to a new major version: check, prepare, run.'
  static override description =
    'Prepares while clients work (upgrade prepare), then runs inside the window (upgrade run); each part asks for itself and has a record of its own, and the second is not begun when the first did not end well. What would refuse the run is told before anything is prepared. --dry-run shows the plan of the run, and, before it is prepared, that of preparing with it.'
  static override flags = {...consentFlags, ...runFlags}
  static override examples = [
    '<%= config.bin %> upgrade --to 15 --window 60m --dry-run',
    '<%= config.bin %> upgrade --to 15 --window 60m --confirm shop --yes',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(Upgrade)
    this.finish(await this.both(flags, runRequest(flags), servedStep(flags)), (style, data) => performText(data, style))
  }

  private async both(
    flags: PerformFlags,
    request: ReturnType<typeof runRequest>,
    served: string | null,
  ): Promise<PerformBody> {
    const {terminal} = this
    const prepare = (): Promise<PerformBody> =>
      perform(
        upgradePrepare,
        (file) => {
          const {to, maxLagBytes, accept} = request(file)
          return {to, maxLagBytes, accept, safety: null}
        },
        flags,
        terminal,
      )
    return wholeUpgrade(
      {
        foresee: () => perform(upgradeForeseenHere, request, {...flags, 'dry-run': true}, terminal),
        prepare,
        run: () => perform(upgradeRunHere, request, flags, terminal, served),
      },
      flags['dry-run'] === true,
    )
  }
}

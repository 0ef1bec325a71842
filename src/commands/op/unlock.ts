import {BaseCommand} from '../../cli/base-command.js'
import {obtainConsent} from '../../cli/consent.js'
import {hostKeyFlag, operationArgument, yesFlag} from '../../cli/flags.js'
import {clusterOf, openSession} from '../../cli/session.js'
import {openJournal} from '../../cli/state.js'
import {refuseRunning, unlock} from '../../operations/op/read.js'
import {opUnlockText} from '../../output/text/op.js'
import {EXIT} from '../../lib/errors.js'

export default class OpUnlock extends BaseCommand {
  static override summary = 'Release the locks of an operation that will not be gone on with.'
  static override description =
    'Only locks that name this operation are released, and not while its process lives here. On another machine that cannot be seen from here: be sure. What it left half-done stays as it is.'
  static override args = {operation: operationArgument}
  static override flags = {...hostKeyFlag, ...yesFlag}
  static override examples = ['<%= config.bin %> op unlock recovery-20261125-164210-7f3a']

  async run(): Promise<void> {
    const {args, flags} = await this.parse(OpUnlock)
    const {journal} = await openJournal()
    await refuseRunning(journal, args.operation)
    await using session = await openSession(flags)
    const question = `Release the locks of ${args.operation} in cluster ${session.world.file.name}?`
    await obtainConsent({level: 'confirm', question}, flags, this.terminal)
    const data = await unlock(session.world, args.operation)
    const exitCode = data.unreached.length > 0 ? EXIT.followUps : EXIT.done
    this.finish({data, exitCode, cluster: clusterOf(session.world.file)}, (_style, done) => opUnlockText(done))
  }
}

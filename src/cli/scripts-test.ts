/** `scripts test`: in a session of its own; 20 when something could not be run, 21 when something failed. */
import {EXIT, type ExitCode} from '../lib/errors.js'
import {testScripts} from '../operations/scripts/test.js'
import type {ScriptTests} from '../report/scripts.js'
import {openSession, type SessionFlags} from './session.js'

export async function runScriptTests(
  flags: SessionFlags,
  hooks: boolean,
): Promise<{data: ScriptTests; exitCode: ExitCode}> {
  await using session = await openSession(flags)
  const data = await testScripts(session.world, hooks)
  const has = (result: string): boolean => data.tests.some((test) => test.result === result)
  return {data, exitCode: has('failed') ? EXIT.critical : has('not-run') ? EXIT.warning : EXIT.done}
}

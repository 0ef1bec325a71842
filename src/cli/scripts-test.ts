/** `scripts test`: in a session of its own; 20 when something could not be run, 21 when something failed. */
import {EXIT, type ExitCode} from '../lib/errors.js'
import {testScripts, type ScriptTrial} from '../operations/scripts/test.js'
import {openSession, type SessionFlags} from './session.js'

export async function runScriptTests(flags: SessionFlags, hooks: boolean): Promise<ScriptTrial & {exitCode: ExitCode}> {
  await using session = await openSession(flags)
  const {data, warnings} = await testScripts(session.world, hooks)
  const has = (result: string): boolean => data.tests.some((test) => test.result === result)
  return {data, warnings, exitCode: has('failed') ? EXIT.critical : has('not-run') ? EXIT.warning : EXIT.done}
}

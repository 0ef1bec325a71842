/** Scripts of poolctl's on a host, held against what it would make now. */
import {describe, expect, test} from 'vitest'
import type {ScriptOptions} from '../../../src/cluster/script-options.js'
import {isCurrent} from '../../../src/hosts/made-script.js'
import {RECOVERY_SCRIPTS, renderScript} from '../../../src/templates/pgpool-scripts.js'
import {fakeClusterFile} from '../../support/fake-site.js'

const OPTIONS: ScriptOptions = {mode: 'native', jobs: 7, limitSeconds: 99, startWaitSeconds: 30, hookPassfile: null}

describe('a script that poolctl made', () => {
  test.each(RECOVERY_SCRIPTS)('%s is current with whatever flags it was made', async (name) => {
    const file = fakeClusterFile(3)
    expect(await isCurrent(name, await renderScript(name, file, OPTIONS), file)).toBe(true)
  })

  test('is not once the cluster file has changed, or its text', async () => {
    const file = fakeClusterFile(3)
    const text = await renderScript('recovery_1st_stage', file, OPTIONS)
    expect(await isCurrent('recovery_1st_stage', text, fakeClusterFile(2))).toBe(false)
    expect(await isCurrent('recovery_1st_stage', `${text}rm -rf /\n`, file)).toBe(false)
    expect(await isCurrent('recovery_1st_stage', text.replace(/^jobs=.*$/m, ''), file)).toBe(false)
  })

  test('is none under a name that is not ours', async () => {
    expect(await isCurrent('copy.sh', '', fakeClusterFile(3))).toBeNull()
  })
})

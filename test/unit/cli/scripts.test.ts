/** `scripts render`: which files a request gives. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {renderFiles, type RenderRequest} from '../../../src/cli/scripts.js'
import type {ScriptMode} from '../../../src/cluster/script-options.js'
import {ALL_SCRIPTS} from '../../../src/templates/pgpool-scripts.js'

const CLUSTER = `cluster: shop
pgpool:
  - {host: proxy1, pcp: {host: 127.0.0.1, port: 9898, user: admin, via: ssh}, port: 9999, config: /etc/pgpool2/pgpool.conf, service: pgpool2}
nodes:
  - {id: 0, host: db0, port: 5432, data: /srv/0, bin: /usr/lib/postgresql/15/bin}
  - {id: 1, host: db1, port: 5432, data: /srv/1, bin: /usr/lib/postgresql/15/bin}
ssh: {user: postgres}
postgres: {user: postgres, database: postgres, replicationUser: repl}
`

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-render-'))
  await writeFile(join(directory, 'poolctl.yaml'), CLUSTER)
})
afterAll(async () => {
  await rm(directory, {recursive: true})
})

function request(variant: string | null, mode: ScriptMode): RenderRequest {
  const options = {mode, jobs: 4, limitSeconds: 60, startWaitSeconds: 60, hookPassfile: null}
  return {names: [], variant, set: [], out: null, config: join(directory, 'poolctl.yaml'), options}
}

test('a mode is a variant too: the plain scripts', async () => {
  for (const mode of ['streaming', 'native'] as const) {
    const byVariant = await renderFiles(request(mode, 'streaming'))
    expect(byVariant.files.map(({name}) => name)).toEqual([...ALL_SCRIPTS])
    expect(byVariant).toEqual(await renderFiles(request(null, mode)))
  }
  await expect(renderFiles(request('streaming', 'native'))).rejects.toMatchObject({code: 'VARIANT_VALUES'})
  await expect(renderFiles(request('raw', 'streaming'))).rejects.toMatchObject({code: 'VARIANT_UNKNOWN'})
})

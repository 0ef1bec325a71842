import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {Ajv2020} from 'ajv/dist/2020.js'
import {describe, expect, test} from 'vitest'
import {reportFailure} from '../../../src/cli/failure.js'
import {performIn} from '../../../src/cli/perform.js'
import {Unreachable} from '../../../src/lib/errors.js'
import {detach} from '../../../src/operations/detach/detach.js'
import {readHealth} from '../../../src/operations/health/health.js'
import {readNodeInfo} from '../../../src/operations/node-info/node-info.js'
import {readPool} from '../../../src/operations/pool/pool.js'
import {reloadPools} from '../../../src/operations/reload/reload.js'
import {readStatus} from '../../../src/operations/status/status.js'
import {readWatchdog} from '../../../src/operations/watchdog/watchdog.js'
import {jsonSchemas} from '../../../src/report/schemas.js'
import {siteClock} from '../../support/fake-clock.js'
import {fakeWorld} from '../../support/fake-cluster.js'
import {fakeAdmin, healthStats, members, poolProcess, silentPool, watchdogInfo} from '../../support/fake-pools.js'
import {healthySite} from '../../support/fake-site.js'
import {capturedTerminal} from '../cli/captured-terminal.js'

const DIRECTORY = join(import.meta.dirname, '..', '..', '..', 'schema')
const ajv = new Ajv2020({strict: false, validateFormats: false})

function errorsOf(name: string, value: unknown): unknown {
  const validate = ajv.compile(jsonSchemas().get(`${name}.json`)!)
  return validate(JSON.parse(JSON.stringify(value))) ? [] : validate.errors
}

const around = (name: string, data: unknown): unknown => ({
  schema: `poolctl.${name}/v1`,
  ok: true,
  exitCode: 0,
  generatedAt: '2026-11-25T16:42:10.000Z',
  cluster: null,
  data,
  warnings: [],
  error: null,
})

test.each([...jsonSchemas()])(
  'schema/%s is what the source says (bin/generate-schemas.js writes it)',
  (name, schema) => {
    expect(JSON.parse(readFileSync(join(DIRECTORY, name), 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)))
  },
)

test('every command has a schema', () => {
  const manifest = JSON.parse(readFileSync(join(DIRECTORY, '..', 'oclif.manifest.json'), 'utf8')) as {commands: object}
  const names = Object.keys(manifest.commands).map((id) => `${id.replaceAll(':', '-')}.json`)
  expect(names.filter((name) => !jsonSchemas().has(name))).toEqual([])
})

describe('what a command prints fits its schema', () => {
  test('node-info', async () => {
    const data = await readNodeInfo(fakeWorld(healthySite()).pool, null)
    expect(errorsOf('node-info', around('node-info', data))).toEqual([])
  })

  test('status, also with a dead node', async () => {
    const site = healthySite()
    site.nodes[1]!.running = false
    const {data} = await readStatus(fakeWorld(site), () => undefined)
    expect(errorsOf('status', around('status', data))).toEqual([])
  })

  test.each([0, 1])('a detach of node %d, refused or planned', async (node) => {
    const session = {world: fakeWorld(healthySite()), pcpOnly: false, [Symbol.asyncDispose]: () => Promise.resolve()}
    const request = {node, drainMs: 0, allowPrimary: false, allowOutage: false}
    const {data} = await performIn(session, detach, request, {'dry-run': true}, capturedTerminal().terminal)
    expect(errorsOf('detach', around('detach', data))).toEqual([])
  })

  test('watchdog, health, pool and reload, of a pgpool that answers and of one that does not', async () => {
    const asked = members([
      {
        name: 'proxy1',
        admin: fakeAdmin({
          watchdog: watchdogInfo(0),
          health: [healthStats(0)],
          processes: [poolProcess(1)],
          parameters: {port: '9999', wd_authkey: null},
          reload: () => undefined,
        }),
        config: "port = '9999'",
      },
      silentPool('proxy2'),
    ])
    const {data: pool} = await readPool(asked, {idle: true, parameters: true, statements: true})
    const {data: reload} = await reloadPools(
      asked,
      {what: 'config', dryRun: false, allowUntested: false},
      siteClock(healthySite()),
    )
    expect(errorsOf('watchdog', around('watchdog', (await readWatchdog(asked)).data))).toEqual([])
    expect(errorsOf('health', around('health', (await readHealth(asked, null)).data))).toEqual([])
    expect(errorsOf('pool', around('pool', pool))).toEqual([])
    expect(errorsOf('reload', around('reload', reload))).toEqual([])
  })

  test('a failure', () => {
    const {terminal, out} = capturedTerminal(['--json'])
    reportFailure(terminal, 'status', new Unreachable({code: 'PCP_UNREACHABLE', message: 'no'}))
    process.exitCode = 0
    expect(errorsOf('status', JSON.parse(out.join('')))).toEqual([])
  })

  test('and one with a key missing does not', () => {
    expect(errorsOf('node-info', around('node-info', {nodes: []}))).not.toEqual([])
  })
})

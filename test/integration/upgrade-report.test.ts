/** The page of a record as a browser shows it: drawn whole, without a request to anybody. */
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {reportPage} from '../../src/output/upgrade-report/html.js'
import {operationRecord} from '../../src/report/operation-record.js'
import {checkReport} from '../../src/operations/upgrade/checks/check.js'
import {browse, browserInstalled} from '../support/browser.js'
import {runRecord} from '../support/run-record.js'
import {sampleRecord} from '../support/sample-record.js'
import {machine, upgradeSurvey} from '../support/upgrade-builders.js'
import {poolNode} from '../support/builders.js'

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'poolctl-page-'))
})
afterAll(async () => {
  await rm(home, {recursive: true, force: true})
})

function page(): string {
  const survey = upgradeSurvey((s) => {
    machine(s, 1).oldData.stray = [{path: 'core.17', bytes: 52_428_800}]
    s.content!.databases[1]!.unloggedBytes = 900_000
  })
  const nodes = [0, 1, 2].map((id) => poolNode(id))
  const outage = {writesStoppedSeconds: 23.4, readsStoppedSeconds: 21.9, acknowledgedWrites: 41_233, lostWrites: 0}
  const record = operationRecord(sampleRecord(), {
    result: {outage, facts: {}, followUps: ['poolctl upgrade finish'], before: nodes, after: nodes},
    check: checkReport(survey, null),
  })
  if (record === null) throw new Error('the sample has no plan')
  return reportPage(record)
}

test.skipIf(!browserInstalled)('the page is drawn by a browser as it was written, and nothing is fetched', async () => {
  const file = join(home, 'record.html')
  await writeFile(file, page())
  const log = join(home, 'net.json')
  const {stdout: dom} = await browse(home, 'dom', [`--log-net-log=${log}`, '--dump-dom', `file://${file}`])
  const ids = (operationRecord(sampleRecord(), {result: null, check: null})?.steps ?? []).map(({id}) => id)
  for (const id of ids) expect(dom).toContain(`<g class="row" data-step="${id}">`)
  // One more than there are steps: the one that was begun twice has two.
  expect(dom.match(/<rect class="bar /g)).toHaveLength(ids.length + 1)
  expect(dom).toContain('</footer>')
  // Requests that the page made: the log names the file itself, and whatever a page would fetch.
  const urls = [...(await readFile(log, 'utf8')).matchAll(/"url":"((?:https?|ws):[^"]+)"/g)].map(
    (match) => match[1] ?? '',
  )
  expect(urls.filter((url) => !/google|gvt1|chrome/.test(new URL(url).hostname))).toEqual([])

  const picture = join(home, 'record.png')
  await browse(home, 'picture', [`--screenshot=${picture}`, `file://${file}`])
  const bytes = await readFile(picture)
  // Width and height stand in a PNG's first chunk. A page that is not drawn compresses to next to nothing.
  expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([1240, 2300])
  expect(bytes.length).toBeGreaterThan(60_000)
  const keep = process.env['POOLCTL_KEEP_PICTURE']
  if (keep) await writeFile(keep, bytes)
})

test.skipIf(!browserInstalled)(
  'the lanes of a run are drawn, with the acts of all standbys in the lane of each',
  async () => {
    const record = operationRecord(runRecord(), {result: null, check: null})
    if (record === null) throw new Error('the run has no plan')
    const file = join(home, 'run.html')
    await writeFile(file, reportPage(record))
    const {stdout: dom} = await browse(home, 'run', ['--dump-dom', `file://${file}`])
    expect(dom.match(/<g class="lane" data-host="[^"]+"/g)).toHaveLength(record.hosts.length)
    const rows = record.steps.flatMap(({id, lanes}) => lanes.map(() => id))
    expect(dom.match(/<rect class="bar /g)).toHaveLength(rows.length)
    expect(dom.match(/<g class="row" data-step="stop-standbys">/g)).toHaveLength(2)
  },
)

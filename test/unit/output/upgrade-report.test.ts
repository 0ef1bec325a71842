import {describe, expect, test} from 'vitest'
import {reportPage} from '../../../src/output/upgrade-report/html.js'
import {markup} from '../../../src/output/upgrade-report/markup.js'
import {reportMarkdown} from '../../../src/output/upgrade-report/markdown.js'
import {checkReport} from '../../../src/operations/upgrade/checks/check.js'
import {operationRecord, type OperationRecord} from '../../../src/report/operation-record.js'
import {runFacts, runPlan, runRecord} from '../../support/run-record.js'
import {SECRET, sampleRecord} from '../../support/sample-record.js'
import {upgradeSurvey} from '../../support/upgrade-builders.js'

const result: OperationRecord['result'] = {
  outage: {writesStoppedSeconds: 23.4, readsStoppedSeconds: 21.9, acknowledgedWrites: 41_233, lostWrites: 0},
  facts: {},
  followUps: ['poolctl upgrade finish'],
  before: null,
  after: null,
}

function record(until?: number): OperationRecord {
  const made = operationRecord(sampleRecord(until), {result, check: checkReport(upgradeSurvey(), null)})
  if (made === null) throw new Error('the sample has no plan')
  return made
}

describe('the record of an operation', () => {
  test('knows when each step ran on its host, and what came of it', () => {
    const {spans, seconds, outcome, exitCode, wayBack} = record()
    expect(
      spans.filter(({host}) => host === 'db1').map(({step, what, seconds: took}) => [step, what, round(took)]),
    ).toEqual([
      ['checkpoint-1', 'already', 2.4],
      ['stop-1', 'done', 0.9],
      // Its first process was killed; another resumed it.
      ['send-1', 'running', 1.8],
      ['send-1', 'done', 4.2],
      ['start-1', 'done', 1.3],
    ])
    expect({seconds: round(seconds), outcome, exitCode, wayBack}).toEqual({
      seconds: 33.3,
      outcome: 'completed',
      exitCode: 13,
      wayBack: {
        until: '2026-11-25T22:00:29.800Z',
        text: 'rolling back was possible until "start the new primary" was done',
        afterwards: null,
      },
    })
  })

  test('of an operation that is not over has an open way back', () => {
    const {outcome, wayBack, endedAt} = record(7)
    expect({outcome, wayBack, endedAt}).toEqual({
      outcome: 'not ended',
      wayBack: {until: null, text: 'still open: poolctl op rollback upgrade-20261125-220000-7f3a', afterwards: null},
      endedAt: null,
    })
  })

  test('shows an act that was begun and has no end', () => {
    const entries = sampleRecord(3)
    const begun = operationRecord(
      [...entries, {type: 'intent', step: 'stop-0', seq: 99, at: '2026-11-25T22:00:09.000Z'}],
      {result: null, check: null},
    )
    expect(begun?.spans.at(-1)).toMatchObject({step: 'stop-0', what: 'running'})
  })

  test('is none without a plan', () => {
    expect(operationRecord([], {result: null, check: null})).toBeNull()
  })
})

describe('the page', () => {
  const page = reportPage(record())

  test('asks nobody for anything', () => {
    expect(page.match(/(?:src|href|url|@import)[=(]["']?(?!data:)[^"')\s]+/g) ?? []).toEqual([])
    expect(page).not.toMatch(/<script/i)
    expect(page).toContain("default-src 'none'")
  })

  test('has every step in the picture and in the table', () => {
    const ids = record().steps.map(({id}) => id)
    const rows = [...page.matchAll(/<g class="row" data-step="([^"]+)"/g)].map((match) => match[1])
    expect(rows.toSorted()).toEqual(ids.toSorted())
    expect([...page.matchAll(/<tr data-step="([^"]+)"/g)].map((match) => match[1])).toEqual(ids)
  })

  test('says the outage, the loss, the forecast and until when one could go back', () => {
    for (const said of [
      '23.4 s',
      '0 of 41233',
      'forecast 24.0 s',
      'until 22:00:29',
      'forecast 31.0 s',
      '<li>poolctl upgrade finish</li>',
    ]) {
      expect(page).toContain(said)
    }
  })

  test('prints no secret and takes no text for markup', () => {
    expect(page).not.toContain(SECRET)
    expect(page).toContain('shop &lt;west&gt;')
    expect(markup`<b>${'<script>"&'}</b>`.html).toBe('<b>&lt;script&gt;&quot;&amp;</b>')
    expect(markup`${'\u001b[31m\u202e'}`.html).not.toMatch(/[\u001b\u202e]/)
  })
})

describe('the record of a run', () => {
  const NONE = {result: null, check: null}
  const made = (request = {}, successor: Parameters<typeof operationRecord>[2] = null): OperationRecord => {
    const found = operationRecord(runRecord(runPlan(runFacts(), request)), NONE, successor)
    if (!found) throw new Error('it has no plan')
    return found
  }
  const laneOf = (page: string, host: string): string[] => {
    const [, lane = ''] = page.split(`<g class="lane" data-host="${host}">`)
    return [...(lane.split('<g class="lane"')[0] ?? '').matchAll(/data-step="([^"]+)"/g)].map(([, step = '']) => step)
  }

  test('has a lane for each host, and what is done on several in the lane of each', () => {
    const page = reportPage(made())
    expect(laneOf(page, 'db0')).toContain('pg-upgrade')
    for (const step of ['stop-standbys', 'link-standbys', 'leave-note']) expect(laneOf(page, 'db1')).toContain(step)
    expect(laneOf(page, 'db2')).toContain('stop-standbys')
    expect(laneOf(page, 'db2')).toContain('link-rest')
    expect(laneOf(page, 'proxy1')).toContain('fence-pool')
  })

  test('has the versions and the checks that the run itself has seen', () => {
    const page = reportPage(made())
    expect(page).toMatch(/<td>db2<\/td>\s*<td>13\.16<\/td>\s*<td>15\.20<\/td>/)
    expect(page).toContain('Checks of 2026-11-25 16:42:10 UTC: ready')
    expect(reportMarkdown(made())).toContain('## Versions')
  })

  test('shows the commands, in Markdown too, with secrets dotted out', () => {
    const facts = runFacts()
    facts.pairs[0]!.pair.old.service = {
      ...{kind: 'commands', start: ['x'], stop: ['/srv/stop', `--password=${SECRET}`], reload: null},
    }
    const found = operationRecord(runRecord(runPlan(facts)), NONE)!
    for (const text of [reportPage(found), reportMarkdown(found)]) {
      expect(text).toContain('db0$ /srv/stop --password=••••')
      expect(text).toMatch(/db0\$ \S+\/pg_upgrade --link --no-sync --jobs=2/)
      expect(text).not.toContain(SECRET)
    }
  })

  test('names the standby that was held back as the way back, and until when', () => {
    const held =
      'from then on the way back is node 2 (db2), held back as the old cluster, without what was written since'
    const hold = {wayBack: 'hold-standby' as const}
    expect(made(hold).wayBack.text).toContain(held)
    expect(made(hold).wayBack.text).toMatch(/, until poolctl upgrade finish$/)
    const finished = made(hold, {verb: 'upgrade-finish', at: '2026-11-26T09:00:00.000Z'})
    expect(finished.wayBack.text).toMatch(/, which was given up at 2026-11-26T09:00:00\.000Z$/)
    for (const text of [reportPage(finished), reportMarkdown(finished)])
      expect(text).toContain('until 2026-11-26 09:00')
    expect(made({wayBack: 'none'}).wayBack.afterwards).toBeNull()
  })
})

describe('the Markdown', () => {
  const markdown = reportMarkdown(record())

  test('has the same figures and steps, and no secret', () => {
    expect(markdown).toContain('| writes stopped for | 23.4 s |')
    expect(markdown.split('\n').filter((line) => /^\| \d+ \|/.test(line))).toHaveLength(record().steps.length + 3)
    expect(markdown).not.toContain(SECRET)
  })

  test('lets no text break its tables', () => {
    expect(markdown).toContain(String.raw`# upgrade of cluster shop \<west\>`)
  })
})

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10
}

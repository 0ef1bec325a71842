/** The journal of an upgrade with all that a record can hold: steps on several hosts, one that was so already, a resume, a secret. */
import type {PlannedStep} from '../../src/engine/plan.js'
import type {JsonObject} from '../../src/lib/json.js'
import type {Holder, JournalEntry, NewEntry} from '../../src/ports/journal.js'
import {planned} from './builders.js'

export const SECRET = 'hunter2'
const BEGIN = Date.parse('2026-11-25T22:00:00.000Z')
const holder: Holder = {user: 'ann', host: 'ops1', pid: 4711, bootId: 'boot', since: '2026-11-25T22:00:00.000Z'}

type Act = [id: string, host: string | null, title: string, seconds: number, because: string]

const ACTS: Act[] = [
  ['fence-pool', null, 'keep pgpool from failing over by itself', 1.2, 'pgpool shows the fence after its reload'],
  ['close-gate', null, 'let no client write', 0.8, 'no session is left, and a new one is refused'],
  ['checkpoint-0', 'db0', 'write out all pages of the primary', 3.1, 'checkpoint at 0/9A000028'],
  ['checkpoint-1', 'db1', 'write out all pages of node 1', 2.4, 'restartpoint at 0/9A000028'],
  ['stop-0', 'db0', 'stop the primary', 1.6, 'control file: shut down, checkpoint 0/9B000028'],
  ['stop-1', 'db1', 'stop node 1 behind it', 0.9, 'control file: shut down in recovery, checkpoint 0/9B000028'],
  [
    'stop-2',
    'db2',
    'stop node 2 and hold it back as the frozen old cluster',
    0.9,
    'checkpoint 0/9B000028 as on the primary',
  ],
  ['migrate', 'db0', 'pg_upgrade --link --jobs 2', 11.4, 'upgraded, 1043 files linked, old control file set aside'],
  ['send-1', 'db1', 'send the new catalogs to node 1 and link the rest', 4.2, '48123904 bytes sent, 1043 files linked'],
  ['start-0', 'db0', 'start the new primary', 1.1, 'it accepts writes on timeline 1'],
  ['start-1', 'db1', 'start node 1 on the new version', 1.3, 'it streams from node 0'],
  ['open-gate', null, 'let clients write again', 0.7, 'a row written through pgpool was read back'],
  ['unfence-pool', null, 'take the fence off pgpool', 1.4, 'pgpool shows its own settings'],
]

const FORECAST: Readonly<Record<string, number>> = {
  migrate: 10.2,
  'send-1': 5.5,
  'stop-0': 2,
  'start-0': 1,
  'checkpoint-0': 4,
}

function steps(): PlannedStep[] {
  return ACTS.map(([id, host, title]) =>
    planned({
      id,
      title,
      host,
      input: id === 'migrate' ? {command: `pg_upgrade --link PGPASSWORD=${SECRET}`, jobs: 2} : {node: host},
      undo: id === 'start-0' ? null : 'as it was before',
      irreversible: id === 'start-0',
    }),
  )
}

/** `until`: the record as it is after that many acts; all of them by default. */
export function sampleRecord(until = ACTS.length): JournalEntry[] {
  const entries: JournalEntry[] = []
  let ms = 0
  const add = (entry: NewEntry): void => {
    entries.push({...entry, seq: entries.length + 1, at: new Date(BEGIN + ms).toISOString()})
  }
  const plan = {
    schema: 'poolctl.plan/v1',
    verb: 'upgrade',
    cluster: 'shop <west>',
    createdAt: '2026-11-25T21:58:00.000Z',
    toolVersion: '0.1.0',
    fingerprint: 'sha256:5f0c2d9e4b7a81c3',
    request: {to: 15, windowSeconds: 3600, minStandbys: 1, wayBack: 'hold-standby'},
    reasons: {
      forecast: {seconds: 31, outageSeconds: 24, steps: FORECAST},
      wayBack: 'node 2 stays the frozen old cluster',
    },
    steps: steps(),
    locks: [0, 1, 2],
  }
  add({
    type: 'opened',
    operation: 'upgrade-20261125-220000-7f3a',
    verb: 'upgrade',
    cluster: 'shop <west>',
    clusterFile: '/etc/poolctl/poolctl.yaml',
    plan: plan as unknown as JsonObject,
    holder,
  })
  for (const [id, , , seconds, because] of ACTS.slice(0, until)) {
    ms += 40
    add({type: 'intent', step: id})
    if (id === 'send-1') {
      ms += 1800
      add({type: 'taken-over', holder: {...holder, pid: 4799}, way: 'resume'})
      add({type: 'intent', step: id})
    }
    ms += seconds * 1000
    const outcome = id === 'checkpoint-1' ? 'already' : 'done'
    add({type: 'done', step: id, outcome, because, seconds, result: null})
  }
  if (until === ACTS.length) add({type: 'closed', outcome: 'completed', exitCode: 13})
  return entries
}

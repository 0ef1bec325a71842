import {describe, expect, it} from 'vitest'
import {safetyOf} from '../../../../src/cli/upgrade-flags.js'
import {parseWayBack, type WayBackNote} from '../../../../src/cluster/way-back-note.js'
import type {UpgradeNote} from '../../../../src/cluster/upgrade-note.js'
import {UsageError} from '../../../../src/lib/errors.js'
import {runRefusals, wayBackOf} from '../../../../src/operations/upgrade/refusals.js'
import type {RunRequest} from '../../../../src/operations/upgrade/request.js'
import {statusData} from '../../../../src/operations/upgrade/status.js'
import {newestWayBack, pairFor, type RunFacts} from '../../../../src/operations/upgrade/survey.js'
import {checkReport} from '../../../../src/operations/upgrade/checks/check.js'
import {upgradeRun} from '../../../../src/operations/upgrade/upgrade.js'
import {planSafety, safetyRefusals} from '../../../../src/operations/upgrade/way-back.js'
import {machine, server, upgradeSurvey} from '../../../support/upgrade-builders.js'

const NOTE: WayBackNote = {
  ...{operation: 'upgrade-prepare-20261125-140000-0001', at: '2026-11-25T14:00:00.000Z', from: 13, to: 15},
  ...{kind: 'backup', node: 2, directory: '/srv/backup/before 15', said: 'verified by pg_verifybackup, 1 bytes'},
}

function facts(change: (facts: RunFacts) => void = () => undefined): RunFacts {
  const check = upgradeSurvey()
  const pairs = check.nodes.map(({config}) => ({
    node: config,
    pair: pairFor(config, 13, 15),
    state: null,
    unseen: null,
  }))
  const made: RunFacts = {cluster: 'shop', check, pairs, pools: {}, rehearsal: null, safety: null}
  change(made)
  return made
}

const RUN: RunRequest = {
  ...{
    to: 15,
    maxLagBytes: 16 * 1024 ** 2,
    accept: [],
    windowMs: null,
    minStandbys: 1,
    transfer: 'link',
    drainMs: 0,
    wayBack: null,
    jobs: 2,
  },
}

describe('the flags of a way back', () => {
  const code = (flags: Parameters<typeof safetyOf>[0]): unknown => {
    try {
      return safetyOf(flags)
    } catch (error) {
      return error instanceof UsageError ? error.code : error
    }
  }
  it('say what is made, or nothing is', () => {
    expect(safetyOf({})).toBeNull()
    expect(safetyOf({'way-back': 'backup', 'backup-dir': '/srv/backup/x', 'backup-on': '1'})).toEqual({
      ...{kind: 'backup', on: 1, directory: '/srv/backup/x'},
    })
    expect(safetyOf({'way-back': 'command', 'backup-command': ['snap', 'a b']})).toEqual({
      ...{kind: 'command', words: ['snap', 'a b']},
    })
  })

  it('are a usage error where one misses the other', () => {
    expect(code({'backup-dir': '/srv/backup/x'})).toBe('WAY_BACK_FLAGS')
    expect(code({'way-back': 'backup'})).toBe('WAY_BACK_FLAGS')
    expect(code({'way-back': 'backup', 'backup-dir': 'backup/x'})).toBe('WAY_BACK_FLAGS')
    expect(code({'way-back': 'backup', 'backup-dir': '/x'})).toBe('WAY_BACK_FLAGS')
    expect(code({'way-back': 'command'})).toBe('WAY_BACK_FLAGS')
    expect(code({'way-back': 'command', 'backup-command': ['']})).toBe('WAY_BACK_FLAGS')
  })
})

describe('a backup by poolctl', () => {
  it("is taken first, on the last standby's host, unless another is named", () => {
    const step = (on: number | null): unknown =>
      planSafety({kind: 'backup', on, directory: '/srv/backup/x'}, facts())[0]
    expect(step(null)).toMatchObject({id: 'take-backup', input: {node: 2, primary: 0, directory: '/srv/backup/x'}})
    expect(step(1)).toMatchObject({id: 'take-backup', input: {node: 1, primary: 0}})
    expect(planSafety(null, facts())).toEqual([])
  })

  it('is refused on the primary', () => {
    const codes = (on: number | null): string[] =>
      safetyRefusals({kind: 'backup', on, directory: '/srv/backup/x'}, facts()).map(({code}) => code)
    expect(codes(0)).toEqual(['BACKUP_HOST_UNKNOWN'])
    expect(codes(7)).toEqual(['BACKUP_HOST_UNKNOWN'])
    expect(codes(1)).toEqual([])
  })

  it('has the tablespaces that the primary has', () => {
    const spaces = facts(({check}) => server(check, 0).tablespaces.push({oid: 1, name: 'far', location: '/far'}))
    const safety = {kind: 'backup' as const, on: null, directory: '/srv/backup/x'}
    expect([safetyRefusals(safety, spaces), planSafety(safety, spaces)]).toMatchObject([
      [],
      [
        {
          title: 'take a base backup of node 0, with its tablespaces, into /srv/backup/x on db2, and prove it',
          input: {tablespaces: [{oid: 1, location: '/far'}]},
        },
      ],
    ])
  })
})

describe('a run', () => {
  const refused = (request: RunRequest, seen: RunFacts): string[] =>
    runRefusals(request, seen).flatMap(({code}) => (code === 'NO_WAY_BACK' ? [code] : []))

  it('takes a way back that was made, and none that was not', () => {
    expect(refused({...RUN, wayBack: 'backup'}, facts())).toEqual(['NO_WAY_BACK'])
    expect(
      refused(
        {...RUN, wayBack: 'command'},
        facts((made) => (made.safety = NOTE)),
      ),
    ).toEqual(['NO_WAY_BACK'])
    expect(
      refused(
        {...RUN, wayBack: 'backup'},
        facts((made) => (made.safety = NOTE)),
      ),
    ).toEqual([])
  })

  it('relies on it by itself where no standby can be held back', () => {
    const one = facts((made) => Object.assign(made, {safety: NOTE, pairs: made.pairs.slice(0, 2)}))
    expect(wayBackOf(RUN, one)).toBe('backup')
    expect(wayBackOf(RUN, {...one, safety: null})).toBeNull()
    expect(
      wayBackOf(
        RUN,
        facts((made) => (made.safety = NOTE)),
      ),
    ).toBe('hold-standby')
  })
})

describe('a run by clones', () => {
  const CLONE: RunRequest = {...RUN, transfer: 'clone'}
  const codes = (seen: RunFacts): string[] =>
    runRefusals(CLONE, seen).flatMap(({code, node}) => (code === 'CLONE_IMPOSSIBLE' ? [`${code} ${node}`] : []))

  it('needs no other way back, because the old clusters stay whole', () => {
    expect(wayBackOf(CLONE, facts())).toBe('clones')
    expect(wayBackOf({...CLONE, wayBack: 'hold-standby'}, facts())).toBe('hold-standby')
  })

  it('is refused on each node whose file system cannot clone, with what was tried', () => {
    const seen = facts(({check}) => {
      machine(check, 0).clone = {ok: true, why: null}
      machine(check, 1).clone = {ok: true, why: null}
      const link = {ok: true, why: null}
      machine(check, 1).tablespaces = [
        {
          oid: 1,
          location: '/far',
          link,
          clone: {ok: false, why: 'No'},
          leftovers: [],
          insideData: false,
          writable: true,
          catalogBytes: 0,
          relationFiles: 0,
        },
      ]
    })
    expect(codes(seen)).toEqual(['CLONE_IMPOSSIBLE 1', 'CLONE_IMPOSSIBLE 2'])
    expect(runRefusals(CLONE, seen).find(({node}) => node === 2)).toMatchObject({
      message:
        'db2 cannot clone a file of /var/lib/postgresql/15/node 2 into /var/lib/postgresql/15/node 2: Operation not supported',
      hint: 'Leave out --transfer clone: hard links need no such file system',
    })
  })
})

describe('a note of a way back', () => {
  it('is read as it was written, and counts for its own upgrade only', () => {
    expect(parseWayBack(JSON.stringify(NOTE))).toEqual(NOTE)
    expect(parseWayBack('no note')).toBeNull()
    expect(parseWayBack(JSON.stringify({...NOTE, kind: 'hope'}))).toBeNull()
    const later = {...NOTE, at: '2026-11-25T15:00:00.000Z'}
    expect(newestWayBack([later, null, NOTE], 13, 15)).toBe(later)
    expect(newestWayBack([NOTE], 13, 16)).toBeNull()
  })

  it('is what the status of an upgrade says of it', () => {
    const place = {data: '/d', bin: '/b', config: null, service: {kind: 'pg_ctl' as const}}
    const opened: UpgradeNote = {
      ...{
        operation: 'upgrade-run-20261125-164210-0001',
        from: 13,
        to: 15,
        primary: 0,
        held: null,
        whole: [],
        phase: 'opened',
      },
      ...{at: '2026-11-25T16:42:10.000Z', old: place, new: place},
    }
    const now = new Date('2026-11-25T16:43:00.000Z')
    expect(statusData(opened, [], [], NOTE, now)).toMatchObject({
      wayBack:
        'the backup in /srv/backup/before 15 on the host of node 2, 2 h 43 min old, without what was written since 2026-11-25T14:00:00.000Z',
      next: ['poolctl upgrade rollback', 'poolctl upgrade finish'],
    })
    expect(statusData(opened, [], [], {...NOTE, kind: 'command', directory: null}, now)).toMatchObject({
      wayBack:
        'what your command made on the host of node 2, 2 h 43 min old, without what was written since 2026-11-25T14:00:00.000Z',
      next: ['poolctl upgrade finish'],
    })
    expect(statusData(null, [], [], NOTE, now).wayBack).toMatch(/^not needed yet; made for it: the backup in /)
    expect(statusData(null, [], [], null, now).wayBack).toBe('not needed')
  })
})

describe('the age of a way back', () => {
  /** The survey was taken on 2026-11-25 at 16:42:10. */
  const YOUNG = {...NOTE, at: '2026-11-24T16:42:10.000Z'}
  const OLD = {...NOTE, at: '2026-11-24T16:42:09.000Z'}
  const WARNING = 'the backup in /srv/backup/before 15 on the host of node 2 is 24 h 0 min old'

  const planned = (safety: WayBackNote | null, wayBack: RunRequest['wayBack']): unknown => {
    const seen = facts((made) => {
      made.safety = safety
      for (const pair of made.pairs)
        pair.state = {
          ...{prepared: true, configStaged: true, ours: true, newVersion: '15', newControl: null, newPid: null},
          oldControlAside: false,
        }
    })
    const decision = upgradeRun.decide({...RUN, wayBack}, seen)
    if (decision.kind !== 'planned' || decision.consent.level !== 'type-name') return decision
    return {
      made: decision.plan.reasons['wayBackMade'],
      question: decision.consent.question,
      warnings: decision.warnings.filter(({code}) => code === 'WAY_BACK_OLD').map(({message}) => message),
    }
  }

  it('stands in the plan that counts on it and in the question, and is warned of after a day', () => {
    const made = (at: string): string =>
      `the backup in /srv/backup/before 15 on the host of node 2, 24 h 0 min old, without what was written since ${at}`
    const question = (at: string): string =>
      `Upgrade cluster shop from 13 to 15? After its point of no return the way back is ${made(at)}.`
    expect(planned(YOUNG, 'backup')).toEqual({made: made(YOUNG.at), question: question(YOUNG.at), warnings: []})
    expect(planned(OLD, 'backup')).toEqual({made: made(OLD.at), question: question(OLD.at), warnings: [WARNING]})
  })

  it('is nothing to a run that holds a standby back', () => {
    expect(planned(OLD, 'hold-standby')).toEqual({
      made: null,
      question:
        'Upgrade cluster shop from 13 to 15? After its point of no return node 2 is the way back, without what was written since.',
      warnings: [],
    })
  })

  it('stands in the report of a check, which refuses nothing for it', () => {
    const {verdict, wayBack, findings} = checkReport(upgradeSurvey(), null, OLD)
    expect({verdict, wayBack}).toEqual({
      verdict: 'ready',
      wayBack: {...{kind: 'backup', at: OLD.at, ageSeconds: 86_401, node: 2, directory: '/srv/backup/before 15'}},
    })
    expect(findings.map(({code, message, hint}) => ({code, message, hint}))).toEqual([
      {
        code: 'WAY_BACK_OLD',
        message: WARNING,
        hint: 'Take a new one just before: poolctl upgrade prepare --to 15 --way-back backup --backup-dir DIR',
      },
    ])
    expect(checkReport(upgradeSurvey(), null, YOUNG).findings).toEqual([])
    expect(checkReport(upgradeSurvey(), null).wayBack).toBeNull()
  })
})

import {readFile} from 'node:fs/promises'
import {describe, expect, it} from 'vitest'
import {upgradeForeseen, upgradeRun} from '../../../../src/operations/upgrade/upgrade.js'
import type {RunFacts} from '../../../../src/operations/upgrade/survey.js'
import type {RunRequest} from '../../../../src/operations/upgrade/request.js'
import {planText} from '../../../../src/output/text/plan.js'
import {checkReport} from '../../../../src/operations/upgrade/checks/check.js'
import type {UpgradeCheckData, UpgradeFinding} from '../../../../src/report/upgrade-check.js'
import {actsIn, type PlannedAct} from '../../../../src/report/planned-act.js'
import {RUN_REQUEST, runFacts, runPlan} from '../../../support/run-record.js'

function acts(seen: RunFacts, request: Partial<RunRequest> = {}): (step: string) => PlannedAct {
  const {reasons} = runPlan(seen, request)
  return (step) => {
    const act = actsIn(reasons).get(step)
    if (!act) throw new Error(`nothing is said of ${step}`)
    return act
  }
}

describe('the acts of a run', () => {
  it('name every host of a step over several, and the pgpools of what goes through them', () => {
    const act = acts(runFacts())
    expect(act('fence-pool').hosts).toEqual(['proxy1'])
    expect(act('stop-primary').hosts).toEqual(['db0'])
    expect(act('stop-standbys').hosts).toEqual(['db1', 'db2'])
    expect(act('link-rest').hosts).toEqual(['db2'])
    expect(act('make-statistics').hosts).toEqual(['db0'])
    expect(act('leave-note').hosts).toEqual(['db0', 'db1', 'db2'])
  })

  it('are the commands as they would be typed, with the paths of each node', () => {
    const act = acts(runFacts())
    const [{old, new: fresh}] = runFacts().pairs.map(({pair}) => pair) as [RunFacts['pairs'][number]['pair']]
    expect(act('stop-primary').commands).toEqual([
      {host: 'db0', line: expect.stringMatching(/^PGDATA=\S.* \S+\/pg_ctl stop -m fast -w$/) as string},
    ])
    const [upgrade] = act('begin-pg-upgrade').commands
    expect(upgrade?.line).toMatch(/^\S+\/pg_upgrade --link --no-sync --jobs=2 -b /)
    for (const path of [old.data, fresh.data]) expect(upgrade?.line).toContain(path)
    expect(act('link-standbys').commands.filter(({line}) => line.startsWith('rsync -e ssh'))).toHaveLength(2)
    expect(act('start-primary').commands[0]?.line).toMatch(/pg_ctl start -w$/)
    expect(act('checkpoint-1').commands).toEqual([{host: 'db1', line: 'SQL: CHECKPOINT'}])
  })

  it('of a unit, or of words of the site, are those', () => {
    const seen = runFacts()
    seen.pairs[0]!.pair.old.service = {kind: 'systemd', unit: 'postgresql@13-main'}
    seen.pairs[1]!.pair.old.service = {kind: 'commands', start: ['a'], stop: ['/srv/stop it', 'now'], reload: null}
    const act = acts(seen)
    expect(act('stop-primary').commands[0]?.line).toBe('systemctl stop postgresql@13-main')
    expect(act('stop-standbys').commands[0]?.line).toBe("'/srv/stop it' now")
  })

  it('send the new catalogs and a segment of WAL to each standby that is linked', () => {
    const each = 24_000_000 + 16 * 1024 ** 2
    const two = acts(runFacts())
    expect([two('link-standbys').bytes, two('link-rest').bytes]).toEqual([each, each])
    expect(acts(runFacts(), {minStandbys: 2})('link-standbys').bytes).toBe(2 * each)
    expect(two('stop-primary').bytes).toBeNull()
  })

  it('take what a rehearsal has measured, else what the schema trial has, and say which', () => {
    const rehearsal = {
      ...{
        operation: 'r',
        at: '2026-11-25T14:00:00.000Z',
        from: 13,
        to: 15,
        node: 2,
        jobs: 2,
        passed: true,
        toolVersion: '0.1.0',
      },
      seconds: {stop: 3, pgUpgrade: 40, link: 12, start: 2},
    }
    const timings = {
      ...{initdbSeconds: 1, pgUpgradeCheckSeconds: 1.5, startSeconds: 0.2, dumpSeconds: 0.4, restoreSeconds: 0.6},
      schemaBytes: 1,
    }
    const said = (more: Partial<RunFacts>): unknown[] => {
      const seen = {...runFacts(), ...more}
      const act = acts(seen)
      return [
        ...['stop-primary', 'pg-upgrade', 'start-primary', 'make-statistics'].map((step) => act(step).seconds),
        runPlan(seen).reasons['secondsFrom'],
      ]
    }
    expect(said({rehearsal})).toEqual([3, 37, 2, null, 'rehearsal r on node 2 at 2026-11-25T14:00:00.000Z'])
    expect(said({keptTrial: {at: '2026-11-24T10:00:00.000Z', timings}})).toEqual([
      ...[null, 2.5, 0.2, null],
      'the schema trial of 2026-11-24T10:00:00.000Z; linking is not part of it',
    ])
    expect(said({})).toEqual([null, null, null, null, 'nothing was measured yet: poolctl upgrade rehearse does'])
  })

  it('keep to the options that the scripts on the hosts give', async () => {
    const script = async (name: string): Promise<string> => readFile(`templates/host/${name}.sh`, 'utf8')
    const [upgrade, link, server] = await Promise.all(['upgrade-pg', 'upgrade-link', 'server'].map(script))
    const options = (lines: readonly {line: string}[]): string[] =>
      lines.flatMap(({line}) => line.match(/(?<= )--?[a-zA-Z-]+/g) ?? []).filter((option) => option !== '--link')
    const act = acts(runFacts())
    for (const option of options(act('begin-pg-upgrade').commands)) expect(upgrade).toContain(option)
    for (const option of options(act('link-standbys').commands)) expect(link).toContain(option)
    for (const option of options([...act('stop-primary').commands, ...act('start-primary').commands]))
      expect(server).toContain(option)
  })

  it('stand in the text of the plan, where the point of no return is a line of its own', () => {
    const lines = planText(runPlan(), {columns: 100, color: false, wide: false}).split('\n')
    const barrier = lines.findIndex((line) => line.startsWith('---- POINT OF NO RETURN'))
    expect(lines.slice(barrier + 1).find((line) => /^ *\d+\./.test(line))).toContain('start version 15 on node 0')
    expect(lines.filter((line) => line.startsWith('---- POINT'))).toHaveLength(1)
    expect(lines.some((line) => line.includes('db1, db2; not measured'))).toBe(true)
    expect(lines.some((line) => line.includes('$ rsync'))).toBe(true)
  })
})

describe('an upgrade that is not prepared yet', () => {
  const bare = (): RunFacts => {
    const seen = runFacts()
    for (const pair of seen.pairs) pair.state = {...pair.state!, prepared: false, configStaged: false}
    return seen
  }

  it('is planned as it will be, and says that it is not prepared', () => {
    const decision = upgradeForeseen.decide(RUN_REQUEST, bare())
    expect(decision).toMatchObject({kind: 'planned', plan: {reasons: {prepared: false}}})
    expect(upgradeForeseen.decide(RUN_REQUEST, runFacts())).toMatchObject({plan: {reasons: {prepared: true}}})
    expect(upgradeRun.decide(RUN_REQUEST, bare()).kind).toBe('refused')
  })

  it('is refused by whatever else would refuse the run', () => {
    const codes = (request: Partial<RunRequest>): unknown => {
      const decision = upgradeForeseen.decide({...RUN_REQUEST, ...request}, bare())
      return decision.kind === 'refused' ? decision.refusals.map(({code}) => code) : decision.kind
    }
    expect(codes({minStandbys: 3})).toEqual(['TOO_FEW_STANDBYS'])
    expect(codes({windowMs: 5000})).toEqual(['WINDOW_TOO_SHORT'])
    expect(codes({wayBack: 'backup'})).toEqual(['NO_WAY_BACK'])
  })
})

describe('a run on another day than the check', () => {
  const checkOf = (seen: RunFacts): UpgradeCheckData => checkReport(seen.check, null)
  const warned = (seen: RunFacts): string[] => {
    const decision = upgradeRun.decide(RUN_REQUEST, seen)
    if (decision.kind !== 'planned') throw new Error(`it is ${decision.kind}`)
    return decision.warnings.filter(({code}) => code === 'CHANGED_SINCE_CHECK').map(({message}) => message)
  }

  it('says what has changed since, and not what only the trial of a check finds', () => {
    const seen = runFacts()
    const before = checkOf(seen)
    const inventory = {...before.inventory, slots: [...before.inventory.slots, 'debezium (logical)']}
    const ofTrial = {
      ...before,
      findings: [...before.findings, {code: 'SCHEMA_NOT_RESTORED', node: null} as UpgradeFinding],
    }
    expect(warned({...seen, lastCheck: {...ofTrial, inventory}})).toEqual([
      `since the check of ${before.checkedAt}: gone: slot debezium (logical)`,
    ])
  })

  it('says nothing where nothing has changed, or no check is known', () => {
    const seen = runFacts()
    expect(warned({...seen, lastCheck: checkOf(seen)})).toEqual([])
    expect(warned({...seen, lastCheck: null})).toEqual([])
  })
})

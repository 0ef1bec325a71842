import {describe, expect, test} from 'vitest'
import {upgradeChecks} from '../../../../src/operations/upgrade/checks/checks.js'
import {serviceActs} from '../../../../src/operations/upgrade/checks/services.js'
import {trialSpaceShort} from '../../../../src/operations/upgrade/checks/space.js'
import type {UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import {nodeConfig} from '../../../support/builders.js'
import {machine, upgradeSurvey} from '../../../support/upgrade-builders.js'

const codes = (change: (survey: UpgradeSurvey) => void): string[] =>
  upgradeChecks(upgradeSurvey(change)).map(({code}) => code)

describe('configuration comes along', () => {
  const at =
    (files: string[], places: Record<string, string> = {}, config: string | null = null) =>
    (survey: UpgradeSurvey): void => {
      const node = survey.nodes[1]!
      node.config.data = '/data'
      node.config.config = config
      node.target.config = config?.replace('13', '15') ?? null
      node.configuration = {address: null, files, errors: [], places: {data_directory: '/real', ...places}}
    }
  const outside = '/etc/postgresql/13/main/postgresql.conf'

  test.each([
    ['what is staged of the data directory', at(['/data/postgresql.conf', '/data/conf.d/a.conf', '/real/site.conf'])],
    ['what is elsewhere on the machine', at(['/etc/pg/common.conf'], {hba_file: '/etc/pg/hba'})],
    ['the directory of the main file as a whole', at([outside, '/etc/postgresql/13/main/x.d/a'], {}, outside)],
    ['no certificate, where ssl is off', at([], {ssl: 'off', ssl_cert_file: 'ssl/server'})],
    ['a certificate beside it', at([], {ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: '/etc/ssl/key'})],
  ])('%s', (_what, change) => {
    expect(codes(change)).toEqual([])
  })

  test.each([
    ['a directory of another name', at(['/data/x.d/a.conf'])],
    ['also by the name that the server has for it', at(['/real/x.d/a.conf'])],
    ['a hidden file', at(['/data/.site.conf'])],
    ['rules of another name', at([], {hba_file: '/data/access.rules'})],
    ['a directory of revoked certificates', at([], {ssl: 'on', ssl_crl_dir: 'crls'})],
  ])('but for %s', (_what, change) => {
    expect(codes(change)).toEqual(['CONFIG_LOST'])
  })
})

describe('an archive is shared', () => {
  const archiving =
    (written: Record<string, string>, id = 1) =>
    (survey: UpgradeSurvey): void => {
      const node = survey.nodes[id]!
      node.config.data = '/var/lib/postgresql/13/main'
      node.target.data = '/var/lib/postgresql/15/main'
      node.settings = Object.entries(written).map(([name, value], line) => ({name, value, file: '/data/x.conf', line}))
    }
  const command = (text: string): Record<string, string> => ({archive_mode: 'on', archive_command: text})

  test.each([
    ['by a command that names the file', command('cp %p /archive/%f')],
    ['by one that keeps every file', command('pgbackrest --stanza=shop archive-push %p')],
    ['by a library', {archive_mode: 'always', archive_library: 'basic_archive', archive_command: ''}],
  ])('%s', (_what, written) => {
    expect(codes(archiving(written))).toEqual(['ARCHIVE_SHARED'])
  })

  test.each([
    ['when nothing is archived', {archive_mode: 'off', archive_command: 'cp %p /archive/%f'}],
    ['when nothing is kept', command('true')],
    ['when the version is looked up', command('cp %p /archive/$(cat PG_VERSION)/%f')],
    ['when the data directory is named, which is rewritten', command('push /var/lib/postgresql/13/main %p')],
  ])('but not %s', (_what, written) => {
    expect(codes(archiving(written))).toEqual([])
  })

  test('but not when the cluster file has another command for the new version, unless that is the same', () => {
    const given = (value: string) => (survey: UpgradeSurvey) => {
      archiving(command('cp %p /archive/%f'))(survey)
      survey.given = {archive_command: value}
    }
    expect(codes(given('cp %p /archive/15/%f'))).toEqual([])
    expect(codes(given('cp %p /archive/%f'))).toEqual(['ARCHIVE_SHARED'])
  })

  test('and the nodes are said once, together', () => {
    const found = upgradeChecks(
      upgradeSurvey((survey) => {
        for (const id of [0, 2]) archiving(command('cp %p /archive/%f'), id)(survey)
      }),
    )
    expect(found.map(({code, node}) => [code, node])).toEqual([['ARCHIVE_SHARED', null]])
    expect(found[0]?.message).toContain('(nodes 0, 2)')
  })
})

describe('pgpool and the cluster file mean one machine', () => {
  const known =
    (hostname: string) =>
    (survey: UpgradeSurvey): void => {
      survey.pool.nodes[1]!.hostname = hostname
      survey.nodes[1]!.configuration!.address = '10.7.7.7'
    }

  test.each(['DB1', 'db1.internal', '10.7.7.7', '/var/run/postgresql', 'localhost'])('by %s', (hostname) => {
    expect(codes(known(hostname))).toEqual([])
  })

  test('but not by another address, unless the site says so', () => {
    expect(codes(known('10.7.7.8'))).toEqual(['ADDRESS_DIFFERS'])
    const [accepted] = upgradeChecks(
      upgradeSurvey((survey) => {
        known('10.7.7.8')(survey)
        survey.request.accept = ['ADDRESS_DIFFERS']
      }),
    )
    expect(accepted?.severity).toBe('warn')
  })
})

test('no trial where it could fill the disk of the running server, and that is said', () => {
  const little = (survey: UpgradeSurvey): void => {
    const space = {what: 'new data', path: '/var/lib', freeBytes: 1.5 * 1024 ** 3, freeInodes: null}
    machine(survey, 0).space.push(space)
    survey.trial = null
    survey.trialSkipped = 'there is too little space'
  }
  expect(trialSpaceShort(machine(upgradeSurvey(little), 0))).not.toBeNull()
  expect(codes(little)).toEqual(['TRIAL_SPACE_SHORT'])
  expect(codes((survey) => Object.assign(survey, {trial: null, trialSkipped: 'x'}))).toEqual(['TRIAL_SKIPPED'])
})

test('a machine is asked of the units and programs of both versions', () => {
  const config = nodeConfig(1, {service: {kind: 'systemd', unit: 'postgresql@13-main'}})
  const commands = {kind: 'commands' as const, start: ['pg15', 'start'], stop: ['pg15', 'stop'], reload: null}
  const target = {data: '/15', bin: '/b', config: null, service: commands}
  expect(serviceActs(config, target)).toEqual([
    {verb: 'stop', unit: 'postgresql@13-main'},
    {verb: 'start', unit: 'postgresql@13-main'},
    {verb: 'stop', program: 'pg15'},
    {verb: 'start', program: 'pg15'},
  ])
  expect(serviceActs(nodeConfig(1), {...target, service: {kind: 'pg_ctl'}})).toEqual([])
})

test('jobs that run inside the server are said', () => {
  const jobs = (survey: UpgradeSurvey): void => {
    survey.content!.extensions.push({database: 'shop', name: 'pg_cron', version: '1.6'})
  }
  expect(codes(jobs)).toEqual(['SCHEDULED_JOBS'])
})

import {expect, test} from 'vitest'
import {inPlace, placeIn, placeOf, upgradeTarget} from '../../../src/cluster/upgrade-target.js'
import {nodeConfig} from '../../support/builders.js'

const at = (data: string, bin: string, more = {}) => upgradeTarget(nodeConfig(0, {data, bin, ...more}), 13, 15)

test('the new cluster is where the distribution would put it', () => {
  const config = '/etc/postgresql/13/main/postgresql.conf'
  expect(at('/var/lib/postgresql/13/main', '/usr/lib/postgresql/13/bin', {config})).toEqual({
    data: '/var/lib/postgresql/15/main',
    bin: '/usr/lib/postgresql/15/bin',
    config: '/etc/postgresql/15/main/postgresql.conf',
    service: {kind: 'pg_ctl'},
  })
  expect(at('/var/lib/pgsql/13/data', '/usr/pgsql-13/bin')).toMatchObject({
    data: '/var/lib/pgsql/15/data',
    bin: '/usr/pgsql-15/bin',
  })
})

test('a directory without a version in its path gets a sibling', () => {
  expect(at('/srv/db113/data', '/usr/lib/postgresql/13/bin').data).toBe('/srv/db113/data-15')
})

test('what the cluster file says goes first', () => {
  const upgrade = {bin: '/opt/pg15/bin', data: null}
  expect(at('/srv/data', '/usr/lib/postgresql/13/bin', {upgrade})).toMatchObject({
    data: '/srv/data-15',
    bin: '/opt/pg15/bin',
  })
})

test('a configuration without a version in its path gets a sibling directory', () => {
  expect(at('/srv/data', '/usr/lib/postgresql/13/bin', {config: '/srv/etc/postgresql.conf'}).config).toBe(
    '/srv/etc-15/postgresql.conf',
  )
})

test('a unit gets the new number, and one without a number stays', () => {
  const unit = (name: string) => at('/d', '/b', {service: {kind: 'systemd', unit: name}}).service
  expect(unit('postgresql@13-main')).toEqual({kind: 'systemd', unit: 'postgresql@15-main'})
  expect(unit('postgresql-13.service')).toEqual({kind: 'systemd', unit: 'postgresql-15.service'})
  expect(unit('postgresql')).toEqual({kind: 'systemd', unit: 'postgresql'})
})

test("a site's own words get the new number and the new directories", () => {
  const start = ['pg_ctlcluster', '13', 'main', 'start', '--', '-o', '-c hba_file=/srv/data/hba']
  const service = {
    kind: 'commands',
    start,
    stop: ['/usr/lib/postgresql/13/bin/pg_ctl', '-D', '/srv/data'],
    reload: null,
  }
  expect(at('/srv/data', '/usr/lib/postgresql/13/bin', {service}).service).toEqual({
    kind: 'commands',
    start: ['pg_ctlcluster', '15', 'main', 'start', '--', '-o', '-c hba_file=/srv/data-15/hba'],
    stop: ['/usr/lib/postgresql/15/bin/pg_ctl', '-D', '/srv/data-15'],
    reload: null,
  })
})

test("Debian's configuration names the new cluster, and the site's archive stays the site's", () => {
  const config = '/etc/postgresql/13/main/postgresql.conf'
  const old = nodeConfig(0, {data: '/var/lib/postgresql/13/main', bin: '/usr/lib/postgresql/13/bin', config})
  const text = (n: number, archived: number): string => `data_directory = '/var/lib/postgresql/${n}/main'
hba_file = '/etc/postgresql/${n}/main/pg_hba.conf'
external_pid_file = '/var/run/postgresql/${n}-main.pid'
cluster_name = '${n}/main'
archive_command = 'cp %p /archive/${archived}/main/%f'
restore_command = 'cp /var/lib/postgresql/${archived}/mainly/%f %p'
`
  expect(inPlace(text(13, 13), placeOf(old), upgradeTarget(old, 13, 15))).toBe(text(15, 13))
})

test('a place is read back as it was written, from a note of before it had a configuration too', () => {
  const place = placeOf(nodeConfig(0, {service: {kind: 'commands', start: ['a'], stop: ['b'], reload: null}}))
  expect(placeIn(JSON.parse(JSON.stringify(place)))).toEqual(place)
  expect(placeIn({data: '/d', bin: '/b'})).toEqual({data: '/d', bin: '/b', config: null, service: {kind: 'pg_ctl'}})
  for (const other of [null, 'x', {data: '/d'}, {...place, service: {kind: 'hope'}}, {...place, config: 1}]) {
    expect(placeIn(other)).toBeNull()
  }
})

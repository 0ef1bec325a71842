import {expect, test} from 'vitest'
import {upgradeTarget} from '../../../src/cluster/upgrade-target.js'
import {nodeConfig} from '../../support/builders.js'

const at = (data: string, bin: string, more = {}) => upgradeTarget(nodeConfig(0, {data, bin, ...more}), 13, 15)

test('the new cluster is where the distribution would put it', () => {
  const config = '/etc/postgresql/13/main/postgresql.conf'
  expect(at('/var/lib/postgresql/13/main', '/usr/lib/postgresql/13/bin', {config})).toEqual({
    data: '/var/lib/postgresql/15/main',
    bin: '/usr/lib/postgresql/15/bin',
    config: '/etc/postgresql/15/main/postgresql.conf',
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

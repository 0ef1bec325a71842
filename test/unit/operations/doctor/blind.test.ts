/** No check calls well what it could not look at. */
import {describe, expect, test} from 'vitest'
import {CHECKS} from '../../../../src/operations/doctor/catalog.js'
import {runCheck} from '../../../../src/operations/doctor/check.js'
import {viewsOf} from '../../../../src/operations/doctor/needs.js'
import type {Snapshot, ViewName} from '../../../../src/operations/doctor/snapshot.js'
import {healthySnapshot, unseen, type TestSnapshot} from '../../../support/doctor-snapshot.js'
import {watchdogInfo} from '../../../support/fake-pools.js'

type Fail = (site: TestSnapshot, code: string) => void

const FAIL: Readonly<Record<ViewName, Fail>> = {
  pcp: ({pools}, code) => pools.forEach((pool) => (pool.pcp = unseen(code, 'refused'))),
  watchdog: ({pools}, code) => pools.forEach((pool) => (pool.watchdog = unseen(code, 'refused'))),
  sql: ({pools}, code) => pools.forEach((pool) => (pool.sql = unseen(code, 'refused'))),
  'pgpool-host': ({pools}, code) => pools.forEach((pool) => (pool.host = unseen(code, 'refused'))),
  server: ({nodes}, code) => nodes.forEach((node) => (node.server = unseen(code, 'refused'))),
  'node-host': ({nodes}, code) => nodes.forEach((node) => (node.host = unseen(code, 'refused'))),
  login: ({logins}, code) => logins.forEach((login) => (login.refusal = unseen(code, 'refused'))),
  hook: ({pools}, code) => pools.forEach((pool) => (pool.hooks = unseen(code, 'refused'))),
  link: ({links}, code) => links.forEach((link) => (link.look = unseen(code, 'refused'))),
}

function without(views: readonly ViewName[], code: string): Snapshot {
  const site = healthySnapshot(3)
  site.pools.forEach((pool, own) => (pool.watchdog = {seen: true, value: watchdogInfo(own)}))
  const about = {pool: 'proxy1:9898', node: 0, setting: 'sr_check_user', user: 'pgpool', database: 'postgres'}
  site.logins = [{...about, refusal: {seen: true, value: null}}]
  for (const view of views) FAIL[view](site, code)
  return site
}

const CODES = ['PCP_UNREACHABLE', 'POSTGRES_UNREACHABLE', 'SSH_UNREACHABLE', 'HOST_LOST', 'unexpected', 'not-asked']

describe('a check of the doctor', () => {
  test.each(CHECKS.map((check) => [check.id, check] as const))('%s is not OK where nothing was seen', (_, check) => {
    const views = viewsOf(check)
    expect(views).not.toEqual([])
    // A failure that answers the check's own question is another matter; one that comes from elsewhere is none.
    const codes = CODES.filter((code) => check.answeredBy?.(code) !== true)
    expect(codes).toContain('not-asked')
    for (const code of codes) expect([code, runCheck(check, without(views, code)).status]).not.toEqual([code, 'ok'])
    expect(runCheck(check, without(views, 'not-asked')).status).toBe('unknown')
  })

  test.each(CHECKS.map((check) => [check.id, check] as const))(
    '%s is not OK without one thing it needs',
    (_, check) => {
      for (const need of check.needs) {
        const status = runCheck(check, without(viewsOf({needs: [need]}), 'unexpected')).status
        expect([need, status]).not.toEqual([need, 'ok'])
      }
    },
  )

  test('says of which pgpool and of which node it saw nothing', () => {
    const site = healthySnapshot(3)
    site.pools[1]!.watchdog = unseen('PCP_UNREACHABLE', 'refused')
    site.nodes[0]!.server = unseen('POSTGRES_UNREACHABLE', 'gone')
    const blind = (id: string) =>
      runCheck(
        CHECKS.find((check) => check.id === id)!,
        site,
      ).blind
    expect(blind('watchdog-quorum')).toEqual([{node: null, pool: 'proxy2:9898', reason: 'refused'}])
    expect(blind('one-primary')).toEqual([{node: 0, pool: null, reason: 'gone'}])
    expect(blind('server-answers')).toEqual([])
  })

  test('says nothing of a file that it may not read', () => {
    const site = healthySnapshot()
    const {host} = site.pools[0]!
    if (host.seen)
      host.value.unreadable = ['pcp.conf', 'pool_hba.conf', 'pgpool_status'].map((name) => `/etc/pgpool2/${name}`)
    const unknown = CHECKS.filter((check) => runCheck(check, site).status !== 'ok').map(({id}) => id)
    expect(unknown).toEqual(['pcp-conf-hash', 'pool-status-file', 'pool-hba-methods', 'pgpool-version'])
  })

  test('takes a refused login for the answer that it is, and nothing else', () => {
    const site = healthySnapshot()
    site.pools[0]!.pcp = unseen('PCP_LOGIN_REFUSED', 'no')
    const status = (id: string) =>
      runCheck(
        CHECKS.find((check) => check.id === id)!,
        site,
      ).status
    expect([status('pcp-answers'), status('pcp-login'), status('node-attached')]).toEqual(['ok', 'critical', 'unknown'])
  })

  test('does not know the release of a pgpool that does not tell it', () => {
    const site = healthySnapshot()
    const {sql} = site.pools[0]!
    if (sql.seen) sql.value.version = null
    const status = (id: string) =>
      runCheck(
        CHECKS.find((check) => check.id === id)!,
        site,
      ).status
    expect(['pgpool-version', 'pgpool-tested', 'pgpools-alike'].map(status)).toEqual(['unknown', 'unknown', 'unknown'])
  })
})

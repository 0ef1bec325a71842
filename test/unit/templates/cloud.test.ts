/** The watchdog hooks for clouds, run against stand-ins for aws, curl and ip that write down the words they were given. */
import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import type {HookRun} from '../../../src/cluster/hook-run.js'
import {hookRunsFrom} from '../../../src/hosts/hook-runs.js'
import {packageFile} from '../../../src/lib/package-file.js'
import {renderVariant} from '../../../src/templates/variants.js'

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'poolctl-cloud-test-'))
})
afterAll(async () => {
  await rm(home, {recursive: true})
})

/** Writes its words, one JSON-like line a call, answers with the file of its subcommand, and fails when told to. */
const STAND_IN = `#!/bin/sh
name=\${0##*/}
line=$name
for word; do line="$line|$word"; done
printf '%s\\n' "$line" >>"$STAND_IN/calls"
if [ -e "$STAND_IN/fail-$name" ]; then cat "$STAND_IN/fail-$name" >&2; exit 7; fi
case $name in
curl)
  case "$*" in
  *latest/api/token*) echo TOKEN ;;
  *meta-data/instance-id) echo i-0own ;;
  *meta-data/mac) echo 0a:00 ;;
  *interface-id) echo eni-0own ;;
  *local-ipv4) echo 10.0.0.7 ;;
  *) exit 22 ;;
  esac ;;
ip)
  if [ "$1" = -o ]; then cat "$STAND_IN/addresses" 2>/dev/null || :
  elif [ -e "$STAND_IN/fail-addr-$2" ]; then cat "$STAND_IN/fail-addr-$2" >&2; exit 2; fi ;;
aws)
  for word; do
    if [ -e "$STAND_IN/fail-$word" ]; then echo "An error occurred $(cat "$STAND_IN/fail-$word")" >&2; exit 254; fi
    if [ -e "$STAND_IN/answer-$word" ]; then cat "$STAND_IN/answer-$word"; fi
  done ;;
esac
exit 0
`

let box: string
beforeEach(async () => {
  box = await mkdtemp(join(home, 'box-'))
  for (const name of ['bin', 'tmp']) await mkdir(join(box, name))
  for (const name of ['aws', 'curl', 'ip']) await writeFile(join(box, 'bin', name), STAND_IN, {mode: 0o755})
})

type Ran = {
  status: number
  stdout: string
  stderr: string
  calls: string[]
  /** What poolctl reads of it. */
  left: Pick<HookRun, 'hook' | 'state' | 'step' | 'text'> | null
}

async function run(variant: string, values: Record<string, string>, verb: string, args: string[] = []): Promise<Ran> {
  const file = (await renderVariant(variant, {region: 'eu-west-1', ...values})).find((one) => one.name === `${verb}.sh`)
  const path = join(box, `${verb}.sh`)
  await writeFile(path, file?.text ?? '', {mode: 0o755})
  const env = {PATH: `${join(box, 'bin')}:/usr/bin:/bin`, STAND_IN: box, TMPDIR: join(box, 'tmp')}
  const ended = await new Promise<Pick<Ran, 'status' | 'stdout' | 'stderr'>>((resolve) => {
    execFile(path, args, {env}, (error, stdout, stderr) => {
      resolve({status: error === null ? 0 : Number(error.code), stdout, stderr})
    })
  })
  const calls = await readFile(join(box, 'calls'), 'utf8').catch(() => '')
  expect(await readdir(join(box, 'tmp'))).toEqual([])
  return {
    ...ended,
    calls: calls.split('\n').filter((line) => line.startsWith('aws|') || /^ip\|addr/.test(line)),
    left: await statusLeft(verb),
  }
}

async function statusLeft(verb: string): Promise<Ran['left']> {
  const parts = ['prelude', 'hook-status'].map((name) => readFile(packageFile(`templates/host/${name}.sh`), 'utf8'))
  const words = ['-c', (await Promise.all(parts)).join('\n'), 'poolctl', join(box, 'poolctl-hooks')]
  const said = await new Promise<string>((resolve) => execFile('sh', words, (_, stdout) => resolve(stdout)))
  const run = hookRunsFrom(said).find(({hook}) => hook === `${verb}.sh`)
  return run ? {hook: run.hook, state: run.state, step: run.step, text: run.text} : null
}

const AWS = 'aws|--region|eu-west-1'
const ASK = `${AWS}|--output|text`
const seed = (name: string, text = ''): Promise<void> => writeFile(join(box, name), text)
const DENIED = '(AccessDenied) when calling the operation: not authorized'

/** That it fails, and says why where pgpool's log is not looked at. */
function expectTold({status, stderr, left}: Ran, text: string): void {
  expect({status, state: left?.state, text: left?.text}).toEqual({status: 1, state: 'failed', text})
  expect(stderr).toContain(`FAILED: ${text}`)
}

describe('an Elastic IP', () => {
  const values = {allocation: 'eipalloc-0123456789abcdef0'}
  const associate = `${AWS}|ec2|associate-address|--allocation-id|${values.allocation}|--instance-id|i-0own|--allow-reassociation`

  it('is moved here on escalation', async () => {
    expect(await run('aws-elastic-ip', values, 'escalation')).toMatchObject({status: 0, calls: [associate]})
  })
  it('that cannot be moved fails the hook with its words', async () => {
    await seed('fail-associate-address', DENIED)
    const ran = await run('aws-elastic-ip', values, 'escalation')
    expect(ran.calls).toEqual([associate])
    expectTold(ran, `the address ${values.allocation} was not moved here: An error occurred ${DENIED}`)
    expect(ran.left?.step).toBe(associate.replaceAll('|', ' '))
    await rm(join(box, 'fail-associate-address'))
    expect((await run('aws-elastic-ip', values, 'escalation')).left).toMatchObject({state: 'done', text: 'done'})
  })
  it('that cannot be looked at or let go fails the hook, and one that was taken meanwhile does not', async () => {
    await seed('fail-describe-addresses', DENIED)
    const unseen = await run('aws-elastic-ip', values, 'de-escalation')
    expectTold(unseen, `the address ${values.allocation} cannot be looked at: An error occurred ${DENIED}`)
    await rm(join(box, 'fail-describe-addresses'))
    await seed('answer-describe-addresses', 'i-0own\teipassoc-1\n')
    await seed('fail-disassociate-address', DENIED)
    const kept = await run('aws-elastic-ip', values, 'de-escalation')
    expectTold(kept, `the address ${values.allocation} was not let go: An error occurred ${DENIED}`)
    await seed('fail-disassociate-address', '(InvalidAssociationID.NotFound) when calling: it does not exist')
    expect((await run('aws-elastic-ip', values, 'de-escalation')).status).toBe(0)
  })
  it('stays where it is when the metadata service is down', async () => {
    await seed('fail-curl', 'curl: (7) Failed to connect to 169.254.169.254 port 80\n')
    for (const verb of ['escalation', 'de-escalation']) {
      const ran = await run('aws-elastic-ip', values, verb)
      expect(ran.calls).toEqual([])
      expectTold(ran, 'the metadata service gives no token: curl: (7) Failed to connect to 169.254.169.254 port 80')
    }
  })
  it('says that nothing answered in time', async () => {
    await writeFile(join(box, 'bin', 'aws'), '#!/bin/sh\nexec sleep 30\n', {mode: 0o755})
    const ran = await run('aws-elastic-ip', {...values, seconds: '1'}, 'escalation')
    expectTold(ran, `the address ${values.allocation} was not moved here: aws did not end within 1 s`)
  })
  it('is let go on de-escalation only while it is ours', async () => {
    const look = `${ASK}|ec2|describe-addresses|--allocation-ids|${values.allocation}|--query|Addresses[0].[InstanceId,AssociationId]`
    await seed('answer-describe-addresses', 'i-0own\teipassoc-1\n')
    expect(await run('aws-elastic-ip', values, 'de-escalation')).toMatchObject({
      status: 0,
      calls: [look, `${AWS}|ec2|disassociate-address|--association-id|eipassoc-1`],
    })
    await rm(join(box, 'calls'))
    await seed('answer-describe-addresses', 'i-0other\teipassoc-2\n')
    expect(await run('aws-elastic-ip', values, 'de-escalation')).toMatchObject({status: 0, calls: [look]})
  })
})

describe('a secondary private address', () => {
  const values = {address: '10.0.0.50', device: 'ens5'}
  const assign = `${AWS}|ec2|assign-private-ip-addresses|--network-interface-id|eni-0own|--private-ip-addresses|10.0.0.50|--allow-reassignment`
  const unassign = `${AWS}|ec2|unassign-private-ip-addresses|--network-interface-id|eni-0own|--private-ip-addresses|10.0.0.50`

  it('is assigned and then added to the device', async () => {
    expect(await run('aws-private-ip', values, 'escalation')).toMatchObject({
      status: 0,
      calls: [assign, 'ip|addr|add|10.0.0.50/32|dev|ens5'],
    })
  })
  it('that is there is not added again, and one that was not assigned is not added', async () => {
    await seed('addresses', '2: ens5    inet 10.0.0.50/32 scope global ens5\n')
    expect(await run('aws-private-ip', values, 'escalation')).toMatchObject({status: 0, calls: [assign]})
    await rm(join(box, 'addresses'))
    await rm(join(box, 'calls'))
    await seed('fail-assign-private-ip-addresses', DENIED)
    expect(await run('aws-private-ip', values, 'escalation')).toMatchObject({status: 1, calls: [assign]})
  })
  it('is taken from the device first on de-escalation, and having lost it already is no failure', async () => {
    await seed('addresses', '2: ens5    inet 10.0.0.50/32 scope global ens5\n')
    await seed(
      'fail-unassign-private-ip-addresses',
      '(InvalidParameterValue) when calling the UnassignPrivateIpAddresses operation: Some of the specified addresses are not assigned to interface eni-0own',
    )
    expect(await run('aws-private-ip', values, 'de-escalation')).toMatchObject({
      status: 0,
      calls: ['ip|addr|del|10.0.0.50/32|dev|ens5', unassign],
    })
  })
  it.each([
    DENIED,
    '(InvalidParameterValue) when calling: the address is malformed',
    '(RequestLimitExceeded) when calling',
  ])('that cannot be given back fails the hook: %s', async (said) => {
    await seed('fail-unassign-private-ip-addresses', said)
    const ran = await run('aws-private-ip', values, 'de-escalation')
    expectTold(ran, `the address 10.0.0.50 was not given back: An error occurred ${said}`)
  })
  it('that cannot be added to the device, or taken from it, fails the hook', async () => {
    await seed('fail-addr-add', 'RTNETLINK answers: Operation not permitted\n')
    const ran = await run('aws-private-ip', values, 'escalation')
    expectTold(ran, 'the address 10.0.0.50 was not added to ens5: RTNETLINK answers: Operation not permitted')
    await seed('addresses', '2: ens5    inet 10.0.0.50/32 scope global ens5\n')
    await seed('fail-addr-del', 'RTNETLINK answers: Operation not permitted\n')
    const kept = await run('aws-private-ip', values, 'de-escalation')
    expectTold(kept, 'the address 10.0.0.50 was not taken from ens5: RTNETLINK answers: Operation not permitted')
    await seed('fail-ip', 'Device "ens5" does not exist.\n')
    const unseen = await run('aws-private-ip', values, 'de-escalation')
    expectTold(unseen, 'the addresses of ens5 cannot be looked at: Device "ens5" does not exist.')
  })
})

describe('a route-table entry', () => {
  const values = {address: '192.168.0.50', device: 'ens5', table: 'rtb-0123456789abcdef0'}
  const route = (verb: string): string =>
    `${AWS}|ec2|${verb}|--route-table-id|${values.table}|--destination-cidr-block|192.168.0.50/32|--instance-id|i-0own`
  const add = 'ip|addr|add|192.168.0.50/32|dev|ens5'
  const check = `${ASK}|ec2|describe-instance-attribute|--instance-id|i-0own|--attribute|sourceDestCheck|--query|SourceDestCheck.Value`
  const mend = 'aws --region eu-west-1 ec2 modify-instance-attribute --instance-id i-0own --no-source-dest-check'
  const EXISTS = '(RouteAlreadyExists) when calling the CreateRoute operation: it exists'

  it('is created, and replaced where it is there already', async () => {
    await seed('answer-describe-instance-attribute', 'False\n')
    expect(await run('aws-route', values, 'escalation')).toMatchObject({
      status: 0,
      calls: [add, check, route('create-route')],
      left: {state: 'done', text: 'done'},
    })
    await rm(join(box, 'calls'))
    await seed('fail-create-route', EXISTS)
    expect(await run('aws-route', values, 'escalation')).toMatchObject({
      status: 0,
      calls: [add, check, route('create-route'), route('replace-route')],
    })
    await seed('fail-replace-route', DENIED)
    const ran = await run('aws-route', values, 'escalation')
    expectTold(ran, `the route to 192.168.0.50 was not turned here: An error occurred ${DENIED}`)
  })
  it('is turned, and the hook fails with the command that mends it, when EC2 drops what it leads here', async () => {
    await seed('answer-describe-instance-attribute', 'True\n')
    const ran = await run('aws-route', values, 'escalation')
    expect(ran.calls).toEqual([add, check, route('create-route')])
    expectTold(
      ran,
      `the route to 192.168.0.50 leads here, but the source/destination check of i-0own is on and EC2 drops what comes: ${mend}`,
    )
  })
  it('is turned when nobody may look at the check, which is said', async () => {
    await seed('fail-describe-instance-attribute', DENIED)
    const {status, left} = await run('aws-route', values, 'escalation')
    expect({status, left: left?.text}).toEqual({
      status: 0,
      left: `done; whether the source/destination check of i-0own is off cannot be seen (An error occurred ${DENIED}). If it is on: ${mend}`,
    })
  })
  it('is not turned to a machine that does not have the address', async () => {
    await seed('fail-addr-add', 'RTNETLINK answers: Operation not permitted\n')
    const ran = await run('aws-route', values, 'escalation')
    expect(ran.calls).toEqual([add])
    expectTold(ran, 'the address 192.168.0.50 was not added to ens5: RTNETLINK answers: Operation not permitted')
  })
  it('is deleted on de-escalation only while it leads here', async () => {
    const look = `${ASK}|ec2|describe-route-tables|--route-table-ids|${values.table}|--query|RouteTables[0].Routes[?DestinationCidrBlock=='192.168.0.50/32'].InstanceId`
    const drop = `${AWS}|ec2|delete-route|--route-table-id|${values.table}|--destination-cidr-block|192.168.0.50/32`
    await seed('answer-describe-route-tables', 'i-0own\n')
    expect(await run('aws-route', values, 'de-escalation')).toMatchObject({status: 0, calls: [look, drop]})
    await seed('fail-delete-route', DENIED)
    const kept = await run('aws-route', values, 'de-escalation')
    expectTold(kept, `the route to 192.168.0.50 stays: An error occurred ${DENIED}`)
    await seed('fail-delete-route', '(InvalidRoute.NotFound) when calling the DeleteRoute operation: no route')
    expect((await run('aws-route', values, 'de-escalation')).status).toBe(0)
    await rm(join(box, 'calls'))
    await seed('answer-describe-route-tables', 'i-0other\n')
    expect(await run('aws-route', values, 'de-escalation')).toMatchObject({status: 0, calls: [look]})
    await seed('fail-describe-route-tables', DENIED)
    const unseen = await run('aws-route', values, 'de-escalation')
    expectTold(unseen, `the route table ${values.table} cannot be looked at: An error occurred ${DENIED}`)
  })
})

describe('a Route 53 record', () => {
  const values = {zone: 'Z0123456789ABCDEF', record: 'db.example.com', ttl: '15'}
  const batch = (action: string): string =>
    `${AWS}|route53|change-resource-record-sets|--hosted-zone-id|${values.zone}|--change-batch|` +
    `{"Changes":[{"Action":"${action}","ResourceRecordSet":{"Name":"db.example.com","Type":"A","TTL":15,"ResourceRecords":[{"Value":"10.0.0.7"}]}}]}`

  it('is written with the own address, and failing to is a failure', async () => {
    expect(await run('aws-dns', values, 'escalation')).toMatchObject({status: 0, calls: [batch('UPSERT')]})
    await seed('fail-change-resource-record-sets', DENIED)
    const ran = await run('aws-dns', values, 'escalation')
    expectTold(ran, `the record db.example.com was not turned here: An error occurred ${DENIED}`)
  })
  it.each([DENIED, '(InvalidChangeBatch) when calling: the batch is too long', '(Throttling) when calling'])(
    'that cannot be taken back fails the hook: %s',
    async (said) => {
      await seed('fail-change-resource-record-sets', said)
      const ran = await run('aws-dns', values, 'de-escalation')
      expectTold(ran, `the record db.example.com was not taken back: An error occurred ${said}`)
    },
  )
  it.each(['but the values provided do not match the current values]', 'but it was not found]'])(
    'is deleted on de-escalation only as we wrote it: %s',
    async (said) => {
      await seed(
        'fail-change-resource-record-sets',
        `(InvalidChangeBatch) when calling the ChangeResourceRecordSets operation: [Tried to delete resource record set [name='db.example.com.', type='A'] ${said}`,
      )
      const ran = await run('aws-dns', values, 'de-escalation')
      expect({status: ran.status, calls: ran.calls}).toEqual({status: 0, calls: [batch('DELETE')]})
      expect(ran.stderr).toContain('the record db.example.com is not ours any more')
    },
  )
})

it('a dry run of every hook says what it would run, and runs nothing', async () => {
  const all: [string, Record<string, string>][] = [
    ['aws-elastic-ip', {allocation: 'eipalloc-0123456789abcdef0'}],
    ['aws-private-ip', {address: '10.0.0.50'}],
    ['aws-route', {address: '192.168.0.50', table: 'rtb-0123456789abcdef0'}],
    ['aws-dns', {zone: 'Z0123456789ABCDEF', record: 'db.example.com'}],
  ]
  for (const [variant, values] of all) {
    for (const verb of ['escalation', 'de-escalation']) {
      const ran = await run(variant, values, verb, ['--dry-run'])
      expect({variant, verb, status: ran.status, calls: ran.calls}).toEqual({variant, verb, status: 0, calls: []})
      expect(ran.stdout).toMatch(/^(?:'ip' .*\n)?'aws' '--region' 'eu-west-1' /)
      expect(ran.left).toBeNull()
      if (variant === 'aws-route' && verb === 'escalation')
        expect(ran.stdout).toMatch(/ 'create-route' .*\n'aws' .* 'replace-route' /)
    }
  }
})

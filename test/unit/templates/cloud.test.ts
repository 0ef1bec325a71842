/** The watchdog hooks for clouds, run against stand-ins for aws, curl and ip that write down the words they were given. */
import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
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
ip) if [ "$1" = -o ]; then cat "$STAND_IN/addresses" 2>/dev/null || :; fi ;;
aws)
  for word; do
    if [ -e "$STAND_IN/fail-$word" ]; then echo "An error occurred ($word)" >&2; exit 254; fi
    if [ -e "$STAND_IN/answer-$word" ]; then cat "$STAND_IN/answer-$word"; fi
  done ;;
esac
exit 0
`

let box: string
beforeEach(async () => {
  box = await mkdtemp(join(home, 'box-'))
  await mkdir(join(box, 'bin'))
  for (const name of ['aws', 'curl', 'ip']) await writeFile(join(box, 'bin', name), STAND_IN, {mode: 0o755})
})

type Ran = {status: number; stdout: string; stderr: string; calls: string[]}

async function run(variant: string, values: Record<string, string>, verb: string, args: string[] = []): Promise<Ran> {
  const file = (await renderVariant(variant, {region: 'eu-west-1', ...values})).find((one) => one.name === `${verb}.sh`)
  const path = join(box, `${verb}.sh`)
  await writeFile(path, file?.text ?? '', {mode: 0o755})
  const env = {PATH: `${join(box, 'bin')}:/usr/bin:/bin`, STAND_IN: box}
  const ended = await new Promise<Omit<Ran, 'calls'>>((resolve) => {
    execFile(path, args, {env}, (error, stdout, stderr) => {
      resolve({status: error === null ? 0 : Number(error.code), stdout, stderr})
    })
  })
  const calls = await readFile(join(box, 'calls'), 'utf8').catch(() => '')
  return {...ended, calls: calls.split('\n').filter((line) => line.startsWith('aws|') || /^ip\|addr/.test(line))}
}

const AWS = 'aws|--region|eu-west-1'
const ASK = `${AWS}|--output|text`
const seed = (name: string, text = ''): Promise<void> => writeFile(join(box, name), text)

describe('an Elastic IP', () => {
  const values = {allocation: 'eipalloc-0123456789abcdef0'}
  const associate = `${AWS}|ec2|associate-address|--allocation-id|${values.allocation}|--instance-id|i-0own|--allow-reassociation`

  it('is moved here on escalation', async () => {
    expect(await run('aws-elastic-ip', values, 'escalation')).toMatchObject({status: 0, calls: [associate]})
  })
  it('that cannot be moved fails the hook with its words', async () => {
    await seed('fail-associate-address')
    const ran = await run('aws-elastic-ip', values, 'escalation')
    expect({status: ran.status, calls: ran.calls}).toEqual({status: 1, calls: [associate]})
    expect(ran.stderr).toMatch(
      /An error occurred .*\n.* FAILED: the address eipalloc-0123456789abcdef0 was not moved here/,
    )
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
    await seed('fail-assign-private-ip-addresses')
    expect(await run('aws-private-ip', values, 'escalation')).toMatchObject({status: 1, calls: [assign]})
  })
  it('is taken from the device first on de-escalation, and having lost it already is no failure', async () => {
    await seed('addresses', '2: ens5    inet 10.0.0.50/32 scope global ens5\n')
    await seed('fail-unassign-private-ip-addresses')
    expect(await run('aws-private-ip', values, 'de-escalation')).toMatchObject({
      status: 0,
      calls: ['ip|addr|del|10.0.0.50/32|dev|ens5', unassign],
    })
  })
})

describe('a route-table entry', () => {
  const values = {address: '192.168.0.50', device: 'ens5', table: 'rtb-0123456789abcdef0'}
  const route = (verb: string): string =>
    `${AWS}|ec2|${verb}|--route-table-id|${values.table}|--destination-cidr-block|192.168.0.50/32|--instance-id|i-0own`
  const add = 'ip|addr|add|192.168.0.50/32|dev|ens5'

  it('is created, and replaced where it is there already', async () => {
    expect(await run('aws-route', values, 'escalation')).toMatchObject({status: 0, calls: [add, route('create-route')]})
    await rm(join(box, 'calls'))
    await seed('fail-create-route')
    expect(await run('aws-route', values, 'escalation')).toMatchObject({
      status: 0,
      calls: [add, route('create-route'), route('replace-route')],
    })
    await rm(join(box, 'calls'))
    await seed('fail-replace-route')
    expect((await run('aws-route', values, 'escalation')).status).toBe(1)
  })
  it('is deleted on de-escalation only while it leads here', async () => {
    const look = `${ASK}|ec2|describe-route-tables|--route-table-ids|${values.table}|--query|RouteTables[0].Routes[?DestinationCidrBlock=='192.168.0.50/32'].InstanceId`
    await seed('answer-describe-route-tables', 'i-0own\n')
    expect(await run('aws-route', values, 'de-escalation')).toMatchObject({
      status: 0,
      calls: [
        look,
        `${AWS}|ec2|delete-route|--route-table-id|${values.table}|--destination-cidr-block|192.168.0.50/32`,
      ],
    })
    await rm(join(box, 'calls'))
    await seed('answer-describe-route-tables', 'i-0other\n')
    expect(await run('aws-route', values, 'de-escalation')).toMatchObject({status: 0, calls: [look]})
  })
})

describe('a Route 53 record', () => {
  const values = {zone: 'Z0123456789ABCDEF', record: 'db.example.com', ttl: '15'}
  const batch = (action: string): string =>
    `${AWS}|route53|change-resource-record-sets|--hosted-zone-id|${values.zone}|--change-batch|` +
    `{"Changes":[{"Action":"${action}","ResourceRecordSet":{"Name":"db.example.com","Type":"A","TTL":15,"ResourceRecords":[{"Value":"10.0.0.7"}]}}]}`

  it('is written with the own address, and failing to is a failure', async () => {
    expect(await run('aws-dns', values, 'escalation')).toMatchObject({status: 0, calls: [batch('UPSERT')]})
    await seed('fail-change-resource-record-sets')
    expect((await run('aws-dns', values, 'escalation')).status).toBe(1)
  })
  it('is deleted on de-escalation only as we wrote it', async () => {
    await seed('fail-change-resource-record-sets')
    const ran = await run('aws-dns', values, 'de-escalation')
    expect({status: ran.status, calls: ran.calls}).toEqual({status: 0, calls: [batch('DELETE')]})
    expect(ran.stderr).toContain('the record db.example.com is not ours any more')
  })
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
    }
  }
})

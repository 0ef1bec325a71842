/** What a site needs besides the plain scripts: rendered to be read and placed by hand, because where it goes is the site's own. */
import {UsageError} from '../lib/errors.js'
import {shellWord} from '../lib/shell-word.js'
import {count, fill, setting, templateText, word, type Value, type Values} from './template.js'

type Need = {what: string; pattern: RegExp; fallback: string | null}
type Rendered = {name: string; text: string; executable: boolean}
type Given = Readonly<Record<string, string>>

type Variant = {
  summary: string
  needs: Readonly<Record<string, Need>>
  files: readonly {name: string; parts: readonly string[]; executable: boolean; values: (given: Given) => Values}[]
}

const need = (what: string, pattern: RegExp, fallback: string | null = null): Need => ({what, pattern, fallback})

const HOST = /^[A-Za-z0-9][A-Za-z0-9.:-]*$/
const SECONDS = need('longest time of one command, in seconds', /^[1-9]\d{0,4}$/, '30')
const REGION = need('AWS region', /^[a-z]{2}(?:-[a-z]+)+-\d$/)
const ADDRESS = need('the address that clients use', /^\d{1,3}(?:\.\d{1,3}){3}$/)
const DEVICE = need('network device that gets it', /^[A-Za-z0-9_.-]{1,15}$/, 'eth0')
const HOOK_PLACE = need('directory of the two hooks, with a plain name', /^\/[\w./@+: -]*$/, '/etc/pgpool2')
const DELEGATE = need(
  'how pgpool.conf of this release spells it: delegate_IP or delegate_ip',
  /^delegate_(?:IP|ip)$/,
  'delegate_IP',
)
const PLACE = need('absolute path', /^\/\S[^\n\r\0]*$/)

/** Escalation and its way back, of one method. */
function cloud(method: string, summary: string, needs: Variant['needs']): Variant {
  const values =
    (verb: string) =>
    (given: Given): Values => ({
      variant: {kind: 'comment', text: method},
      verb: {kind: 'script', text: verb},
      region: word(given['region'] ?? ''),
      seconds: count(Number(given['seconds'])),
      ...Object.fromEntries(
        Object.keys(needs).map((key): [string, Value] => [
          key,
          key === 'ttl' ? count(Number(given[key])) : word(given[key] ?? ''),
        ]),
      ),
    })
  const parts = ['variants/cloud.sh', `variants/${method}.sh`]
  return {
    summary,
    needs: {region: REGION, seconds: SECONDS, ...needs, directory: HOOK_PLACE, delegate: DELEGATE},
    files: [
      ...['escalation', 'de-escalation'].map((verb) => ({
        name: `${verb}.sh`,
        parts,
        executable: true,
        values: values(verb),
      })),
      {name: `pgpool-${method}.conf`, parts: ['variants/cloud.conf'], executable: false, values: fragment(method)},
    ],
  }
}

/** Called as `hookSettings` has pgpool call its own hooks. */
const fragment =
  (method: string) =>
  (given: Given): Values => ({
    variant: {kind: 'comment', text: method},
    directory: {kind: 'comment', text: given['directory'] ?? ''},
    escalation: setting(`"${given['directory']}/escalation.sh"`),
    deEscalation: setting(`"${given['directory']}/de-escalation.sh"`),
    delegate: {kind: 'script', text: given['delegate'] ?? ''},
  })

function managed(name: string, summary: string): Variant {
  return {
    summary,
    needs: {
      writer: need('name of the endpoint or service that writes go to', HOST),
      reader: need('name of the endpoint or service of the replicas', HOST),
      port: need('port of both', /^\d{1,5}$/, '5432'),
    },
    files: [
      {
        name: `pgpool-${name}.conf`,
        parts: [`variants/${name}.conf`],
        executable: false,
        values: (given) => ({
          writer: setting(given['writer'] ?? ''),
          reader: setting(given['reader'] ?? ''),
          port: count(Number(given['port'])),
        }),
      },
    ],
  }
}

const archive = (given: Given): Values => ({
  archive: word(given['archive'] ?? ''),
  seconds: count(Number(given['seconds'])),
})

export const VARIANTS: Readonly<Record<string, Variant>> = {
  'aws-elastic-ip': cloud('aws-elastic-ip', 'watchdog hooks that move an Elastic IP', {
    allocation: need('allocation id of the address', /^eipalloc-[0-9a-f]{8,17}$/),
  }),
  'aws-private-ip': cloud('aws-private-ip', 'watchdog hooks that move a secondary private address', {
    address: ADDRESS,
    device: DEVICE,
  }),
  'aws-route': cloud('aws-route', 'watchdog hooks that turn a route-table entry', {
    address: ADDRESS,
    device: DEVICE,
    table: need('route table', /^rtb-[0-9a-f]{8,17}$/),
  }),
  'aws-dns': cloud('aws-dns', 'watchdog hooks that rewrite a Route 53 A record', {
    zone: need('hosted zone', /^[A-Z0-9]{8,32}$/),
    record: need('name of the record', HOST),
    ttl: need('seconds that others may keep it', /^[1-9]\d{0,5}$/, '10'),
  }),
  aurora: managed('aurora', 'pgpool.conf for Aurora or RDS, which fail over by themselves'),
  kubernetes: managed('kubernetes', 'pgpool.conf for the primary and replica services of an operator'),
  'warm-standby': {
    summary: 'a standby fed by archived WAL: archive and restore scripts, postgresql.conf',
    needs: {
      archive: {...PLACE, what: 'directory of the archive, mounted on both nodes'},
      directory: {...PLACE, what: 'directory of the two scripts on the nodes', fallback: '/etc/poolctl'},
      seconds: SECONDS,
    },
    files: [
      {name: 'archive_wal.sh', parts: ['variants/archive_wal.sh'], executable: true, values: archive},
      {name: 'restore_wal.sh', parts: ['variants/restore_wal.sh'], executable: true, values: archive},
      {
        name: 'postgresql-warm-standby.conf',
        parts: ['variants/warm-standby.conf'],
        executable: false,
        values: (given) => ({
          directory: {kind: 'comment', text: given['directory'] ?? ''},
          // A percent sign of the path would be read as one of the server's own placeholders.
          archiveCommand: setting(`${calls(given, 'archive_wal.sh')} "%p" %f`),
          restoreCommand: setting(`${calls(given, 'restore_wal.sh')} %f "%p"`),
        }),
      },
    ],
  },
}

function calls(given: Given, name: string): string {
  return shellWord(`${given['directory'] ?? ''}/${name}`).replaceAll('%', '%%')
}

/** @throws UsageError naming every value that is missing, unknown or wrong. */
export async function renderVariant(name: string, given: Given): Promise<Rendered[]> {
  const variant = VARIANTS[name]
  if (!variant) throw new UsageError({code: 'VARIANT_UNKNOWN', message: `there is no variant "${name}"`})
  const values = checked(name, variant, given)
  return Promise.all(
    variant.files.map(async ({name: file, parts, executable, values: of}) => {
      const text = (await Promise.all(parts.map((part) => templateText(`pgpool/${part}`)))).join('')
      return {name: file, text: fill(file, text, of(values)), executable}
    }),
  )
}

function checked(name: string, {needs}: Variant, given: Given): Given {
  const problems = Object.keys(given)
    .filter((key) => !(key in needs))
    .map((key) => `${key} is not a value of ${name}`)
  const values: Record<string, string> = {}
  for (const [key, {what, pattern, fallback}] of Object.entries(needs)) {
    const value = given[key] ?? fallback
    if (value === null) problems.push(`${key} is missing (${what})`)
    else if (!pattern.test(value)) problems.push(`${key} does not fit: ${JSON.stringify(value)} (${what})`)
    else values[key] = value
  }
  if (problems.length === 0) return values
  throw new UsageError({
    code: 'VARIANT_VALUES',
    message: `variant ${name} needs other values`,
    detail: problems.join('\n'),
    hint: `For example: --set ${Object.keys(needs)[0]}=VALUE`,
  })
}

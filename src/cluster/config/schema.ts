/**
 * The cluster file as people write it (design §4): what may stand where. `schema/cluster-file.json` is made from this, so an
 * editor knows the same rules. Defaults are filled in by `parse.ts`, which knows the file's directory and the user.
 */
import {z} from 'zod'
import {parseDuration, parseSize} from './units.js'

/** Names that reach a remote command as an argument: one that begins with a dash would be read as an option there. */
const name = z
  .string()
  .min(1, 'must not be empty')
  .refine((text) => !text.startsWith('-'), 'must not begin with a dash')

  .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), 'must not hold control characters')

const port = z.int('must be a whole number').min(1, 'must be 1 to 65535').max(65_535, 'must be 1 to 65535')

/** A path on a node or on the pgpool host. There is no home directory to resolve `~` against without asking that host. */
const remotePath = name.refine((text) => text.startsWith('/'), 'must be an absolute path on that host')

/** A path on the machine poolctl runs on: `~` and paths relative to the cluster file are allowed. */
const localPath = name

const argumentList = z.array(z.string()).min(1, 'must name a program')

const service = z.union(
  [name, z.strictObject({start: argumentList, stop: argumentList, reload: argumentList.optional()})],
  'must be a name (pg_ctl or a systemd unit) or {start: [..], stop: [..], reload: [..]}',
)

const size = z.string().refine((text) => parseSize(text) !== null, 'must be a size such as 16MB (B, kB, MB, GB, TB)')
const duration = z
  .string()
  .refine((text) => parseDuration(text) !== null, 'must be a duration such as 10m (ms, s, m, h)')

const pcp = z.strictObject({
  host: name.optional(),
  port: port.optional(),
  user: name,
  passfile: localPath.optional(),
  via: z.enum(['ssh', 'tcp', 'socket'], 'must be ssh, tcp or socket').optional(),
})

const pgpool = z.strictObject({
  host: name,
  pcp,
  address: name.optional(),
  port: port.optional(),
  config: remotePath.optional(),
  service: service.optional(),
  sshPort: port.optional(),
})

const node = z.strictObject({
  id: z.int('must be a whole number').min(0, 'must be 0 to 127').max(127, 'must be 0 to 127'),
  host: name,
  address: name.optional(),
  port: port.optional(),
  data: remotePath,
  bin: remotePath,
  config: remotePath.optional(),
  service: service.optional(),
  work: remotePath.optional(),
  slot: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/, 'must be 1 to 63 lower-case letters, digits or underscores')
    .optional(),
  sshPort: port.optional(),
  upgrade: z
    .strictObject({
      bin: remotePath.optional(),
      data: remotePath.optional(),
      config: remotePath.optional(),
      service: service.optional(),
    })
    .optional(),
})

const ssh = z.strictObject({
  user: name.optional(),
  port: port.optional(),
  identity: localPath.optional(),
  knownHosts: localPath.optional(),
  transport: z.enum(['ssh2', 'openssh'], 'must be ssh2 or openssh').optional(),
  peerIdentity: remotePath.optional(),
  peerKnownHosts: remotePath.optional(),
})

const postgres = z.strictObject({
  user: name.optional(),
  database: name.optional(),
  passfile: localPath.optional(),
  replicationUser: name.optional(),
  replicationPassfile: remotePath.optional(),
})

/** They differ from node to node, and the upgrade itself says what they are. */
const OWN =
  /^(?:data_directory|config_file|hba_file|ident_file|external_pid_file|port|primary_conninfo|primary_slot_name|include(?:_.*)?|recovery_target.*)$/i

const settingValue = z.union([z.string(), z.number(), z.boolean()], 'must be text, a number, true or false')

const newSettings = z.record(z.string(), settingValue).superRefine((settings, context) => {
  const problem = (key: string, message: string): void => context.addIssue({code: 'custom', path: [key], message})
  for (const [key, value] of Object.entries(settings)) {
    if (OWN.test(key)) problem(key, 'is set by the upgrade itself')
    else if (!/^[A-Za-z_][\w.$]*$/.test(key)) problem(key, 'is not a name of a setting')
    if (/[\u0000-\u001f\u007f]/.test(String(value))) problem(key, 'must not hold control characters')
  }
})

export const clusterFileSchema = z.strictObject({
  cluster: name,
  pgpool: z.array(pgpool).min(1, 'must list at least one pgpool'),
  nodes: z.array(node).min(1, 'must list at least one node'),
  ssh: ssh.optional(),
  postgres: postgres.optional(),
  limits: z.strictObject({maxLag: size.optional(), stepTimeout: duration.optional()}).optional(),
  upgrade: z.strictObject({settings: newSettings}).optional(),
})

export type WrittenClusterFile = z.infer<typeof clusterFileSchema>
export type WrittenService = z.infer<typeof service>

/** What the codes of pgpool, PostgreSQL, SSH and the hosts mean. */
export const SITE_CODES: Readonly<Record<string, string>> = {
  PROGRAMS_NOT_FOUND:
    'init found no PostgreSQL programs on the node that can read its data directory. Name their directory with --bin, or correct the guess in the file.',
  SETTINGS_ASSUMED:
    'init cannot ask for these settings, so the file holds what is usual. Correct those that this site does otherwise; comments mark them.',
  PCP_BUSY:
    'pgpool is between two states (a failover is in progress) and refuses PCP for some seconds. Reads were repeated already; try again.',
  PCP_CONNECTION_CLOSED:
    'pgpool closed the PCP connection before it answered, as it does when its PCP process restarts after a failover.',
  PCP_HOST_MISSING:
    '--port or --username was given without --host. Flags name a pgpool only together; without them the cluster file is used.',
  PCP_LOGIN_REFUSED:
    'pgpool does not know the PCP user, or the password is wrong. pcp.conf holds md5 hashes (pg_md5); the password comes from $PCPPASSFILE or ~/.pcppass.',
  PCP_MALFORMED_ANSWER:
    'What answered on the PCP port does not speak PCP. Look whether the port is the one of pcp_port.',
  PCP_NO_ANSWER:
    'pgpool accepted the connection and did not answer in time. A node that is switched off makes pgpool wait for it; --timeout gives more time.',
  PCP_NO_NODES:
    'pgpool answered that it has no node. pgpool.conf has no backend_hostname0, or what answered is not pgpool.',
  PCP_NO_SUCH_MEMBER: 'The watchdog of pgpool has no member of that number.',
  PCP_NO_SUCH_NODE:
    'pgpool has no node of that number, or it is an unused slot. List the nodes with: poolctl node-info',
  PCP_NO_SWITCHOVER:
    'pgpool before 4.3 has no switchover: its promote only changes what it believes and marks the real primary down.',
  PCP_OUTCOME_UNKNOWN:
    'The request was sent and the answer was lost. It may have happened: look with poolctl node-info before anything is repeated.',
  PCP_PASSFILE_PERMISSIONS: 'Others can read the password file, so it is not used. Mend it with: chmod 600 FILE',
  PCP_PASSFILE_UNUSABLE: 'The password file is no regular file, or cannot be read.',
  PCP_RECOVERY_FAILED:
    "pgpool began an online recovery and gave it up. Its own log and the scripts in the primary's data directory say why.",
  PCP_REFUSED: 'pgpool said no. Its own words are in the message.',
  PCP_SWITCHOVER_NOT_CONFIGURED: 'pgpool cannot switch over without failover_command and follow_primary_command.',
  PCP_UNKNOWN_LAYOUT:
    'This version of pgpool sends more or fewer fields than any version known to poolctl. Nothing was guessed. Please report it with the version.',
  PCP_UNREACHABLE:
    'Nothing listens on the PCP port. pgpool is not running, is still searching its primary at start-up, or listens on another address (pcp_listen_addresses).',
  PCP_UNSUPPORTED: 'This version of pgpool does not know the command.',
  PCP_USER_INVALID: "The PCP user name does not fit into PCP's login message.",
  PGPOOL_CONFIG_MISSING: 'There is no pgpool.conf at the path in the cluster file. Correct pgpool.config.',
  POSTGRES_ACT_FAILED: 'The server was asked to change something and said no; its words and SQLSTATE are in the error.',
  POSTGRES_BACKUP_LOST:
    'The session that held the backup ended, and PostgreSQL ends the backup with it. The copy made so far is void and is made again.',
  POSTGRES_BACKUP_UNLABELLED:
    'The server ended the backup without giving its label, so the copy cannot be made consistent.',
  POSTGRES_CERTIFICATE_REFUSED:
    "The server's TLS certificate is not signed by a trusted authority, or is for another name.",
  POSTGRES_CONNECTION_LOST:
    'The connection to the server ended in the middle of a question. Nothing was changed by it.',
  POSTGRES_DATABASE_MISSING: 'The database in postgres.database does not exist on that server.',
  POSTGRES_FOLLOW_NOT_TAKEN:
    'The standby was given a new primary and still shows the old settings. Look for settings in its postgresql.conf that stand after the include.',
  POSTGRES_KEY_EXPOSED: 'Others can read the private key. Mend it with: chmod 600 FILE',
  POSTGRES_LOGIN_REFUSED:
    'The server refused user or password. Look at pg_hba.conf and at the matching line of the password file.',
  POSTGRES_MARKER_FOREIGN: 'A table poolctl.marker exists and belongs to another role, so nothing is written to it.',
  POSTGRES_NOT_READY: 'The server is starting up, shutting down or recovering, and accepts no connections yet.',
  POSTGRES_OUTCOME_UNKNOWN:
    'The server was asked to change something and the connection ended before it answered. It may have happened.',
  POSTGRES_PASSFILE_EXPOSED:
    'Others can read the password file. libpq would ignore it in silence; poolctl says so. Mend it with: chmod 600 FILE',
  POSTGRES_PASSFILE_UNREADABLE: 'The password file cannot be read.',
  POSTGRES_PASSWORD_MISSING:
    'The server asks for a password and no line of the password file matches host, port, database and user.',
  POSTGRES_PROMOTION_PENDING:
    'The server was told to promote and had not left recovery in time. It may still do so: look with poolctl status.',
  POSTGRES_ROOT_CERTIFICATE_MISSING:
    'The TLS mode verifies certificates and there is no root certificate to verify with.',
  POSTGRES_SLOT_NOT_PHYSICAL: "A logical replication slot has the name that the standby's physical slot needs.",
  POSTGRES_SSLMODE_UNKNOWN: 'PGSSLMODE holds a word that libpq does not know.',
  POSTGRES_SSLMODE_WEAK:
    'With PGSSLROOTCERT=system anybody can hold a valid certificate, so the name has to be verified: PGSSLMODE=verify-full.',
  POSTGRES_TLS_FILE_UNREADABLE: 'A certificate or key that the TLS settings name cannot be read.',
  POSTGRES_TOO_MANY_CONNECTIONS:
    'The server has no free connection. superuser_reserved_connections keeps some for superusers.',
  POSTGRES_UNREACHABLE: "Nothing answers at the server's address and port.",
  CONFIG_CHANGED:
    'pgpool.conf changed between reading and writing it, so it was left alone. Somebody else is at work on it.',
  CONFIG_NOT_WRITABLE: 'pgpool.conf cannot be written by the user that SSH logs in as.',
  PGPOOL_RELOAD_FAILED:
    "pgpool's service refused to make it read pgpool.conf again. What it said is in the error; over SSH it needs root or sudo without a password.",
  PGPOOL_RELOAD_UNKNOWN:
    'Before Pgpool-II 4.2 a reload goes through its service, and the cluster file names none that can do it.',
  FORWARD_REFUSED: 'The host could be reached and could not reach the address it was asked to connect to.',
  HOST_ACT_FAILED: 'A command on the host failed; its exit status and the end of its output are in the error.',
  HOST_COMMAND_MISSING: 'A program that is needed is not installed on this machine.',
  HOST_LOST: 'The connection to the host ended before the act was sent. Nothing was done there.',
  HOST_OUTCOME_UNKNOWN:
    'The connection to the host ended after the act was sent. It may have happened, and is looked at before it is repeated.',
  HOST_UNREACHABLE: 'The host of the node cannot be reached over SSH.',
  LIST_CUT: 'The list of files came incomplete from the host, so nothing was decided with it.',
  LOCKED: 'Another operation works on that host. Its id, owner and start are in the error: poolctl op show ID',
  LOCK_MISSING:
    'The operation does not hold the lock it needs on the host: somebody released it with poolctl op unlock.',
  LOCK_UNREADABLE: 'A file stands where the lock should be and was not written by poolctl.',
  OTHER_FILE_SYSTEM:
    'The work directory is on another file system than the data directory, so nothing can be moved aside there at once. Set work in the cluster file.',
  SERVER_RUNNING: 'The server runs, and its files must not be changed under it.',
  SOURCE_NOT_A_DATA_DIRECTORY: "The path in the cluster file holds no PG_VERSION on the primary's host.",
  SSH_CHANNEL_REFUSED: 'The host opens no further SSH channel: MaxSessions in its sshd_config is reached.',
  SSH_CONFIG: 'ssh cannot read its configuration, or did not answer. Try: ssh -G HOST',
  SSH_CONFIG_UNSUPPORTED:
    'The way to that host needs something that only the ssh program can do. Set ssh.transport: openssh in the cluster file.',
  SSH_HOST_KEY_CHANGED:
    'The host shows another key than the one on record. It was installed anew, or somebody stands in between. It is never accepted by a flag.',
  SSH_HOST_KEY_REVOKED: 'The key of the host is marked as revoked in known_hosts.',
  SSH_HOST_KEY_UNKNOWN:
    'The key of the host is not on record. Compare its fingerprint on the host itself, then run again with --accept-new-host-key HOST.',
  SSH_HOST_NAME: 'The name cannot be that of a host. A name that begins with a dash would be read as an option of ssh.',
  SSH_KEY_ENCRYPTED: 'The SSH key is encrypted and could not be opened. Load it into an agent with: ssh-add',
  SSH_KNOWN_HOSTS: 'No known_hosts file can be read, so no host key can be checked.',
  SSH_LOGIN_REFUSED: 'The host refused the user or every key that was offered. Try: ssh HOST true',
  SSH_UNREACHABLE: 'The host does not answer on its SSH port.',
  START_SLOW: 'The server did not start in time. It may still be recovering; the end of its log is in the error.',
  STOP_SLOW:
    'The server did not stop in time. Somebody may hold it up: an archiver that hangs, a standby that does not confirm.',
  LAB_ADDRESSES_TAKEN: 'Addresses or ports that the lab needs are in use.',
  LAB_BUSY: 'Another process builds or removes the lab.',
  LAB_MODE_UNKNOWN:
    'The installed Pgpool-II is older than this mode. Make the lab in a mode that it has: poolctl lab up --mode native',
  LAB_DIFFERS: 'A lab is there, built with other settings. Remove it first: poolctl lab down',
  LAB_DIRECTORY_CLOSED: "The server user cannot enter the lab's directory.",
  LAB_DIRECTORY_FOREIGN: 'The directory holds something that is not a lab, and is not touched.',
  LAB_DIRECTORY_IN_USE: 'The directory is in use.',
  LAB_MARKER_INVALID: 'The file that marks a directory as a lab cannot be read.',
  LAB_MISSING: 'There is no lab there. Build one with: poolctl lab up',
  LAB_NODES_INVALID: 'A lab has 1 to 9 nodes.',
  LAB_NOT_READY: 'The lab did not become ready in time.',
  LAB_PATH_TOO_LONG: "A socket's path would be longer than the system allows. Choose a shorter directory.",
  LAB_PROCESS_STAYS: 'A process of the lab does not end.',
  LAB_PROGRAMS_MISSING: 'Programs that a lab needs are not installed.',
  LAB_PGPOOL_VERSION_UNKNOWN:
    'The installed pgpool does not tell its version, and its configuration differs between releases.',
  LAB_PROGRAM_FAILED: 'A program that builds the lab failed; the end of its output is in the error.',
  LAB_REMOVE_FAILED: "The lab's directory could not be removed.",
  LAB_SSHD_FAILED: "The lab's sshd did not start.",
  LAB_UNWELL: 'The demo needs a lab with a primary, a standby and every node attached.',
  LAB_USER_MISSING: 'PostgreSQL does not run as root, and there is no user postgres.',
  LAB_DEMO_FAILED: 'The demo did not end as promised; what was broken is listed.',
  LAB_LEDGER_SILENT: "No write through the lab's pgpool was acknowledged.",
  LAB_NODE_UNKNOWN: 'The lab has no node of that number.',
  LAB_NOTHING_TO_SPOIL: 'The node of the lab has no table large enough to damage.',
  LAB_NOT_A_STANDBY: 'The node of the lab is no running standby.',
  LAB_NOT_DROPPED: "The lab's pgpool did not notice that the node is gone.",
  LAB_NOT_STARTED: 'A part of the lab did not start.',
  LAB_NO_PRIMARY: 'pgpool and the servers of the lab agree on no primary.',
}

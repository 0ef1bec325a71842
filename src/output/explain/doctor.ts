/** What the findings of `doctor` mean, by code. `doctor --list` shows which check says which. */
export const DOCTOR_CODES: Readonly<Record<string, string>> = {
  APPLICATION_NAME_DIFFERS:
    'pgpool finds the replication state of a standby by its application_name. When backend_application_nameN is another, state and sync state stay empty.',
  ARCHIVE_BACKLOG:
    'WAL files wait to be archived. A clean stop waits for them, so a switchover or an upgrade takes longer.',
  ARCHIVE_FAILS:
    'archive_command failed last and has not succeeded since. WAL is kept until it does, which fills the disk.',
  AUTOVACUUM_OFF:
    'Without autovacuum tables bloat and transaction ids run out, at which point the server accepts no writes.',
  AUTO_FAILBACK_ON:
    'pgpool attaches by itself any detached standby that still streams, at once and again. A detach for maintenance does not last.',
  BACKEND_DATA_DIRECTORY_WRONG:
    "pgpool's own recovery copies into the directory that backend_data_directoryN names, whatever the server uses.",
  BACKEND_FLAG_PINS:
    'pgpool never takes a node with DISALLOW_TO_FAILOVER out, and ALWAYS_PRIMARY makes it believe a role without looking.',
  BACKEND_LIST_DIFFERS:
    'Numbers are all that pgpool and poolctl share. When a number means another server to each, a change hits the wrong one.',
  CHECKSUMS_OFF:
    'Without data checksums a damaged page is noticed only when a query stumbles over it, and a copy spreads it.',
  CHECK_DATABASE_MISSING:
    "A check of pgpool's logs in to a database that is not there, so it fails whatever the server's state is.",
  CHECK_UNKNOWN: '--only or --skip named something that is no check, topic or code.',
  CLEAR_TEXT_AUTH:
    'With allow_clear_text_frontend_auth clients whose password is not in pool_passwd send it readable over the network.',
  CLOCK_WRONG: "A host's clock differs. Watchdog heartbeats, certificates and every comparison of two logs suffer.",
  CONNECT_TIMEOUT_UNREACHABLE:
    'A health check ends before connect_timeout does, so a server that is slow to accept is taken for dead earlier than intended.',
  CONNINFO_PASSWORD:
    'A password in primary_conninfo is readable in the settings, in backups and in the configuration file. libpq reads a password file instead.',
  DATA_DIRECTORY_DIFFERS: 'poolctl would work on another directory than the one that the server uses.',
  DATA_DIRECTORY_MODE_WRONG:
    'PostgreSQL starts only from a directory that is closed to others: mode 0700, or 0750 with the group.',
  DELAY_THRESHOLD_OFF:
    'pgpool sends reads to a standby however far it is behind, so clients read old data after a pause of replication.',
  DISK_SPACE_SHORT: 'A full copy keeps the old directory until the new one is proved, which needs the room for both.',
  FAILOVER_COMMAND_BLIND:
    'pgpool tells a script only what its command line asks for. Without the new main node it cannot promote the right one.',
  FAILOVER_COMMAND_EMPTY:
    'pgpool promotes nothing itself. Without failover_command a failover detaches the primary and leaves no other.',
  FAILOVER_WITHOUT_QUORUM:
    'With these settings off a pgpool that lost the others fails over alone, while the others may do so too.',
  FAILOVER_WITHOUT_RETRY:
    'failover_on_backend_error takes a node out at the first broken connection; health checks try again first.',
  FALSE_PRIMARY_STAYS:
    'After a failover the old primary may come back as a primary. detach_false_primary lets pgpool notice and detach it.',
  FENCE_LEFT:
    'An operation switched automatic failover off in pgpool.conf and did not come to switch it on again: it was interrupted, or it ended while this machine could not be asked. Resuming it gives this pgpool its own settings back. Where its record is gone, remove the marked block and restart pgpool.',
  FOLLOW_PRIMARY_EMPTY:
    'pgpool promotes one standby; the others keep asking the old primary until follow_primary_command tells them.',
  FSYNC_OFF:
    'With fsync off a commit is acknowledged before it is on disk; a crash of the machine can destroy the whole cluster.',
  FULL_PAGE_WRITES_OFF: 'pg_rewind needs full_page_writes, and a base backup taken without it can hold torn pages.',
  HARD_LINKS_LOST:
    'The documented upgrade of standbys sends hard links. Where a file system has none, all data is sent and stored twice.',
  HEALTH_CHECK_NO_RETRY:
    'With no retry a single check that fails, for whatever reason, takes the node out of the pool.',
  HEALTH_CHECK_OFF: 'Without a health check pgpool notices a dead server only when a client runs into it.',
  HEALTH_CHECK_TEST_ON: 'health_check_test is meant for tests of pgpool: a file in its directory makes it fail over.',
  HEALTH_CHECK_USER_UNFIT: 'A health check is a login. When the user cannot log in, every node looks dead.',
  HOOK_NOT_RUNNABLE:
    'pgpool runs its commands through a shell and ignores what they return; one that cannot run does nothing, silently.',
  HOOK_PASSFILE_UNUSED:
    "pgpool's own tools read the PCP password from a file of the user that runs them. Without it a hook cannot attach or recover anything.",
  HOOK_TRIAL_FAILS:
    'A hook that poolctl made was run in the mode that changes nothing, and could not prove what it needs. In a failover it would fail there.',
  HOST_FILES_UNREADABLE:
    'SSH works, but files that the cluster file names are missing or may not be read by the SSH user.',
  HOST_LOCKED:
    'An operation holds the lock of a host. While it runs that is right; when it is dead the lock is in the way.',
  HOT_STANDBY_OFF:
    'A standby without hot_standby accepts no connections, so health checks fail and pgpool takes it out.',
  INODES_SHORT: 'A file system without free inodes refuses new files, whatever room is left.',
  MANAGED_SERVICE_FAILOVER:
    'A managed service replaces its servers behind a name. pgpool must not fail over there, or a node stays out.',
  NODE_DETACHED:
    'The server works and pgpool sends it no clients. pgpool attaches nothing by itself unless auto_failback is on.',
  NODE_QUARANTINED:
    'This pgpool cannot reach the node, and without quorum or votes it may not fail over: the node is out here only. An attach puts it back here without a failover, a search or a note in pgpool_status; a check that fails quarantines it again.',
  NODE_SERVER_SILENT:
    'The server of a node did not answer a direct connection. One that answers and refuses the login is SERVER_LOGIN_FAILS.',
  NO_NODE_FOR_READS: 'Load balancing is on, and no node has a weight.',
  OPERATOR_NOT_SUPERUSER:
    'Backups, promotion and changes of settings need a superuser; poolctl would be refused half-way.',
  PASSFILE_EXPOSED:
    'A server asked for a password, and the password file on this machine is open to others or cannot be read, so none was sent. The server itself may be well.',
  PASSWORDS_MD5: 'md5 passwords are deprecated; a later major release will not accept them.',
  PCP_CONF_EXPOSED:
    'The hash in pcp.conf is itself enough to log in, so whoever reads the file may detach and promote nodes.',
  PCP_CONF_HASH_WRONG:
    'PCP compares plain md5 sums. Any other hash never matches, and a line without a colon stops the search.',
  PCP_LOGIN_FAILS: 'pgpool refused the PCP user. Unknown users and wrong passwords look alike.',
  PCP_OPEN_TO_ALL:
    'PCP has no TLS, no limit on attempts, and an idle connection to it freezes pgpool before 4.5 in a failover.',
  PCP_PASSFILE_UNUSED: 'The PCP password file is missing its rights or is no file, so no password is sent.',
  PCP_SILENT: 'pgpool did not answer over PCP: it is down, still searches its primary, or listens elsewhere.',
  PCP_SOCKET_MISSING:
    'The Unix socket of PCP was removed, mostly by a cleaner of /tmp. The pcp tools on the host fail until a restart.',
  PGPOOL_CONF_DRIFT:
    'A parameter of the whole site differs between pgpools, so a failover depends on which of them leads.',
  PGPOOL_CONF_EXPOSED: 'pgpool.conf holds a password in clear text and others can read the file.',
  PGPOOL_CONF_NOT_LOADED: 'pgpool.conf was changed and not reloaded, or what was changed is read at start only.',
  PGPOOL_RELEASES_MIXED: 'Watchdogs of different releases do not understand each other.',
  PGPOOL_RELEASE_BAD: 'This release of Pgpool-II has a known fault that the configuration meets.',
  PGPOOL_RELEASE_UNTESTED: 'poolctl was tested with Pgpool-II 4.1 to 4.7.',
  POOL_HBA_WEAK: 'pool_hba.conf lets clients in without a password (trust) or asks for it in clear text (password).',
  POOL_LARGER_THAN_SERVER:
    'When pgpool is fully used, servers refuse connections, and clients get errors at the worst moment.',
  POOL_PASSWD_EXPOSED:
    'pool_passwd holds passwords, in clear text or as hashes that can be guessed, and others can read it.',
  POOL_ROLE_WRONG:
    'pgpool sends writes where it believes the primary is. A promotion that went past it leaves it wrong.',
  POOL_STATUS_STALE:
    'pgpool reads pgpool_status at start. A line that says down keeps a healthy node out after a restart.',
  POOL_STATUS_UNWRITABLE:
    'pgpool cannot keep pgpool_status, so after a restart it sends clients to nodes that were down.',
  POOL_USER_LOGIN_FAILS:
    "A user of pgpool's own checks or recovery was tried at a server with the password that pgpool.conf holds, and was refused.",
  PREPARED_TRANSACTION_OLD:
    'A prepared transaction survives everything, holds its locks, stops vacuum, and pg_upgrade refuses while it is there.',
  PRIMARY_NOT_ONE: 'There is no server that accepts writes, or more than one.',
  PROGRAM_MISSING: 'poolctl runs programs of PostgreSQL on the nodes and did not find them.',
  PROGRAM_VERSION_WRONG: 'Programs of one major release cannot read or start the data of another.',
  PROXY_LOGIN_FAILS: 'A SQL session through pgpool failed, so clients fail too, and poolctl cannot measure an outage.',
  RECOVERY_EXTENSION_MISSING:
    "pgpool's recovery calls a function of the extension pgpool_recovery, in template1 before 4.7.",
  RECOVERY_EXTENSION_OLD:
    "The extension pgpool_recovery comes from an older Pgpool-II than the one that calls it, so pgpool's recovery fails at once.",
  RECOVERY_FIRST_STAGE_EMPTY:
    "In native replication and snapshot isolation only pgpool's own recovery can bring a node back, and its first stage is the copy.",
  RECOVERY_IDLE_LIMIT_LATE:
    'The second stage waits for clients to leave; a limit beyond recovery_timeout never comes into play.',
  RECOVERY_LIBRARY_MISSING:
    'The extension is in the catalog of all nodes, but this one lacks its files and could not run it as primary.',
  RECOVERY_SCRIPT_MISSING:
    "pgpool runs the recovery scripts from the primary's data directory, by name, as the server's user.",
  RECOVERY_SCRIPT_OUTDATED:
    'The scripts hold addresses, directories and settings of the cluster file of their day. What has changed since is not in them.',
  RECOVERY_SECOND_STAGE_EMPTY:
    'In native replication the second stage carries what was written during the first; without it nodes differ.',
  RECOVERY_USER_UNFIT: "pgpool's recovery logs in as recovery_user and calls functions that only a superuser may call.",
  REPLICATION_LOGIN_FAILS:
    'A replication login from one node at another failed: after a promotion this standby could not follow.',
  REPLICATION_PASSFILE_EXPOSED:
    'libpq ignores a password file that group or others can read, so a standby has no password.',
  REPLICATION_USER_UNFIT: 'The role that standbys use is missing, may not log in, or lacks REPLICATION.',
  REWIND_IMPOSSIBLE: 'pg_rewind needs wal_log_hints or data checksums; without, an old primary is copied whole.',
  RSYNC_FAILS: 'A transfer between two nodes failed, although SSH works. Output of a login script is the usual cause.',
  RSYNC_MISSING: 'rsync is missing on a node, or too old.',
  SEARCH_PRIMARY_ENDLESS: "pgpool's main process does nothing else while it searches a primary.",
  SERVERS_OF_TWO_CLUSTERS: 'A standby and the primary come from different initdb runs: one of the addresses is wrong.',
  SERVER_CONF_BROKEN: 'The server runs with its old settings; the next start fails at this line.',
  SERVER_HBA_BROKEN: 'The server keeps its old rules; the next start fails at this line.',
  SERVER_LOGIN_FAILS:
    'The server answers and lets poolctl not in: password, pg_hba.conf, certificate, database or the number of connections. It needs no recovery.',
  SERVER_MAJOR_UNTESTED: 'poolctl was tested with PostgreSQL 13 to 18.',
  SERVER_MINOR_BAD: 'This minor release was replaced because of a fault that loses data or breaks extensions.',
  SERVER_RESTART_PENDING:
    'Changed settings wait for a restart. A restart for another reason brings them, at a moment that nobody chose.',
  SERVER_VERSIONS_MIXED:
    'The servers are of different versions. Different minors are for a rolling update only; majors cannot stream.',
  SLOT_LOST: 'The slot was invalidated because it kept too much WAL. Its standby cannot go on and must be recovered.',
  SLOT_UNUSED: 'A slot without a reader keeps WAL until the disk is full.',
  SR_CHECK_OFF:
    'With sr_check_period 0 pgpool measures no delay, shows no replication state and cannot detect a false primary.',
  SR_CHECK_USER_UNFIT:
    'The role that measures replication is missing, may not log in or is no member of pg_monitor, so pgpool sees nothing.',
  SSH_BETWEEN_HOSTS_FAILS:
    "A node does not reach another by SSH as the server's user, without a password and with a known host key.",
  SSH_CLIENT_MISSING: 'A node without an ssh client cannot fetch a copy.',
  SSH_FAILS: 'SSH from here to a host failed. The reason is that of the host or of the way to it.',
  SSH_USER_NOT_OWNER: "PostgreSQL's files belong to its user alone; poolctl works on hosts as that user.",
  STANDBY_BELOW_PRIMARY:
    'A standby must have at least as much of these as the primary had, or it pauses replay or does not start.',
  STANDBY_DELAYED: 'recovery_min_apply_delay makes a standby late on purpose. In the pool it answers with old data.',
  STANDBY_LAGS: 'A standby is further behind than limits.maxLag of the cluster file allows.',
  STANDBY_NOT_STREAMING: 'A standby has no WAL receiver that streams, so it falls behind with every write.',
  STANDBY_REPLAY_PAUSED: 'Replay was paused on a standby and nobody resumed it.',
  STANDBY_UPSTREAM_WRONG: 'A standby streams from another server than the primary, or on another timeline.',
  SYNC_STANDBY_ABSENT: 'Commits wait for a synchronous standby that is not connected: clients hang.',
  TIMELINE_NOT_LATEST: 'A standby that does not follow the latest timeline stops at the next promotion.',
  TIMEOUTS_SHORT_FOR_CLOUD: 'Networks of clouds pause for many seconds. Short time-outs turn a pause into a failover.',
  TRANSACTION_LONG: 'A transaction that is open for hours stops vacuum, and a drain waits for it.',
  WAL_LEVEL_MINIMAL: 'With wal_level minimal there is not enough WAL for a standby or a backup.',
  WAL_NOT_KEPT: 'Neither a slot nor wal_keep_size nor an archive keeps WAL for a standby that is away for a while.',
  WAL_SENDERS_SHORT: 'After a promotion every other node connects to this one, and a copy takes two more senders.',
  WATCHDOG_EVEN:
    'Even numbers and two members make ties and lose the quorum with one failure. Three is the least that helps.',
  WATCHDOG_MEMBER_UNKNOWN: 'poolctl asks the pgpools of the cluster file. A member that is not in it is never asked.',
  WORK_DIRECTORY_BLOCKED: 'poolctl keeps its lock, jobs and what it sets aside in a directory beside the data.',
}

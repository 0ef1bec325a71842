/** What the checks of a major upgrade mean. */
export const UPGRADE_CHECK_CODES: Readonly<Record<string, string>> = {
  ACLITEM_COLUMNS: 'Columns of the type aclitem are stored in another form since 16, so pg_upgrade refuses them.',
  ARCHIVE_BACKLOG: 'A clean stop waits until every WAL file is archived, and the archiver fails or is far behind.',
  ARCHIVE_SHARED:
    'Old and new cluster would archive WAL files of the same names with one command or library into one place. Another one for the new version is named in upgrade.settings of the cluster file.',
  CHECKSUMS_DIFFER:
    'Some nodes have page checksums and others have none. After the upgrade all share one control file.',
  CLOCK_SKEW: 'The clock of a machine differs from this one, so times in logs and records will not fit together.',
  COLLATION_VERSIONS: 'Collations were made by another version of their library: indexes in their order may be wrong.',
  CONTROL_DATA_DIFFERS:
    'The new programs were built with another block size, alignment or limit than the old ones, so that they could not read the files.',
  FETCH_SLOW:
    'By the rates that were measured, a standby would be at its catalogs for minutes: its disk, or the way to the primary, is slow.',
  GIST_INET_INDEXES:
    'Indexes use operator classes of btree_gist for inet and cidr that may miss rows; pg_upgrade to 19 refuses them.',
  GROUP_ACCESS_LOST:
    'The old data directories may be read by the group of their owner (mode 0750), the new ones are made for the owner alone.',
  LOGICAL_SLOTS_BEHIND:
    'pg_upgrade carries a logical slot only when its reader has confirmed everything, and these are behind or read by nobody.',
  LOGICAL_SLOTS_INVALID: 'Logical slots have lost WAL that they need. pg_upgrade refuses until they are dropped.',
  NOT_REHEARSED:
    'Nobody has tried this step from version to version on a copy of this cluster, with this poolctl and lately, so its times are not known.',
  POOL_NEARLY_FULL:
    'Nearly as many clients are connected as pgpool takes; when all come back at once some of them wait or are turned away.',
  RECONNECT_STORM:
    'When all clients come back at once, pgpool may want more connections than the servers have (num_init_children, max_pool, max_connections).',
  SESSION_STATE_LOST:
    'Sessions hold advisory locks, LISTEN or temporary tables, which are gone once their connections are cut.',
  SSH_SESSIONS_FEW:
    'sshd allows fewer sessions on a connection (MaxSessions) than poolctl uses at once, so that its acts wait for each other.',
  SSH_STARTUPS_FEW:
    "sshd on the primary's machine drops logins (MaxStartups) when as many come at once as there are standbys.",
  STATISTICS_TARGETS_HIGH:
    'Statistics targets are ten times the default or more, so that making statistics after the upgrade takes long.',
  SUBSCRIPTIONS_DISABLED:
    'Before 17 pg_upgrade carries the definition of a subscription alone. It has to be enabled and refreshed afterwards.',
  TOOL_POOL_PARSER_OLD:
    'Pgpool-II carries the SQL parser of an older PostgreSQL than the one to come: statements that are new since go to the primary unbalanced.',
  TOOL_TOO_OLD: 'A backup or monitoring tool that is at work does not know the new version of PostgreSQL.',
  TOOL_VERSION_UNKNOWN:
    'Of a backup or monitoring tool, or of pgpool, it is not known whether it knows the new version.',
  UNICODE_DEPENDENT:
    "Indexes on expressions in PostgreSQL's own Unicode order may miss rows with characters that a later version of Unicode has assigned.",
  CONTENT_UNSEEN: "The old cluster's databases could not be looked at, so nothing is known of what is in them.",
  DATABASE_INVALID: 'A DROP DATABASE was broken off. Nobody can connect to the database; drop it again.',
  DATABASE_NOT_CONNECTABLE: 'A database lets nobody connect, so pg_upgrade cannot dump it.',
  CONFIG_BROKEN:
    'Configuration files have lines that a server refuses when it starts; the running one goes on with what it read before.',
  CONFIG_LOST:
    'Files in the data directory that the configuration names are not among those that are taken along to the new cluster.',
  CONFIG_NOT_TRANSLATED:
    'Settings that the new version does not take as they are stand in files that an upgrade does not rewrite.',
  DATA_SYMLINK:
    'The data directory in the cluster file is a symbolic link, so what is made or removed beside it is somewhere else than the data.',
  DATA_MODE: 'A server starts only when its data directory has mode 0700 or 0750.',
  DATA_OWNER: 'poolctl works on the machine as another user than the one the data belongs to.',
  DIRECT_CLIENTS: 'Clients connect to the primary around pgpool. Fencing pgpool does not hold them back.',
  ENCODING_CONVERSIONS:
    "Functions of encoding conversions have another signature since 14, so the site's own are refused.",
  EXTENSION_MISSING: 'An extension that a database has is not installed for the new version on a node.',
  FOREIGN_SLOTS: 'Replication slots that belong to no node of the cluster file do not survive the upgrade.',
  HOST_LOCKED: 'Another operation of poolctl holds the lock of a machine.',
  HOST_UNSEEN: 'A machine could not be looked at, and a check that could not be made has not passed.',
  INODES_TOO_FEW: 'A file system has too few free inodes for the new catalogs.',
  INVALID_INDEXES: 'Indexes that a broken off CREATE INDEX CONCURRENTLY left behind. They are carried, and of no use.',
  LIBC_DIFFERS: 'The machines have different C libraries, which may sort text differently.',
  LIBRARY_MISSING: 'A library that functions or preload settings name is not installed for the new version on a node.',
  LINK_IMPOSSIBLE:
    'A hard link from the old data directory to the place of the new one was tried and refused. Both must be on one mount point.',
  LOCALE_MISSING: 'A locale that a database uses does not exist on a machine.',
  LOGICAL_SLOTS_LOST: 'Before 17 pg_upgrade carries no logical replication slots; their consumers must begin anew.',
  LONG_TRANSACTIONS: 'Transactions are open for long; their clients are cut when the servers stop.',
  MANY_LARGE_OBJECTS: 'Each large object is carried by itself, which takes time in the outage.',
  NEW_CHECKSUMS_DIFFER: 'The new cluster was made with another setting of page checksums than the old one has.',
  NEW_DATA_NESTED: 'The new data directory is the old one, or one of them lies in the other.',
  NEW_DATA_NOT_EMPTY: 'The place of the new cluster holds something else.',
  NEW_DATA_PARENT_NOT_WRITABLE: 'The new data directory cannot be made.',
  STALE_INDEXES:
    'The order of text is that of a library, which has changed since these indexes were built: searches in them may miss rows until they are built anew.',
  NEW_CONFIG_NOT_EMPTY:
    'The configuration is outside the data directory, and where that of the new version belongs something is already, which is never overwritten.',
  NEW_CONFIG_NOT_WRITABLE: 'The directory for the configuration of the new version cannot be made.',
  CONFIG_PATH_QUOTED:
    'pg_upgrade puts the path of a configuration file between quotes of a shell, which this one would end.',
  PATH_QUOTED:
    'pg_upgrade puts directories and programs between double quotes of a shell, which would run or break this one.',
  NEW_DATA_RUNNING: 'A server runs in the new data directory.',
  NEW_LOCALE_DIFFERS: 'The new cluster was made with another locale or encoding than the old one has.',
  NEW_MINOR_TOO_OLD:
    'The installed minor release of the new version has a fault that matters here; install a later one.',
  NEW_PROGRAMS_MISSING: 'Programs of the new version are not there on a node.',
  NEW_VERSIONS_DIFFER: 'The nodes have different minor releases of the new version.',
  NEW_VERSION_WRONG: 'The programs at the place of the new version are of another major.',
  NEW_WAL_NOT_EMPTY:
    "pg_wal is a symbolic link, and the directory beside its target that is for the new version's WAL holds something.",
  NEW_WAL_NOT_WRITABLE:
    "pg_wal is a symbolic link, and the directory for the new version's WAL beside its target cannot be made by the server's user.",
  NEW_WAL_SEGMENT_SIZE_DIFFERS: 'The new cluster was made with another WAL segment size than the old one has.',
  NODE_NOT_ATTACHED: 'A node is down in pgpool. Bring it back first, or take it out of the cluster file.',
  NODE_NOT_IN_FILE: 'pgpool has a node that the cluster file lacks: it would be left on the old version.',
  NODE_VERSIONS_DIFFER: 'The servers run different releases.',
  NOT_INSTALL_USER: 'pg_upgrade must be run as the superuser that the cluster was made with (oid 10).',
  NOT_NULL_INHERITANCE: 'Since 18 NOT NULL is a constraint that children inherit; some children lack it.',
  TRIAL_PG_UPGRADE_REFUSED: 'pg_upgrade --check refused, for a reason that no check of poolctl has named.',
  TRIAL_PG_UPGRADE_NOT_ASKED: 'pg_upgrade --check asks a running server over its socket only, and could not.',
  POLYMORPHIC_FUNCTIONS: 'Aggregates or operators use array functions whose signatures changed in 14.',
  POOL_UNSEEN: 'A pgpool, or its machine, could not be looked at, so an upgrade could not fence it.',
  POOL_ACTS_ITSELF: 'pgpool is set up to fail over or attach nodes by itself; the upgrade fences it first.',
  POSTFIX_OPERATORS: 'Operators that stand behind their operand are gone in 14.',
  PREPARED_TRANSACTIONS: 'Prepared transactions are open, and pg_upgrade does not carry them.',
  REPLICATION_LOGIN:
    'A standby tried a replication login at the primary, as it will follow the new one, and was refused.',
  REPLICATION_SLOTS_TOO_FEW:
    'Each standby follows the new primary through a slot of its own, and max_replication_slots has no room for all of them.',
  RSYNC_TO_PRIMARY: 'A standby fetches the new catalogs from the primary by rsync, which was tried and failed.',
  SSH_TO_PRIMARY: 'A standby fetches the new catalogs from the primary over SSH, which was tried and failed.',
  WAL_SENDERS_TOO_FEW: 'The new primary would have fewer walsenders than standbys and others that read from it.',
  REG_COLUMNS: 'Columns hold object numbers (regproc and its kind), which are others in the new cluster.',
  REMOVED_TYPE_COLUMNS: 'Columns have types that are gone in 12.',
  REPORT_NOT_WRITTEN: 'The page and the Markdown of a report could not be written. Name a directory with --directory.',
  REPLAY_DELAYED: 'A standby replays late on purpose, so it will not be at the last checkpoint.',
  RESERVED_ROLE_NAMES: 'Names of roles that begin with pg_ are kept for PostgreSQL itself.',
  SCHEDULED_JOBS: 'pg_cron runs jobs inside the server, so they write as soon as it runs.',
  SCHEMA_NOT_DUMPED: 'The schema could not be dumped from the running server, so the trial could not use it.',
  SCHEMA_NOT_RESTORED:
    'The real schema was restored into an empty cluster of the new version, and it refused some of it.',
  SERVICE_UNCONTROLLED:
    'What the cluster file names for starting and stopping a server is not on the machine, or needs a password there.',
  SERVER_UNSEEN: 'A server does not answer.',
  SETTINGS_REFUSED: 'The new version does not take the translated settings of a node.',
  SETTINGS_TRANSLATED:
    'Parameters were renamed or removed in the new version; the new configuration is written that way.',
  SPACE_TOO_SMALL: 'A file system has too little free space for the new catalogs, WAL and dumps.',
  SQL_IDENTIFIER_COLUMNS:
    'Columns have the type information_schema.sql_identifier, which is stored differently since 12.',
  STANDBY_ARCHIVES: 'A standby with archive_mode = always has files that wait; its stop waits for them.',
  STANDBY_SETTINGS_LOW: 'A standby has lower settings than its primary and would not start.',
  STRAY_FILES: 'The data directory holds files that no server made; they are not taken along.',
  SUBSCRIPTIONS_NOT_READY: 'Tables of a subscription are still being synchronised.',
  SYNCHRONOUS_STANDBYS: 'Commits wait for standbys, and on the new primary they wait until those are back.',
  SYNCHRONOUS_STANDBYS_TOO_FEW:
    'When clients are let in, fewer synchronous standbys are there for certain than a commit waits for, so commits would hang.',
  SYSTEM_COMPOSITE_COLUMNS: "Columns have a system catalog's row type, which changes from version to version.",
  TABLESPACE_INSIDE_DATA: 'A tablespace lies inside the data directory.',
  TABLESPACE_LEFTOVER:
    'A tablespace holds a directory of the new version, which an earlier attempt left or another server uses.',
  TABLESPACE_LINK_IMPOSSIBLE: 'A hard link within a tablespace was tried and refused.',
  TABLESPACE_NOT_WRITABLE: "A tablespace's directory is missing or not writable on a node.",
  TABLES_WITH_OIDS: 'Tables have hidden oid columns, which are gone in 12.',
  TEMPLATE0_CONNECTABLE: 'template0 lets clients connect, and pg_upgrade refuses that.',
  TRIAL_INITDB_FAILED: 'No empty cluster of the new version could be made like the old one.',
  TRIAL_SKIPPED: 'The new version was not tried, so what only it can tell is not known yet.',
  TRIAL_SPACE_SHORT:
    'The new version was not tried, because the trial could have filled the disk of the running server.',
  TRIAL_START_FAILED: "The new version did not start with the site's settings and preloaded libraries.",
  UNLOGGED_TABLES: 'Unlogged tables keep their rows on the primary and are empty on standbys.',
  UPGRADE_SPAN_UNSUPPORTED: "The new version's pg_upgrade does not read clusters that old.",
  UPGRADE_TARGET_NOT_NEWER: 'The version asked for is not later than the one that runs.',
  USER_IDS_DIFFER: "The server's user has different numbers on the machines, and files keep their owner by number.",
  WAL_LINK_NOT_CARRIED:
    'pg_wal is a symbolic link to the root of a disk or into a data directory: beside that the new version cannot have its own WAL on the same disk.',
  WAY_BACK_OLD:
    'What upgrade prepare has made for going back is more than a day old. Going back to it loses what was written since; a new one costs no outage.',
  WRAPAROUND_NEAR: 'A vacuum against wraparound would begin right after the upgrade.',
}

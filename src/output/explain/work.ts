/** What the codes of the command line, of checks, plans and operations mean. */
export const WORK_CODES: Readonly<Record<string, string>> = {
  ARGUMENT_MISSING: 'The command needs an argument that was not given.',
  ARGUMENT_UNEXPECTED: 'The command takes fewer arguments.',
  CODE_UNKNOWN: 'No message of this version has that code.',
  COMMAND_UNKNOWN: 'There is no such command. A near one is suggested, never run.',
  FLAG_COMBINATION_INVALID: 'Flags were given that do not go together, or one that needs another.',
  FLAG_MISSING: 'The command needs a flag that was not given, nor its environment variable.',
  FLAG_UNKNOWN: 'The command has no such flag.',
  FLAG_VALUE_INVALID: 'The value of a flag cannot be read. Durations need a unit (30s, 10m), sizes too (16MB).',
  NODE_ID_INVALID: "A node id is a whole number from 0 to 127. pgpool's own tools take abc for node 0 and act on it.",
  CLUSTER_FILE_EXISTS: 'init never overwrites a file.',
  CLUSTER_FILE_INVALID: 'The cluster file breaks its schema; every place is listed with line and column.',
  CLUSTER_FILE_MISSING:
    'No cluster file was found in the places that are searched, or the one that was named is not there.',
  CLUSTER_FILE_NOT_WRITTEN: 'The cluster file could not be written.',
  CLUSTER_FILE_UNREADABLE: 'The cluster file is there and cannot be read.',
  CONFIRMATION_DECLINED: 'The answer was no. Nothing was changed.',
  CONFIRMATION_NEEDED:
    'The change needs a yes and there is nobody to ask: no terminal, CI, or --no-input. The flag that answers is named.',
  UNEXPECTED: 'A bug of poolctl, or something nobody foresaw. --debug prints the stack.',
  PLAN_FILE_INVALID: 'The file is not a plan that poolctl wrote.',
  PLAN_FILE_NOT_WRITTEN: 'The plan could not be written. A plan that exists is never overwritten.',
  PLAN_INPUT: "A step's input in the plan has the wrong form: the plan was edited, or written by another version.",
  PLAN_STALE:
    'The plan was made for another state of the cluster, for another request, or was edited since. Make a new one and look at it.',
  PLAN_STEP_UNKNOWN: 'The plan holds a step that this version does not know. Use the version that made it.',
  CHECKS_LIMITED:
    'Without a cluster file only pgpool can be asked. Nobody looked whether the server streams from the right primary.',
  VERSION_UNTESTED:
    'A server runs a newer PostgreSQL than poolctl was tried with. Reading goes on; a change is refused unless --allow-untested-version is given.',
  HEALTH_COUNTERS_MISSING:
    'Before Pgpool-II 4.2 pgpool does not count its health checks. The parameters are shown, the counters are null.',
  POOL_VERSION_UNTESTED:
    'A pgpool is newer than any that poolctl was tried with, by its version or by answers that are longer than any known. Reading goes on, as the newest known version means it; a change is refused unless --allow-untested-version is given.',
  CHECKS_REFUSED: 'Several checks said no; each is listed with its own code and way out. Nothing was changed.',
  NODE_UNKNOWN: 'There is no node of that number. List the nodes with: poolctl node-info',
  NODE_UNKNOWN_TO_POOL: 'The cluster file has the node and pgpool does not.',
  NODE_NOT_IN_FILE: 'pgpool has the node and the cluster file does not, so its server cannot be asked.',
  NODE_NOT_IN_POOL: 'The cluster file has the node and pgpool does not.',
  NODE_IS_PRIMARY: 'Detaching the primary cuts every session and makes pgpool fail over to the lowest attached node.',
  NODE_LEFT_OUT:
    'A node does not answer, so it will not follow the new primary. Bring it back afterwards with poolctl recovery.',
  DRAIN_NEEDS_FILE:
    'pgpool cannot tell the open transactions of a node from idle sessions; its server can, and a cluster file says how it is asked.',
  LAST_ATTACHED_NODE: 'Without an attached node pgpool refuses every client.',
  AUTO_FAILBACK: 'With auto_failback on, pgpool attaches a detached standby again by itself as long as it streams.',
  SESSIONS_UNKNOWN: 'pgpool could not list its sessions, so it is not known who will be cut off.',
  SERVER_UNREACHABLE: 'The server does not answer, so it cannot be proved to hold the right data.',
  SERVER_SILENT: 'The server does not answer. pgpool sends it no clients.',
  ATTACHED_BUT_SILENT: 'pgpool sends clients to a server that does not answer.',
  DETACHED_BUT_HEALTHY:
    'The server works and streams, and pgpool sends it no clients: it was detached and nobody attached it again.',
  TWO_PRIMARIES:
    'Two servers accept writes. Their histories part with every write: stop one now, and decide which holds the right data.',
  CLIENT_SESSION_FAILS:
    'A new session of poolctl through pgpool got no answer, in the words of pgpool. It may be its own password or address that pgpool does not take; doctor looks closer.',
  CLIENTS_SHUT_OUT:
    'pgpool answers no new session although a primary serves and is attached: it has moved on which node is its first one. A node that leaves and comes makes it look anew.',
  NO_PRIMARY: 'No server that answers accepts writes.',
  NO_OLD_PRIMARY: 'pgpool names no primary that could have failed, so there is nothing to fail over from.',
  PRIMARY_NOT_FOUND: 'No server that answers accepts writes, so it cannot be told what the right data is.',
  PRIMARY_ALIVE: 'The primary answers. A failover now would make a second one; use a planned switchover.',
  PRIMARY_NOT_FENCED:
    'The host of the dead primary cannot be reached, so nobody knows that it stays off. --primary-is-fenced attests it.',
  ROLES_DISAGREE: 'pgpool and the servers name different primaries. Mend that first: poolctl status',
  ROLE_DIFFERS:
    'pgpool believes in another role than the server says of itself. Attaching the real primary makes pgpool look again.',
  ADDRESS_DIFFERS: 'pgpool and the cluster file reach the node at different ports.',
  QUARANTINED: 'One pgpool of a watchdog cluster has set the node aside without the consent of the others.',
  COPY_UNFINISHED: 'A copy of the node was broken off. Its operation can be resumed or rolled back: poolctl op list',
  SYSTEM_IDENTIFIERS_DIFFER:
    'The servers were not made from one another. An address in pgpool.conf or in the cluster file is wrong.',
  SYSTEM_IDENTIFIER_DIFFERS: 'The node holds the data of another cluster.',
  NOT_RUNNING:
    'A server that was on its way down when the rollback came is neither down nor answering, so it was not started again. Look at its log.',
  NOT_STREAMING: "The standby's WAL receiver does not run, so it falls behind with every write.",
  NOT_STREAMING_MODE: 'pgpool does not run in streaming replication mode.',
  NOT_FOLLOWING: 'A standby was told to follow the new primary and was not seen doing so.',
  WRONG_UPSTREAM: 'The standby receives from another server than the primary.',
  WRONG_TIMELINE: 'The standby is on another timeline than the primary: it does not have the same history.',
  LAG_HIGH: 'The standby is further behind than limits.maxLag.',
  LAG_TOO_HIGH: 'The node is further behind than allowed. Wait, or lift this check with --allow-lag SIZE.',
  REPLAY_PAUSED: 'Somebody paused replay on the standby: what it shows grows old.',
  CANDIDATE_UNFIT: 'The node cannot take over; every rule it breaks is listed.',
  CANDIDATE_INCOMPLETE: 'The node has not received all that the old primary wrote, so it is not promoted.',
  OTHER_STANDBY_AHEAD:
    'Another standby has received more. Promoting this one loses what only the other has; --allow-data-loss accepts that.',
  DATA_LOSS_BOUND: 'What may be lost by promoting without the primary, as far as it can be known.',
  POOL_FENCED:
    'pgpool.conf carries the fence of an operation that did not end. Resume or roll it back: poolctl op list',
  POOL_NOT_MOVED: 'PostgreSQL has its new primary and pgpool does not say so yet.',
  TARGET_IS_PRIMARY: 'The node is the primary that pgpool sends writes to. A live primary is never overwritten.',
  TARGET_IS_LIVE_PRIMARY:
    'The node runs as a second primary. Stopping it discards what it wrote after the fork: --discard-second-primary.',
  FOREIGN_DATA:
    'The node holds the data of another cluster. --allow-foreign-data SYSTEMID names what may be overwritten.',
  UNVERIFIED_DIRECTORY: 'The data directory has no readable control file, so it is not known whose data it is.',
  METHOD_NOT_ENOUGH:
    'The rung asked for with --method cannot bring the node back; the reason is given. --method auto takes one that can.',
  OTHER_MAJOR_VERSION: 'The data is of another major version than the primary.',
  NO_RSYNC: 'rsync is not installed on a host that needs it.',
  NO_SPACE: 'The host has not enough free space for the copy.',
  NO_FREE_SLOT: 'All replication slots of the primary are used. Drop one, or raise max_replication_slots.',
  NO_FREE_WAL_SENDER: 'All WAL senders of the primary are used. Raise max_wal_senders.',
  TABLESPACE_ON_SAME_MACHINE: 'Two nodes on one machine would write the same tablespace directory.',
  PAGES_NOT_CHECKED: 'Page checksums of the old data could not be checked, so damage in it would go unseen.',
  ATTACH_NOT_SEEN:
    'pgpool accepted the attach and did not show it in time. With a server that fails its health check it goes down again at once.',
  DETACH_NOT_SEEN: 'pgpool accepted the detach and did not show it in time.',
  POOL_UNFENCED:
    'One of several pgpools does not answer. Its pgpool.conf is fenced too when its host can be reached; whether it runs cannot be seen from here.',
  POOL_CAME_BACK:
    'A pgpool whose host was out of reach when the plan was made answers again. It would fail over by itself in the middle of the operation, so nothing was stopped. Repeat the command.',
  POOL_VALUE_UNFIT:
    'pgpool reads what stands between two quotes as it is, so a value with a bare quote in it, or with a lone backslash at its end, cannot be written to pgpool.conf.',
  POOL_NOT_IN_FILE:
    'The plan names a pgpool that the cluster file no longer has, so it cannot be fenced or given its settings back.',
  NO_WATCHDOG_LEADER:
    'Under watchdog the leader is asked to recover a node, because its word counts for all members. None of the pgpools that answer leads, or it has no quorum.',
  POOLS_UNWATCHED:
    'In native replication and snapshot isolation the second stage holds clients back at all pgpools by the watchdog. Without it the others would go on writing into a copy that is being made whole.',
  FENCE_NOT_SEEN: 'pgpool did not take over the settings that keep it from failing over by itself.',
  UNFENCE_NOT_SEEN: 'pgpool did not take its own settings back. Look at the end of pgpool.conf, then reload it.',
  ROUTING_NOT_SEEN: 'The node is attached and no read through pgpool was seen to reach it.',
  MARKER_NOT_SEEN: 'A row written on the primary did not arrive on the standby in time.',
  DATA_INCOMPLETE: 'Files that the primary has are missing on the node, so it is not attached.',
  WAL_MISSING: 'The primary removed WAL that the copy needs. Raise wal_keep_size, or use a slot.',
  BACKUP_SESSION_LOST: 'The session that held the backup ended, and the backup with it. A resume begins a new one.',
  JOB_FAILED: 'A copy or rewind on the host failed; the end of its output is in the error.',
  JOB_LOST: 'A copy or rewind on the host was killed, or the host restarted. A resume starts it again.',
  TOPOLOGY_WRONG: 'After the change pgpool and the servers do not agree.',
  STEP_DEADLINE: 'A step did not end within its time. limits.stepTimeout or --timeout gives more.',
  STEP_NOT_OBSERVABLE: 'It cannot be seen whether the step is done, so nothing was guessed.',
  STEP_WITHOUT_EFFECT: 'The step was done and its effect was not seen afterwards.',
  ACKNOWLEDGED_WRITES_LOST:
    "Writes that pgpool acknowledged during the change could not be read back. Keep the old primary's data.",
  OUTAGE_NOT_MEASURED: 'What clients noticed could not be measured. The change itself is not affected.',
  OUTAGE_MEASURED_IN_PART:
    'The process that began the operation was gone for a while. What clients noticed is measured from the resume on.',
  INTERRUPTED:
    'The operation stopped after the current step on a signal. Its locks are kept for op resume or op rollback.',
  NOT_WAITED_FOR: 'With --no-wait the operation goes on in the background; exit 9 says that nothing was observed yet.',
  ROLLED_BACK_ON_REQUEST: 'The operation was rolled back because somebody asked for it.',
  PAST_POINT_OF_NO_RETURN: 'A step that cannot be undone has happened. The way is forward: poolctl op resume ID',
  POINT_OF_NO_RETURN_UNKNOWN: 'It cannot be seen whether the step that cannot be undone has happened.',
  OPERATION_CLOSED: 'The operation has ended. Its record can be read and not gone on with.',
  OPERATION_EXISTS: 'A record of that id exists already.',
  OPERATION_HELD:
    'Another process has the record. On another machine that cannot be judged from here: --take-over, when it is surely dead.',
  OPERATION_ID_INVALID: 'The text is not the id of an operation.',
  OPERATION_NOT_BEGUN: 'The record ends before its plan: the process ended before anything was done.',
  OPERATION_RUNNING: 'The process of the operation lives.',
  OPERATION_UNKNOWN: 'This machine has no record of that operation. --from-host fetches one from the nodes.',
  RECORD_CONFLICT: 'The fetched record and the one here differ, so neither replaces the other.',
  RECORD_NOT_FOUND: 'No host that answers has a record of the operation, and some did not answer.',
  RECORD_OF_ANOTHER_OPERATION: 'The fetched record is not that of the operation asked for.',
  JOURNAL_NOT_WRITTEN:
    'The record could not be written, so nothing more was done: an act without a record could not be undone.',
  JOURNAL_UNREADABLE: 'The record is damaged in the middle, not at its end where a crash tears it.',
  STATE_DIRECTORY_NOT_WRITABLE: 'Records cannot be written. Name a directory of your own in POOLCTL_STATE_DIR.',
  CRASH_POINT_INVALID:
    'POOLCTL_CRASH_AT, with which the crash tests end the program at a chosen place, names no such place.',
}

/** What the codes of pgpool's own scripts, and of recovery by them, mean. */
export const SCRIPT_CODES: Readonly<Record<string, string>> = {
  CLIENTS_HELD:
    'In native replication and snapshot isolation pgpool holds all clients back for the second stage. The warning says how many there are now, and whether they are waited for or cut off (client_idle_limit_in_recovery; set it with: poolctl scripts install --client-idle-limit N).',
  EXTENSION_MISSING:
    "pgpool starts its recovery scripts by a function of the extension pgpool_recovery, which is missing in the database that pgpool uses (template1; recovery_database from 4.7 on). Debian's package is postgresql-MAJOR-pgpool2; then: poolctl scripts install",
  EXTENSION_TOO_OLD:
    "The extension pgpool_recovery in that database is of an older Pgpool-II, whose function takes fewer arguments than this pgpool gives it. pgpool itself says only that the first stage failed. Install the extension of pgpool's release and update it.",
  FILE_EXISTS: 'scripts render writes new files only. Name an empty directory with --out.',
  FLAG_NOT_FOR_DRIVER:
    'The flag has no effect on recovery by pgpool, whose scripts were settled when they were installed.',
  HOOKS_UNSEEN:
    'A host that has hooks could not be asked what became of them, or their status files belong to another user than the one that SSH logs in as.',
  HOOK_FAILED:
    'A hook that pgpool or PostgreSQL ran has failed and no later run has made up for it: failover.sh, follow_primary.sh, the watchdog hooks of a cloud, or the scripts of a warm standby. pgpool ignores the status of most of them and forgets what they print, so each leaves it in a file, poolctl-hooks beside the script; node-N.log there has every step.',
  NODE_LEFT_OUT:
    'No script was installed on that node: its host does not answer, or its data directory is empty. It gets them with its next copy.',
  NODE_NOT_EQUAL: 'After the recovery the node does not serve the data of the node that it was copied from.',
  NO_RECOVERY_IN_MODE:
    'pgpool has online recovery in streaming replication, native replication and snapshot isolation mode only.',
  PGPOOL_HOST_UNREACHABLE:
    'The machine of one of the pgpools cannot be reached. Any of them can come to lead, and would recover or fail over by what its own files say, so nothing is installed anywhere until all can be.',
  OWNER_NOT_SET:
    'The script has to belong to the user that runs it: the owner of the data directory, or of the running pgpool. SSH logs in as another user who may not give files away. Set ssh.user in the cluster file to that user, or to root.',
  POOL_DIRECTORY_OTHER:
    'pgpool would tell its recovery scripts another directory of the node than the cluster file has, and its pgpool.conf says the same. Which of the two is right is for you to say: write backend_data_directoryN in pgpool.conf, or correct the cluster file; poolctl then has pgpool take it, without a restart. --driver ssh asks pgpool for no directory.',
  RECOVERY_COMMAND_OTHER:
    'recovery_1st_stage_command or recovery_2nd_stage_command is not what poolctl installs. pgpool takes the name of a file in the data directory; a path of its own breaks it. Put it right with: poolctl scripts install',
  RECOVERY_NOT_SEEN:
    'pgpool went on with the recovery without us, and its end was not seen in time. Look with: poolctl status',
  RECOVERY_SCRIPT_FAILED:
    "A script that pgpool ran for the recovery failed; its own words are in the message, the whole story in pgpool/node-N.log in the work directory of the primary's host. pgpool itself never shows them.",
  RECOVERY_SCRIPT_KILLED:
    'A script that pgpool ran ended without a word: killed, or its host restarted. What it had copied cannot start; another recovery goes on from there.',
  RECOVERY_SCRIPT_RUNS:
    'pgpool gave the recovery up and its script still runs. It cannot be told to stop by pgpool; wait for its end, then: poolctl op rollback ID',
  RECOVERY_USER_MISSING: 'pgpool has no recovery_user, as whom it calls pgpool_recovery(): poolctl scripts install',
  SCRIPTS_MISSING: "pgpool's recovery scripts are not in the primary's data directory: poolctl scripts install",
  SCRIPT_CHANGED: 'The script would not be the one that was reviewed in the plan, so it was not installed. Plan again.',
  SCRIPT_UNKNOWN: 'There is no script of that name: poolctl scripts list',
  SCRIPT_VALUE_UNFIT:
    'A value of the cluster file cannot stand in a script or in pgpool.conf, so nothing was rendered.',
  SETTINGS_NOT_TAKEN:
    "pgpool.conf was written and pgpool still reports other values. Look for a syntax error in pgpool's log, which is the only place where it tells of one.",
  TRIED_AS_OTHER_USER:
    "scripts test runs each script as the user that SSH logs in as. pgpool's user, or the server's, may have other keys, password files and rights. Log in as that one (ssh.user in the cluster file) for a proof that holds.",
  VARIANT_UNKNOWN: 'There is no variant of that name: poolctl scripts list',
  VARIANT_VALUES:
    'The variant needs values that were not given, were not asked for, or do not fit: poolctl scripts list',
}

/** What the codes of an upgrade's acts mean. */
export const UPGRADE_RUN_CODES: Readonly<Record<string, string>> = {
  BACKUP_HOST_UNKNOWN:
    'The backup is kept on the host of a standby, from where it can be put into place; the node that was named is none.',
  CHECKPOINTS_DIFFER:
    'After the stop too few standbys are at the last checkpoint of the primary, so their files are not the same and links would mix two states. Nothing was changed; the old servers are started again.',
  CLONE_IMPOSSIBLE:
    'A clone of a file was really tried between the old and the new place, and the file system refused it. Hard links work on every file system.',
  CLUSTER_FILE_CHANGED: 'A node that the upgrade has moved is no longer in the cluster file.',
  CLUSTER_FILE_NOT_WRITTEN:
    'The new places could not be written into the cluster file. The cluster serves; write them by hand, as the hint says.',
  ATTACH_DEFERRED:
    'Going back, a node was to enter the pool again while no server answered as a primary. With each attach pgpool looks for the primary anew, for search_primary_node_timeout, and a pgpool that has found none then sends no write anywhere until it is told of one. So the node stays out; once the hosts can be reached, poolctl op rollback ID starts the servers first and then attaches it.',
  FENCE_KEPT:
    'On the way back no primary could be started, so the fence stays: without it pgpool would drop every node. The next op rollback takes it off.',
  LAST_STANDBY:
    'The rehearsal would take the only attached standby away for as long as it lasts; nobody could take over from the primary meanwhile.',
  FILES_MOVED:
    'pg_upgrade --swap moves the files of the old cluster into the new one, so once it has begun there is no old cluster to go back to and the new directory is the only copy: nothing of it is removed. Finish with op resume; where pg_upgrade itself has failed, use the way back of the upgrade (held standby, backup).',
  NEW_VERSION_HAS_WRITTEN:
    'The new primary was started and is not running now. It may have written into files that the old cluster shares, so the old control files stay set aside. Resume; the new version is the one to go on with.',
  NODE_NOT_ON_NEW_VERSION:
    'A node does not serve the new version in its place. Its old data would be removed and it would have none: recover it first.',
  NO_OPEN_UPGRADE:
    'No upgrade is between its opening and its end. One that has not ended is resumed or rolled back by its operation.',
  NOTE_MISSING:
    'The host could not take its note of the upgrade, so going back would leave its server running. Resume the upgrade that is named, which writes the note; or stop that server first.',
  NO_WAY_BACK:
    'Once the new version serves, the old data cannot be used: both share their files. Without a standby that was held back there is only your own backup.',
  POOL_PATHS_NOT_SEEN:
    'pgpool takes the directory of a node at a reload while the node is down, else at its next start. A recovery by pgpool needs it at once; where it waits in vain, see that the node is detached (poolctl node-info) and try again, or recover with --driver ssh.',
  CHANGED_SINCE_CHECK:
    'What `upgrade run` found by repeating the checks is not what the last `upgrade check` on this machine had found.',
  PEER_LOGIN_FAILED: "A standby could not log in on the primary's host as the user that its server runs as.",
  PRIMARY_NOT_CLEAN: 'The old primary did not end by a clean shutdown, and pg_upgrade needs one.',
  REHEARSAL_FAILED:
    "A part of the migration did not succeed on the standby's copy. The node was copied back and attached, so the cluster is as before. A run would have failed there too.",
  REHEARSAL_NEEDS_STANDBY: 'A rehearsal needs a standby that streams from the primary.',
  REHEARSAL_PLACE_TAKEN: 'A cluster that poolctl has not made lies where the rehearsed one would be.',
  REHEARSAL_PROMOTED:
    'The copy was promoted for the rehearsal. Started as it is configured it would be a second primary, so it stays down until it is recovered.',
  SERVICE_OF_OLD_VERSION:
    'Neither number nor directories of the version stand in the unit or command that starts the server, so the same would start the old one.',
  SMOKE_FAILED: 'A query failed on the new version: one that reads the first row of every table, or one of yours.',
  SMOKE_FILE_UNUSABLE: 'The file named by --smoke cannot be read, is empty, or is larger than what a plan may carry.',
  STANDBYS_NOT_LOGGED_IN:
    "Too few standbys can log in on the primary's host, from where they fetch the new catalogs. This is before the outage: nothing was stopped.",
  STANDBYS_NOT_LINKED:
    'Too few standbys have the new version. This is before the point of no return: the old cluster is put back.',
  STANDBYS_NOT_STREAMING:
    'Too few standbys stream from the new primary, which runs. Look at their server logs, then resume.',
  STANDBY_BEHIND: 'A standby did not replay the shutdown checkpoint in time. It is left out and recovered later.',
  SYNCHRONOUS_STANDBY:
    'The primary waits for this standby before it acknowledges a commit; without it clients would hang.',
  TABLESPACES_BEFORE_15: 'Before 15 pg_upgrade gives tablespaces other numbers, so standbys cannot be linked.',
  TOO_FEW_STANDBYS: 'Fewer standbys would be carried along than --min-standbys asks for.',
  UPGRADE_UNDER_WAY:
    'A run of the upgrade holds the locks of the hosts: it is at work, or its process died before its end.',
  UPGRADE_NOT_PREPARED: 'The new cluster or the translated configuration is missing. Run: poolctl upgrade prepare',
  WAY_BACK_FLAGS: 'The way back that is to be made, and what it needs, do not go together.',
  SWAP_NEEDS_18: 'pg_upgrade can move the files over instead of linking them from version 18 on.',
  WINDOW_TOO_SHORT: 'The promised window is shorter than going back takes.',
  WINDOW_WOULD_BE_MISSED:
    'The promised window is defended by going back while that still fits into it: end of the window, less what going back takes, less a margin.',
}

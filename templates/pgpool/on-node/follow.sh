# shellcheck shell=sh
# follow.sh ADDRESS PORT USER DATABASE PASSFILE BIN FORK-LSN CONNINFO SLOT LOCK: a running standby follows another primary, when it
# has replayed nothing past the point where that primary left the old timeline. Parameters take effect on reload from 13 on.
server_words "$@"
fork=$7
conninfo=$8
slot=$9
shift 9
if [ -s "$1" ]; then fail LOCKED "an operation is at work on it: $(head -c 300 "$1")"; fi
sql() { server_sql -v "conninfo=$conninfo" -v "slot=$slot" -v "fork=$fork"; }
state=$(printf '%s\n' "SELECT pg_is_in_recovery(), greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) <= :'fork'::pg_lsn" | sql) ||
  fail SERVER_DOWN 'its server does not answer'
case $state in
't|t') ;;
't|f') fail DIVERGED "it has WAL past $fork, where the new primary began: poolctl recovery brings it back" ;;
*) fail NOT_A_STANDBY 'it is not in recovery: poolctl recovery brings it back' ;;
esac
sql <<'SQL' || fail FOLLOW_FAILED 'its settings were not taken'
ALTER SYSTEM SET primary_conninfo TO :'conninfo';
ALTER SYSTEM SET primary_slot_name TO :'slot';
ALTER SYSTEM SET recovery_target_timeline TO 'latest';
SELECT pg_reload_conf();
SQL

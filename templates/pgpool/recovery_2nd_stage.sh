# shellcheck shell=sh disable=SC2154
# recovery_2nd_stage OWN-DATA HOST DATA OWN-PORT NODE [PORT [OWN-HOST]]: pgpool runs it in native replication and snapshot isolation
# while it holds all clients back, after a checkpoint. What changed since the first stage is sent, with all the WAL that the copy needs, so
# that the node starts with the same rows, sequence values and transaction numbers. Nobody writes meanwhile, so this WAL is short.
find_self "$1" "$4" "${7:-}"
begin second "$5" "$self_work/pgpool"
say "second stage for node $5 ($2:$3)"
look_around "$2" "$3"
if [ -n "$check_only" ]; then
  finish_stage "proved: SQL as $db_user, SSH to node $node_id with its key checked, rsync, room"
  exit 0
fi
if [ "$(sed -n 's/^state //p' "$self_work/pgpool/node-$node_id.first" 2>/dev/null || :)" != "done" ]; then
  die 'the first stage has not succeeded'
fi
take_lock "$node_id"
set_aside
step 'beginning a backup'
begin_backup
copy_data
stage_control
step 'ending the backup'
end_backup
# The segment that the end lies in is complete only after a switch.
try 'cannot switch WAL' sql "$self_address" "$self_port" 'SELECT pg_switch_wal()' >/dev/null
step "sending WAL $begun_segment to $ended_segment"
find "$self_data/pg_wal/" -maxdepth 1 -type f -printf '%f\n' | awk -v from="$begun_segment" -v to="$ended_segment" '
  length($0) == 24 && $0 >= from && $0 <= to { print } /^[0-9A-F]*\.history$/ { print }' | sort >"$tmp/segments"
if ! grep -qx -- "$begun_segment" "$tmp/segments" || ! grep -qx -- "$ended_segment" "$tmp/segments"; then
  die "WAL from $begun_segment to $ended_segment is not all in $self_data/pg_wal"
fi
transfer wal --files-from="$tmp/segments" "$self_data/pg_wal/" "node:$node_data/pg_wal/" || copy_failed
make_whole equal
finish_stage "node $node_id is a whole copy of node $self as of now"

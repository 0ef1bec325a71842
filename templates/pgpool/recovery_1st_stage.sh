# shellcheck shell=sh disable=SC2154,SC2034
# recovery_1st_stage OWN-DATA HOST DATA OWN-PORT NODE [PORT [OWN-HOST]]: pgpool runs it on the primary (native replication: the main
# node) as the server's user, clients going on meanwhile (pgpool manual, recovery_1st_stage_command; the sixth word came with 4.1,
# the seventh with 4.3).
find_self "$1" "$4" "${7:-}"
begin first "$5" "$self_work/pgpool"
say "first stage for node $5 ($2:$3)"
look_around "$2" "$3"
if [ -n "$check_only" ]; then
  finish_stage "proved: SQL as $db_user, SSH to node $node_id with its key checked, rsync, room, the target's data$(
    if [ "$mode" = streaming ]; then printf ', its replication login'; fi
  )"
  exit 0
fi
take_lock "$node_id"
if [ "$mode" = streaming ]; then
  # WAL is kept before the first byte is copied.
  there=$(sql "$self_address" "$self_port" "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$node_slot'")
  if [ "$there" = 0 ]; then
    try "cannot make the slot $node_slot" sql "$self_address" "$self_port" \
      "SELECT pg_create_physical_replication_slot('$node_slot', true)" >/dev/null
    slot_is_ours=$node_slot
  fi
fi
set_aside
step 'beginning a backup'
begin_backup
copy_data
stage_control
step 'ending the backup'
end_backup
if [ "$mode" = streaming ]; then
  make_whole standby
  finish_stage "node $node_id is a whole copy of node $self and follows it through slot $node_slot"
else
  finish_stage "node $node_id has a rough copy of node $self; the second stage makes it identical"
fi

# shellcheck shell=sh disable=SC2154,SC2016,SC2034
# What the two stages share: looking at source and target, the backup, the transfer, and what makes the copy whole.

slot_is_ours=
copying=
control_aside=
backup_pid=

# What this script opened or made is closed and removed; what it copied stays, unstartable, for the next try.
clean_up_failed() {
  if [ -n "$backup_pid" ]; then
    exec 9>&-
    kill "$backup_pid" 2>/dev/null
  fi
  if [ -n "$slot_is_ours" ]; then
    if sql "$self_address" "$self_port" "SELECT pg_drop_replication_slot('$slot_is_ours')" >/dev/null 2>&1; then
      say "dropped the slot $slot_is_ours that this stage had made"
    else
      left="the slot $slot_is_ours stays on node $self and keeps WAL"
    fi
  fi
  if [ -n "$copying" ]; then
    left="${left:+$left; }node $node_id has a broken-off copy, which cannot start; another recovery goes on from it"
  elif [ -n "$control_aside" ]; then
    on_node "$node_id" aside /dev/null "$node_work/lock" "$operation" "$node_data" "$node_work" restore-control 2>/dev/null ||
      left="${left:+$left; }the control file of node $node_id is set aside in $node_work"
  fi
}

fact() { sed -n "s/^$1 //p" "$tmp/look"; }

# look_around TARGET-ADDRESS TARGET-DATA: every reason why a copy would not be safe, before anything is touched.
look_around() {
  get_node "$node_id" || die "node $node_id is not in the cluster file that this script was made from"
  if [ "$node_id" = "$self" ]; then die "node $node_id is the source itself"; fi
  if [ "$node_data" != "$2" ]; then
    die "pgpool's backend_data_directory of node $node_id is $2, the cluster file's is $node_data"
  fi
  if [ "$node_address" != "$1" ]; then die "pgpool's backend_hostname of node $node_id is $1, the cluster file's is $node_address"; fi
  step 'checking source and target'
  try "node $self does not answer as $db_user" sql "$self_address" "$self_port" \
    'SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()), current_setting($$server_version_num$$)' >"$tmp/self"
  IFS='|' read -r in_recovery system_identifier server_version <"$tmp/self"
  if [ "$in_recovery" != f ]; then die "node $self is not a primary: it is in recovery"; fi
  command -v rsync >/dev/null || die "rsync is not installed on node $self"
  try "node $node_id cannot be reached over SSH" on_node "$node_id" look /dev/null \
    "$node_data" "$node_bin" "$node_work" "$(dashed "$node_config")" >"$tmp/look"
  if [ -z "$(fact rsync)" ]; then die "rsync is not installed on node $node_id"; fi
  if [ "$(fact programs)" != yes ]; then die "there is no PostgreSQL in $node_bin on node $node_id"; fi
  if [ -n "$(fact pid)" ] && [ -z "$check_only" ]; then die "PostgreSQL runs on node $node_id, process $(fact pid)"; fi
  theirs=$(fact sysid)
  permitted=
  if [ -r "$self_work/pgpool/node-$node_id.permit" ]; then permitted=$(sed -n 2p "$self_work/pgpool/node-$node_id.permit"); fi
  if [ "$(fact empty)" = no ] && [ "$theirs" != "$system_identifier" ] && [ "${theirs:-unreadable}" != "$permitted" ]; then
    if [ -n "$theirs" ]; then die "$node_data on node $node_id holds data of another cluster (system identifier $theirs)"; fi
    if [ "$(fact broken_off)" = no ]; then die "$node_data on node $node_id is not empty, and whose data it is cannot be proved"; fi
  fi
  # Clients are held back during the second stage, and the first has measured it.
  if [ "$stage" = second ]; then return; fi
  need=$(($(du -sk -- "$self_data" | cut -f 1) + 65536 - $(number "$(fact used_kb)")))
  if [ "$(fact free_kb)" -lt "$need" ]; then
    die "node $node_id has $(fact free_kb) kB free and the copy needs about $need kB"
  fi
  if [ "$(fact boot_id)" = "$(cat /proc/sys/kernel/random/boot_id)" ] && [ -n "$(ls -A -- "$self_data/pg_tblspc")" ]; then
    die 'source and target are one machine, and tablespaces have absolute paths'
  fi
  if [ "$mode" = streaming ]; then
    try "node $node_id cannot log in on node $self for replication" on_node "$node_id" login /dev/null \
      "$node_bin" "$self_conninfo$conninfo_end" >/dev/null
  fi
}

dashed() { if [ "$1" != - ]; then printf '%s' "$1"; fi; }
number() { printf '%s' "${1:-0}"; }

# The backup lives in its psql, and ends with it.
begin_backup() {
  mkfifo -- "$tmp/commands"
  (
    cd -- "$tmp" || exit 1
    PGPASSFILE=${passfile:-${PGPASSFILE:-}} exec "$self_bin/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$self_address" -p "$self_port" \
      -U "$db_user" -d "dbname=$database application_name='poolctl backup for pgpool'" <commands >/dev/null 2>backup.err
  ) &
  backup_pid=$!
  exec 9>"$tmp/commands"
  if [ "$server_version" -ge 150000 ]; then
    start="pg_backup_start('poolctl $stage stage of node $node_id', true)"
    stop='pg_backup_stop(false)'
  else
    start="pg_start_backup('poolctl $stage stage of node $node_id', true, false)"
    stop='pg_stop_backup(false, false)'
  fi
  # The words between quotes in psql are ours; the files it writes are relative, because it was started in $tmp.
  printf 'SELECT %s \\g begun\n\\! mv begun begun.whole\n' "$start" >&9
  await_file begun.whole 'the backup did not begin'
}

# An ended child that nobody has waited for is still there for kill -0.
lives() {
  case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in '' | Z* | X*) return 1 ;; esac
}

await_file() {
  until [ -e "$tmp/$1" ]; do
    if ! lives "$backup_pid"; then die "$2: $(tail -n 3 -- "$tmp/backup.err")"; fi
    sleep 0.05
  done
}

# Leaves label and map in $tmp, and the first and last segment that the copy needs in begun.segment and ended.segment.
end_backup() {
  printf "SELECT pg_walfile_name(lsn), '.' || translate(encode(convert_to(labelfile, getdatabaseencoding()), 'base64'), E'\\\\n', ''), '.' || translate(encode(convert_to(coalesce(spcmapfile, ''), getdatabaseencoding()), 'base64'), E'\\\\n', '') FROM %s \\\\g ended\n\\\\! mv ended ended.whole\n" "$stop" >&9
  await_file ended.whole 'the backup did not end'
  exec 9>&-
  wait "$backup_pid" || die "the session of the backup failed: $(tail -n 3 -- "$tmp/backup.err")"
  backup_pid=
  IFS='|' read -r ended_segment label map <"$tmp/ended.whole"
  printf '%s' "${label#.}" | base64 -d >"$tmp/label"
  printf '%s' "${map#.}" | base64 -d >"$tmp/map"
  begun_segment=$(sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\)).*/\1/p' "$tmp/label")
  if [ -z "$begun_segment" ]; then die 'the label of the backup names no WAL file'; fi
}

# What a copy never carries (manual, Making a Base Backup Using the Low Level API), and what is a node's own.
filters() {
  cat <<'FILTERS'
/postmaster.pid
/postmaster.opts
/pg_wal
/pg_replslot/*
/pg_dynshmem/*
/pg_notify/*
/pg_serial/*
/pg_snapshots/*
/pg_stat_tmp/*
/pg_subtrans/*
/pg_tblspc/*
/global/pg_control
/backup_label*
/tablespace_map*
/backup_manifest*
/standby.signal
/recovery.signal
/recovery.conf
/recovery.done
/current_logfiles*
/log
/pg_log
/postgresql.auto.conf.tmp
pgsql_tmp*
pg_internal.init*
FILTERS
}

# transfer NAME OPTION... SOURCE DESTINATION-PATH. Files that vanish under a live server are no failure (rsync's 24); a hole is.
transfer() {
  name=$1
  shift
  status=0
  # A line for each file once it is sent; %b makes rsync write it then and not before.
  rsync -lpts --numeric-ids --modify-window=-1 --block-size=8192 --out-format='%b %l' -e "sh $tmp/rsh" "$@" \
    2>"$tmp/err.$name" >>"$tmp/sent.$name" || status=$?
  case $status in
  0 | 24) ;;
  *)
    printf '%s\n' "$(tail -n 4 -- "$tmp/err.$name")" >"$tmp/failed"
    return "$status"
    ;;
  esac
}

copy_failed() {
  die "copying to node $node_id failed: $(head -c 600 -- "$tmp/failed" 2>/dev/null || :)"
}

# Large files side by side, then all the rest and what changed meanwhile in one pass, which also removes what the source lacks.
copy_data() {
  filters >"$tmp/filters"
  remote_shell "$node_id"
  # What did not stop cleanly, or was broken off before, may have pages whose size and time tell nothing.
  check=
  if [ "$stage" = first ] && [ "$(fact empty)" = no ]; then
    case $(fact state) in 'shut down' | 'shut down in recovery') ;; *) check=--checksum ;; esac
  fi
  copying=yes
  workers=
  find "$self_data/base" "$self_data/global" -type f -size +255k ! -name 'pg_control' ! -name 'pgsql_tmp*' -printf '%s %P %H\n' 2>/dev/null |
    awk -v jobs="$jobs" -v prefix="$tmp/list." -v root="$self_data/" '
      { size = $1; path = $2; $1 = ""; $2 = ""; top = substr($0, 3); sub(".*/", "", top)
        best = 0; for (n = 1; n < jobs; n++) if (load[n] + 0 < load[best] + 0) best = n
        load[best] += size; print top "/" path > (prefix best) }'
  step "copying node $self to node $node_id, $jobs transfers at a time"
  if [ "$stage" = second ]; then
    # A page written in the same clock tick in which the first stage read its file leaves size and time as they were.
    find "$self_data/base" "$self_data/global" -type f -newermt "@$(($(sed -n 's/^began //p' "$self_work/pgpool/node-$node_id.first") - 2))" \
      ! -name pg_control -printf '%H/%P\n' 2>/dev/null | sed 's,^.*/\(base\|global\)/,\1/,' >"$tmp/written"
    transfer written --checksum --ignore-missing-args --files-from="$tmp/written" "$self_data/" "node:$node_data/" 9>&- || copy_failed
  fi
  for list in "$tmp"/list.*; do
    if [ ! -s "$list" ]; then continue; fi
    transfer "${list##*.}" ${check:+"$check"} --ignore-missing-args --files-from="$list" "$self_data/" "node:$node_data/" 9>&- &
    workers="$workers $!"
  done
  for pid in $workers; do wait "$pid" || copy_failed; done
  workers=
  step 'copying the rest, and what changed meanwhile'
  transfer rest -r --delete ${check:+"$check"} --exclude-from="$tmp/filters" "$self_data/" "node:$node_data/" 9>&- || copy_failed
  for link in "$self_data"/pg_tblspc/*; do
    if [ ! -L "$link" ]; then continue; fi
    place=$(readlink -- "$link")
    case $place in /*) ;; *) continue ;; esac
    step "copying the tablespace $place"
    on_node "$node_id" tablespace /dev/null "$node_work/lock" "$operation" "$node_data" "${link##*/}" "$place" 2>"$tmp/err" ||
      die "cannot make the tablespace $place: $(tail -n 3 "$tmp/err")"
    transfer tablespace -r --delete ${check:+"$check"} --exclude 'pgsql_tmp*' "$place/" "node:$place/" 9>&- || copy_failed
  done
}

# The control file is fetched last and inside the backup, and only staged: until it is put in place nothing can start the copy.
stage_control() {
  cat -- "$self_data/global/pg_control" >"$tmp/pg_control"
  try "cannot stage the control file on node $node_id" on_node "$node_id" stage-control "$tmp/pg_control" \
    "$node_work/lock" "$operation" "$node_work" "$(($(wc -c <"$tmp/pg_control")))"
}

set_aside() {
  try "cannot save the configuration of node $node_id" on_node "$node_id" config /dev/null \
    "$node_work/lock" "$operation" "$node_data" "$node_work" save
  control_aside=yes
  try "cannot set the control file of node $node_id aside" on_node "$node_id" aside /dev/null \
    "$node_work/lock" "$operation" "$node_data" "$node_work" set-control
  copying=yes
  try "cannot prepare the directory of node $node_id" on_node "$node_id" prepare /dev/null \
    "$node_work/lock" "$operation" "$node_data"
}

quote_setting() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g"; }

# make_whole ROLE: the node's own configuration, its role, the label, and the control file last.
make_whole() {
  try "cannot put the configuration of node $node_id back" on_node "$node_id" config /dev/null \
    "$node_work/lock" "$operation" "$node_data" "$node_work" restore >"$tmp/auto.before"
  awk 'tolower($0) !~ /^[ \t]*(primary_conninfo|primary_slot_name|recovery_target[a-z_]*|promote_trigger_file|restore_command)[ \t=]/' \
    "$tmp/auto.before" >"$tmp/auto.after"
  {
    if [ "$(fact own_config)" = no ]; then
      # The configuration came with the copy, and would make the node listen on the source's address.
      printf "port = '%s'\n" "$node_port"
      if [ "$(sql "$self_address" "$self_port" 'SHOW listen_addresses')" = "$self_address" ]; then
        printf "listen_addresses = '%s'\n" "$node_address"
      fi
      # Two servers of one machine with one port, told apart by their addresses: the copied directory has the source's socket in it.
      if [ "$self_port" = "$node_port" ] && [ "$(fact boot_id)" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
        printf "unix_socket_directories = ''\n"
      fi
    fi
    if [ "$1" = standby ]; then
      printf "primary_conninfo = '%s'\n" "$(quote_setting "$self_conninfo application_name='$node_slot'$conninfo_end")"
      printf "primary_slot_name = '%s'\nrecovery_target_timeline = 'latest'\n" "$node_slot"
    fi
  } >>"$tmp/auto.after"
  try "cannot write the settings of node $node_id" on_node "$node_id" settings "$tmp/auto.after" \
    "$node_work/lock" "$operation" "$node_data" "$1" "$(($(wc -c <"$tmp/auto.after")))"
  cat -- "$tmp/label" "$tmp/map" >"$tmp/both"
  try "cannot finish the copy on node $node_id" on_node "$node_id" aside "$tmp/both" "$node_work/lock" "$operation" "$node_data" \
    "$node_work" finish "$(($(wc -c <"$tmp/label")))" "$(($(wc -c <"$tmp/map")))"
}

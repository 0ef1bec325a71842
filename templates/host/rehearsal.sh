# shellcheck shell=sh
# rehearsal.sh LOCK OPERATION WORK DATA BIN CONFIG VERB [ARGUMENT...]: a standby's copy, and what is made of it, alone: no client, no pgpool and no
# other server reaches it, and it reaches none. Each verb may be repeated.
#   isolate  the directory's own settings leave a server without any socket, so that whoever starts it by mistake gets an error and
#            no second primary
#   start    on a socket in a directory that nobody else can enter
#   promote  the running copy leaves recovery
#   smoke    USER DATABASE BYTES: reads every table of every database, then runs the operator's file from stdin
#   drop     NEWDATA TO: the cluster that was made of the copy is removed; the copy stays without a control file of its own
need_lock "$1" "$2"
work=$3
data=$4
bin=$5
config=$6
verb=$7
shift 7
mark=$work/rehearsal-sockets
make_work "$work"
PGDATA=$data
export PGDATA
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD PGPASSFILE

isolate() {
  need_stopped "$data"
  conf=$data/postgresql.auto.conf
  if grep -q '^# poolctl rehearsal$' "$conf" 2>/dev/null; then return; fi
  # The last value wins. Nothing of the site's archive is read or written, nobody is followed, and no job or subscription begins.
  {
    if [ -r "$conf" ]; then cat -- "$conf"; fi
    printf '%s\n' '# poolctl rehearsal' "listen_addresses = ''" "unix_socket_directories = ''" 'archive_mode = off' "archive_command = ''" \
      "restore_command = ''" "archive_cleanup_command = ''" "recovery_end_command = ''" "primary_conninfo = ''" "primary_slot_name = ''" \
      'recovery_min_apply_delay = 0' "synchronous_standby_names = ''" 'max_logical_replication_workers = 0' \
      'cron.launch_active_jobs = off' 'logging_collector = off' 'ssl = off' "external_pid_file = ''" "cluster_name = 'rehearsal'"
  } >"$conf.part" || fail WRITE_FAILED "cannot write $conf.part"
  chmod 600 -- "$conf.part"
  sync -- "$conf.part"
  put "$conf.part" "$conf"
}

# Line 5 of postmaster.pid is the socket directory, line 4 the port.
sockets_of() { sed -n 5p -- "$data/postmaster.pid" 2>/dev/null; }

start() {
  if [ -n "$(postmaster_pid "$data")" ]; then
    case $(sockets_of) in
    /tmp/poolctl-rehearsal.*) return ;;
    *) fail SERVER_RUNNING "a server that is no rehearsal runs in $data" ;;
    esac
  fi
  if ! grep -q '^# poolctl rehearsal$' "$data/postgresql.auto.conf" 2>/dev/null; then
    fail NOT_ISOLATED "$data would start as it is configured for the site"
  fi
  sockets=
  if [ -r "$mark" ]; then sockets=$(cat -- "$mark"); fi
  # A socket's path may have 107 bytes, so it cannot be in the work directory. One directory serves both versions.
  if [ ! -d "$sockets" ]; then
    sockets=$(mktemp -d /tmp/poolctl-rehearsal.XXXXXX) || fail WORK_DIRECTORY 'cannot make a directory in /tmp'
    printf '%s' "$sockets" >"$mark" || fail WRITE_FAILED "cannot write $mark"
  fi
  printf 'local all all trust\n' >"$sockets/hba"
  options="-k $sockets -c hba_file=$sockets/hba"
  if [ -n "$config" ]; then options="$options -c config_file='$config'"; fi
  # A copy in recovery is not read, only promoted: libraries that begin work of their own once they may write stay out of it.
  if [ -e "$data/standby.signal" ]; then options="$options -c hot_standby=off -c shared_preload_libraries="; fi
  "$bin/pg_ctl" start -w -t 600 -o "$options" </dev/null >>"$work/server.log" 2>&1 ||
    fail START_FAILED "$(tail -n 6 -- "$work/server.log")"
}

promote() {
  if [ -z "$(postmaster_pid "$data")" ]; then fail NOT_RUNNING "no server runs in $data"; fi
  if [ ! -e "$data/standby.signal" ]; then return; fi
  "$bin/pg_ctl" promote -w -t 600 </dev/null >>"$work/server.log" 2>&1 || fail PROMOTE_FAILED "$(tail -n 6 -- "$work/server.log")"
}

ask() {
  PGOPTIONS='-c statement_timeout=600000' PGHOST=$sockets PGPORT=$port PGUSER=$user \
    "$bin/psql" -X -q -A -t -w -v ON_ERROR_STOP=1 "$@"
}

# tried NAME COMMAND...: name, nanoseconds, status and what it said.
tried() {
  tried_name=$1
  shift
  tried_from=$(date +%s%N)
  tried_status=0
  "$@" >"$work/smoke.out" 2>&1 </dev/null || tried_status=$?
  printf '%s\0%s\0%s\0' "$tried_name" "$(($(date +%s%N) - tried_from))" "$tried_status"
  # What a query returns is the site's data and none of our business; an error says what failed.
  if [ "$tried_status" -eq 0 ]; then printf '\0'; else printf '%s\0' "$(grep -e ERROR: -e FATAL: -e PANIC: -e LINE -e error: "$work/smoke.out" | head -n 6)"; fi
}

# Partitions are read one by one and foreign tables not at all: they would be asked of the server that they stand for.
# shellcheck disable=SC2016
TABLES='DO $smoke$
DECLARE one regclass;
BEGIN
  FOR one IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ($$r$$, $$m$$) AND c.relispopulated AND n.nspname !~ $$^pg_(toast|temp)$$
  LOOP EXECUTE format($$SELECT 1 FROM ONLY %s LIMIT 1$$, one); END LOOP;
END $smoke$'

smoke() {
  user=$1
  database=$2
  bytes=$3
  take_input "$work/smoke.sql" "$bytes"
  sockets=$(sockets_of)
  port=$(sed -n 4p -- "$data/postmaster.pid" 2>/dev/null)
  case $sockets in /tmp/poolctl-rehearsal.*) ;; *) fail NOT_RUNNING "no rehearsal runs in $data" ;; esac
  ask -d "$database" -c 'SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname' </dev/null >"$work/smoke.databases" 2>&1 ||
    fail SMOKE_FAILED "$(head -n 3 "$work/smoke.databases")"
  while IFS= read -r name; do
    # As a connection string, because a bare name with = in it would be taken for one.
    quoted=$(printf '%s' "$name" | sed "s/[\\\\']/\\\\&/g")
    tried "first row of every table in $name" ask -d "dbname='$quoted'" -c "$TABLES"
  done <"$work/smoke.databases"
  if [ "$bytes" -gt 0 ]; then tried 'your queries' ask -d "$database" -f "$work/smoke.sql"; fi
  rm -f -- "$work/smoke.sql" "$work/smoke.out" "$work/smoke.databases"
}

drop() {
  new=$1
  to=$2
  shift 2
  for place in "$data" "$new" "$@"; do need_stopped "$place"; done
  case $new in /*/*) ;; *) fail NEW_DATA_NESTED "not a place for a data directory: $new" ;; esac
  for link in "$data"/pg_tblspc/*; do
    if [ ! -L "$link" ]; then continue; fi
    for place in "$(readlink -f -- "$link")"/PG_"$to"_*; do
      if [ -d "$place" ]; then rm -rf -- "$place" || fail WRITE_FAILED "cannot remove $place"; fi
    done
  done
  for place in "$new" "$@"; do wal_drop "$work/rehearsal/upgrade" "$place" "$data"; done
  for place in "$new" "$new.poolctl-new" "$@"; do
    rm -rf -- "$place" || fail WRITE_FAILED "cannot remove $place"
  done
  rm -rf -- "$work/rehearsal/upgrade/made" "$work/rehearsal/upgrade/prepared" "$work/rehearsal/upgrade/config" \
    "$work/rehearsal/upgrade/wal-old" "$work/rehearsal/upgrade/initdb.log" \
    "$work/smoke.sql" "$work/smoke.out" "$work/smoke.databases"
  if [ -r "$mark" ]; then
    case $(cat -- "$mark") in /tmp/poolctl-rehearsal.??????) rm -rf -- "$(cat -- "$mark")" ;; esac
    rm -f -- "$mark"
  fi
}

case $verb in
isolate) isolate ;;
start) start ;;
promote) promote ;;
smoke) smoke "$@" ;;
drop) drop "$@" ;;
esac

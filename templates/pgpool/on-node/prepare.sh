# shellcheck shell=sh
# prepare.sh LOCK OPERATION DATA: makes a stopped directory ready to receive a copy. Old WAL, slots and run-time state go: a segment
# of the node's own past with the right name would be replayed instead of the source's.
need_lock "$1" "$2"
data=$3
need_stopped "$data"
case $data in /?*) ;; *) fail DATA_UNREADABLE "not a data directory: $data" ;; esac
if [ -e "$data/global/pg_control" ]; then fail CONTROL_IN_PLACE "$data/global/pg_control is still in place"; fi
mkdir -p -- "$data" || fail WRITE_FAILED "cannot make $data"
chmod 700 -- "$data"
for place in pg_wal pg_replslot pg_dynshmem pg_notify pg_serial pg_snapshots pg_stat_tmp pg_subtrans; do
  if [ -d "$data/$place/" ]; then
    find "$data/$place/" -mindepth 1 -delete || fail WRITE_FAILED "cannot empty $data/$place"
  else
    mkdir -- "$data/$place" || fail WRITE_FAILED "cannot make $data/$place"
  fi
done
mkdir -p -- "$data/pg_wal/archive_status" || fail WRITE_FAILED "cannot make $data/pg_wal/archive_status"
rm -f -- "$data/postmaster.pid" "$data/postmaster.opts" "$data/standby.signal" "$data/recovery.signal" "$data/recovery.conf"

# shellcheck shell=sh
# upgrade-backup.sh DIRECTORY BIN ADDRESS PORT USER PASSFILE (OID LOCATION)...: a base backup of the primary into a directory of this host, as a
# job; it has its name only once it is whole, and proved where pg_verifybackup is there. One that lies there already is never replaced.
# OID, LOCATION: tablespaces of the primary. In the backup each is a directory in pg_tblspc, so that all of it is in one place.
directory=$1
bin=$2
address=$3
port=$4
user=$5
passfile=$6
shift 6
cd -- "$POOLCTL_JOB" || exit 91
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD PGPASSFILE
if [ -n "$passfile" ]; then
  PGPASSFILE=$passfile
  export PGPASSFILE
fi
case $directory in /*/*) ;; *) fail BACKUP_PLACE_TAKEN "not a place for a backup: $directory" ;; esac
if [ -e "$directory" ] && ! rmdir -- "$directory" 2>/dev/null; then fail BACKUP_PLACE_TAKEN "$directory holds something"; fi
part=$directory.poolctl-part
rm -rf -- "$part"
spaces=$part/poolctl-tablespaces
# mapped PATH: as pg_basebackup reads it.
mapped() { printf '%s' "$1" | sed 's/=/\\=/g'; }
oids=
oid=
pairs=$#
for word; do
  if [ -z "$oid" ]; then
    oid=$word
    continue
  fi
  case $word in
  # Any other is in the data directory itself (allow_in_place_tablespaces) and comes with that.
  /*)
    oids="$oids $oid"
    set -- "$@" -T "$(mapped "$word")=$(mapped "$spaces/$oid")"
    ;;
  esac
  oid=
done
shift "$pairs"
printf 'pg_basebackup\n' >phase
"$bin/pg_basebackup" "$@" -D "$part" -w -c fast -X stream -l 'poolctl upgrade prepare' -h "$address" -p "$port" -U "$user" >out.backup 2>&1 </dev/null || {
  status=$?
  tail -n 12 out.backup >&2
  rm -rf -- "$part"
  exit "$status"
}
for oid in $oids; do
  link=$part/pg_tblspc/$oid
  if [ ! -L "$link" ] || [ ! -d "$spaces/$oid" ]; then
    rm -rf -- "$part"
    fail BACKUP_UNUSABLE "tablespace $oid is not in the backup: it was dropped meanwhile"
  fi
  rm -f -- "$link"
  put "$spaces/$oid" "$link"
done
if [ -n "$oids" ]; then rmdir -- "$spaces" || fail WRITE_FAILED "cannot remove $spaces"; fi
for link in "$part"/pg_tblspc/*; do
  if [ ! -L "$link" ]; then continue; fi
  # pg_basebackup has put it where it is on the primary, which may be this node's own place for it: nothing is removed there.
  place=$(readlink -- "$link")
  rm -rf -- "$part"
  fail BACKUP_UNUSABLE "a tablespace was made meanwhile, and its copy is in $place: look there before this is repeated"
done
printf 'pg_verifybackup\n' >phase
if [ -x "$bin/pg_verifybackup" ]; then
  # Its WAL was streamed beside it; pg_verifybackup reads that, too.
  "$bin/pg_verifybackup" "$part" >out.verify 2>&1 </dev/null || {
    tail -n 12 out.verify >&2
    rm -rf -- "$part"
    exit 91
  }
  said='verified by pg_verifybackup'
else
  said='not verified: pg_verifybackup is not installed'
fi
printf 'flushing\n' >phase
sync -f -- "$part" || fail WRITE_FAILED "cannot flush $part"
put "$part" "$directory"
printf '%s, %s bytes\n' "$said" "$(du -sb -- "$directory" | cut -f 1)" >&2

# shellcheck shell=sh
# upgrade-backup.sh DIRECTORY BIN ADDRESS PORT USER PASSFILE: a base backup of the primary into a directory of this host, as a job; it has its
# name only once it is whole, and proved where pg_verifybackup is there. One that lies there already is never replaced.
directory=$1
bin=$2
address=$3
port=$4
user=$5
passfile=$6
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
printf 'pg_basebackup\n' >phase
"$bin/pg_basebackup" -D "$part" -w -c fast -X stream -l 'poolctl upgrade prepare' -h "$address" -p "$port" -U "$user" >out.backup 2>&1 </dev/null || {
  status=$?
  tail -n 12 out.backup >&2
  rm -rf -- "$part"
  exit "$status"
}
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

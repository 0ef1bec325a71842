# shellcheck shell=sh
# upgrade-check-trial.sh NEWBIN NEWDATA OLDBIN OLDDATA PORT ADDRESS USER ENCODING COLLATE CTYPE SEGMENT_MB CHECKSUMS PREPARED CONFIG_BYTES
#   PASSFILE_BYTES [SOCKETDIR...]: an empty cluster of the new version beside the new data directory, asked by pg_upgrade --check, started
# with the translated settings and its preload libraries, filled with the real schema, and removed whatever happens. From stdin: settings,
# then a password file, so that no password stands in a command line, an environment or a file that outlives the trial.
newbin=$1
newdata=$2
oldbin=$3
olddata=$4
port=$5
address=$6
user=$7
encoding=$8
collate=$9
shift 9
ctype=$1
segment_mb=$2
checksums=$3
prepared=$4
config_bytes=$5
passfile_bytes=$6
shift 6
trial_port=50432

parent=$newdata
while [ ! -d "$parent" ] || [ "$parent" = "$newdata" ]; do parent=${parent%/*}; done
root=$(mktemp -d "${parent:-/}/.poolctl-trial.XXXXXX") || fail WORK_DIRECTORY "cannot make a directory in ${parent:-/}"
# A socket's path may have 107 bytes, so it cannot be in the trial's own directory. Nobody but this user can enter it.
sockets=$(mktemp -d /tmp/poolctl-trial.XXXXXX) || fail WORK_DIRECTORY 'cannot make a directory in /tmp'
end_trial() {
  if [ -n "$(postmaster_pid "$root/data")" ]; then PGDATA=$root/data "$newbin/pg_ctl" stop -s -m immediate >/dev/null 2>&1; fi
  rm -rf -- "$root" "$sockets"
}
trap end_trial EXIT
trap 'exit 91' HUP INT TERM PIPE
cd -- "$root" || exit 91
head -c "$config_bytes" >"$root/settings"
head -c "$passfile_bytes" >"$root/passfile"
PGPASSFILE=$root/passfile
export PGPASSFILE
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD

say() {
  printf '%s\0%s\0' "$1" "$2"
}

# timed NAME COMMAND...: its seconds, status and output.
timed() {
  timed_name=$1
  shift
  timed_from=$(date +%s%N)
  timed_status=0
  "$@" >"$root/$timed_name.out" 2>&1 </dev/null || timed_status=$?
  say "$timed_name" "$(($(date +%s%N) - timed_from)) $timed_status"
  return "$timed_status"
}

make_cluster() {
  set -- -D "$root/data" -U "$user" --auth=trust --encoding="$encoding" --lc-collate="$collate" --lc-ctype="$ctype" \
    --wal-segsize="$segment_mb" --no-sync
  if [ "$checksums" = 1 ]; then
    set -- "$@" --data-checksums
  elif "$newbin/initdb" --help | grep -q -- --no-data-checksums; then
    set -- "$@" --no-data-checksums
  fi
  "$newbin/initdb" "$@"
}
if ! timed initdb make_cluster; then
  say initdbSaid "$(tail -n 12 "$root/initdb.out")"
  exit 0
fi
if [ -x "$newbin/pg_controldata" ]; then say control "$("$newbin/pg_controldata" -D "$root/data" 2>/dev/null)"; fi
printf '\n# translated settings\n' >>"$root/data/postgresql.conf"
cat "$root/settings" >>"$root/data/postgresql.conf"

# What pg_upgrade says is on its output, and the objects that it means in files beside it, with names of its own.
ask_pg_upgrade() {
  target=$root/data
  if [ "$prepared" = 1 ]; then target=$newdata; fi
  printf 'local all all trust\n' >"$sockets/hba"
  "$newbin/pg_upgrade" --check --link -b "$oldbin" -B "$newbin" -d "$olddata" -D "$target" -p "$port" -P "$trial_port" -U "$user" \
    -s "$sockets" -O "-c hba_file=$sockets/hba"
}
socket=
for directory; do
  if [ -S "$directory/.s.PGSQL.$port" ]; then socket=$directory; fi
done
if [ -n "$socket" ]; then
  if ! timed pgUpgrade ask_pg_upgrade; then
    say pgUpgradeSaid "$(grep -v -e ' ok$' -e '^[- ]*$' "$root/pgUpgrade.out" | tail -n 40)"
    out=$root
    if [ "$prepared" = 1 ]; then out=$newdata; fi
    find "$root" "$out" -path '*pg_upgrade_output.d*' -name '*.txt' -newer "$root/settings" -exec head -n 20 {} + 2>/dev/null |
      head -c 4000 >"$root/named"
    find "$root" -maxdepth 1 -name '*.txt' -exec head -n 20 {} + 2>/dev/null | head -c 4000 >>"$root/named"
    say pgUpgradeNamed "$(cat "$root/named")"
    # 13 and 14 write to the current directory; later versions into the new cluster, which keeps nothing of a check of ours.
    if [ "$prepared" = 1 ]; then find "$newdata/pg_upgrade_output.d" -mindepth 1 -maxdepth 1 -newer "$root/settings" -exec rm -rf -- {} + 2>/dev/null; fi
  fi
fi

start_trial() {
  PGDATA=$root/data "$newbin/pg_ctl" start -s -w -t 60 -o "-p $trial_port -k $sockets -c listen_addresses= -c fsync=off" >"$root/server.out" 2>&1
}
if ! timed start start_trial; then
  say startSaid "$(tail -n 12 "$root/server.out")"
  exit 0
fi

route=
for host in "$@" "$address"; do
  if "$newbin/psql" -X -w -q -h "$host" -p "$port" -U "$user" -d postgres -c 'SELECT 1' >/dev/null 2>"$root/route.err"; then
    route=$host
    break
  fi
done
if [ -z "$route" ]; then
  say dump '0 1'
  say dumpSaid "$(tail -n 3 "$root/route.err")"
  exit 0
fi
# Without tablespaces: their directories are the real ones. Without secrets: roles' passwords and subscriptions' are not needed.
dump_schema() {
  "$newbin/pg_dumpall" --schema-only --no-tablespaces --no-role-passwords --no-subscriptions -w -h "$route" -p "$port" -U "$user" \
    -f "$root/schema.sql"
}
if ! timed dump dump_schema; then
  say dumpSaid "$(tail -n 12 "$root/dump.out")"
  exit 0
fi
say dumpBytes "$(stat -c %s "$root/schema.sql")"
restore_schema() {
  "$newbin/psql" -X -q -h "$sockets" -p "$trial_port" -U "$user" -d postgres -f "$root/schema.sql"
}
timed restore restore_schema
# The role that made the trial is there already; every other error is a real one.
say restoreSaid "$(grep -e ERROR: -e FATAL: -e PANIC: "$root/restore.out" | grep -v "role \"$user\" already exists" | sed "s|^psql:$root/||" | head -n 40)"

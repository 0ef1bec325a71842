# shellcheck shell=sh
# upgrade-check-settings.sh NEWBIN: whether the new program takes the configuration on stdin. "postgres -C" reads all of it and
# says what it does not know, without a data directory and without memory.
newbin=$1
place=$(mktemp -d /tmp/poolctl-settings.XXXXXX) || fail WORK_DIRECTORY 'cannot make a directory in /tmp'
trap 'rm -rf -- "$place"' EXIT
trap 'exit 91' HUP INT TERM PIPE
cat >"$place/postgresql.conf" || fail WRITE_FAILED "cannot write $place/postgresql.conf"
if [ ! -x "$newbin/postgres" ]; then fail PROGRAM_MISSING "$newbin/postgres is not there"; fi
status=0
"$newbin/postgres" -C max_connections -D "$place" >"$place/out" 2>"$place/err" || status=$?
printf '%s\0' "$status"
sed "s|$place/||g" "$place/err"

# shellcheck shell=sh
# look.sh DATA BIN WORK CONFIG: what the node is like now, a fact a line.
data=$1
bin=$2
work=$3
config=$4
printf 'boot_id %s\n' "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
printf 'rsync %s\n' "$(command -v rsync)"
printf 'pid %s\n' "$(postmaster_pid "$data")"
if [ -x "$bin/postgres" ]; then printf 'programs yes\n'; else printf 'programs no\n'; fi
place=$data
while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
printf 'free_kb %s\n' "$(df -Pk -- "$place" | awk 'NR == 2 { print $4 }')"
printf 'used_kb %s\n' "$(if [ -d "$data" ]; then du -sk -- "$data" 2>/dev/null | cut -f 1; fi)"
if [ ! -d "$data" ] || [ -z "$(find "$data/" -mindepth 1 -maxdepth 1 -print -quit)" ]; then printf 'empty yes\n'; else printf 'empty no\n'; fi
if [ -e "$work/pg_control.aside" ] || [ -e "$work/was-empty" ]; then printf 'broken_off yes\n'; else printf 'broken_off no\n'; fi
# Its own configuration: saved by an earlier try, or lying there and not brought by a copy that was broken off.
own=no
if [ -n "$config" ] || [ -e "$work/config/postgresql.conf" ]; then own=yes
elif [ ! -d "$work/config" ] && [ -e "$data/postgresql.conf" ] && [ ! -e "$work/pg_control.aside" ] && [ ! -e "$work/was-empty" ]; then own=yes; fi
printf 'own_config %s\n' "$own"
if [ -e "$data/global/pg_control" ]; then
  LC_ALL=C "$bin/pg_controldata" -D "$data" 2>/dev/null | sed -n \
    -e 's/^Database system identifier: *\([0-9]*\)$/sysid \1/p' -e 's/^Database cluster state: *\(.*\)$/state \1/p'
fi

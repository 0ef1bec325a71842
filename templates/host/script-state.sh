# shellcheck shell=sh
# script-state.sh directory:PATH|pgpool:CONFIG FILE...: as whom FILEs will be run (the owner of a data directory, or the user of the running
# pgpool; empty when nobody can tell), who we are, then of each its digest, or `-` when it is missing, its mode and its owner; NUL after each.

# The process that the pid file of that pgpool.conf names, when it is one of pgpool.
pgpool_user() {
  pid_file=$(sed -n "s/^[[:space:]]*pid_file_name[[:space:]]*=[[:space:]]*'\([^']*\)'.*/\1/p" "$1" | tail -n 1)
  pid=$(head -n 1 -- "${pid_file:-/var/run/pgpool/pgpool.pid}" 2>/dev/null) || return 0
  case $pid in '' | *[!0-9]*) return 0 ;; esac
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = pgpool ]; then stat -c %U "/proc/$pid"; fi
}

runner=
case $1 in
directory:*) runner=$(stat -L -c %U -- "${1#directory:}") || runner= ;;
pgpool:*) runner=$(pgpool_user "${1#pgpool:}") || runner= ;;
esac
shift
printf '%s\0' "$runner" "$(id -un)"
for path; do
  if [ ! -e "$path" ]; then
    printf '%s\0' - - -
    continue
  fi
  digest=$(sha256sum <"$path") || fail FILE_UNREADABLE "cannot read $path as $(id -un)"
  printf '%s\0' "${digest%% *}" "$(stat -L -c %a -- "$path")" "$(stat -L -c %U -- "$path")"
done

# shellcheck shell=sh
# hook-status.sh DIRECTORY...: what the hooks of pgpool and PostgreSQL have left of their last runs: `file PATH`, then its facts. With `data:`
# before it, a data directory, whose archive and restore scripts write into the work directory beside it.
for place; do
  case $place in
  data:*) place=$(readlink -f -- "${place#data:}" 2>/dev/null).poolctl/pgpool ;;
  esac
  if [ ! -d "$place" ]; then continue; fi
  if [ ! -r "$place" ] || [ ! -x "$place" ]; then fail FILE_UNREADABLE "cannot read $place as $(id -un)"; fi
  for path in "$place"/node-*.failover "$place"/node-*.follow "$place"/escalation "$place"/de-escalation \
    "$place"/archive_wal "$place"/restore_wal; do
    if [ ! -f "$path" ]; then continue; fi
    text=$(cat -- "$path") || fail FILE_UNREADABLE "cannot read $path as $(id -un)"
    pid=$(printf '%s\n' "$text" | sed -n 's/^pid \([0-9]*\)$/\1/p')
    if [ -n "$pid" ] && [ -n "$(start_ticks "$pid")" ]; then alive=yes; else alive=no; fi
    printf 'file %s\n%s\nalive %s\n' "$path" "$text" "$alive"
  done
done

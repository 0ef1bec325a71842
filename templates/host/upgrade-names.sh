# shellcheck shell=sh
# list_names DATA MAJOR: what a standby's new cluster must be made of: kind, size and name of all that the new version has in a data directory
# and its tablespaces. Without what each node has for itself, and without free space maps, which are in no WAL: one may be missing, or
# of another length, and is made anew when somebody asks for space. On one node pg_wal may be
# a link to a directory, and on another one the directory itself.
list_names() {
  cd -- "$1" || exit 91
  set -- "$2"
  {
    find . -mindepth 1 -path ./pg_wal -prune -o -printf '%y %s %P\n'
    find pg_wal/ -printf '%y %s pg_wal/%P\n'
    for place in pg_tblspc/*/PG_"$1"_*; do
      if [ -d "$place" ]; then find "$place/" -printf "%y %s $place/%P\n"; fi
    done
  } | awk '{ kind = $1; size = kind == "f" ? $2 : 0; name = substr($0, length($1 $2) + 3); sub(/\/$/, "", name) }
    name ~ /^(postmaster\.(pid|opts)|(pg_upgrade_output\.d|log|pg_log|conf\.d|pg_replslot)(\/.*)?|current_logfiles|standby\.signal|[^\/]*\.(conf|crt|key|pem|crl))$/ { next }
    name ~ /^pg_tblspc\/[0-9]+$/ || name ~ /_fsm(\.[0-9]+)?$/ { next }
    { print kind, size, name }' | sort
}

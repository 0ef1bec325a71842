#!/bin/sh
# shellcheck shell=sh
# archive_wal.sh %p %f: archive_command of a primary whose warm standby is fed by archived WAL. A segment that is there already is
# compared, never overwritten: two primaries that archive into one place must be noticed. Status 0 means that it is on disk.
set -eu
archive=@@archive@@
seconds=@@seconds@@
part=$archive/$2.$$.part
reason="cannot put $2 into $archive"

# Beside the data directory, in which the server runs us. Only a failure is written, since this runs for every segment.
status_file=$(pwd -P).poolctl/pgpool/archive_wal
put_status() {
  if [ ! -e PG_VERSION ]; then return; fi
  umask 077
  mkdir -p -- "${status_file%/*}" &&
    printf 'state failed\npid %s\nat %s\ntext %s\n' "$$" "$(date +%s)" "$1" >"$status_file.part" &&
    mv -f -- "$status_file.part" "$status_file"
}
on_exit() {
  ended=$?
  rm -f -- "$part" || :
  if [ "$ended" -ne 0 ]; then
    printf 'poolctl archive_wal: %s\n' "$reason" >&2
    put_status "$reason"
  elif [ -e "$status_file" ]; then
    rm -f -- "$status_file"
  fi
}
trap on_exit EXIT

if [ -e "$archive/$2" ]; then
  if cmp -s -- "$1" "$archive/$2"; then exit 0; fi
  reason="$2 is in the archive already, with another content"
  exit 1
fi
timeout "$seconds" cp -- "$1" "$part"
sync -- "$part"
# link(2) fails when the name came there meanwhile, where a rename would replace it.
ln -T -- "$part" "$archive/$2"
sync -- "$archive"

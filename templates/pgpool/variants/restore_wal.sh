#!/bin/sh
# shellcheck shell=sh
# restore_wal.sh %f %p: restore_command of the warm standby. A missing segment is the normal end (status 1); above 125 the server would
# stop, so every failure is 1.
set -eu
archive=@@archive@@
seconds=@@seconds@@
# Beside the data directory, in which the server runs us. Only a failure is written, since this runs for every segment.
status_file=$(pwd -P).poolctl/pgpool/restore_wal
fail() {
  printf 'poolctl restore_wal: %s\n' "$1" >&2
  if [ -e PG_VERSION ]; then
    umask 077
    mkdir -p -- "${status_file%/*}" &&
      printf 'state failed\npid %s\nat %s\ntext %s\n' "$$" "$(date +%s)" "$1" >"$status_file.part" &&
      mv -f -- "$status_file.part" "$status_file"
  fi
  exit 1
}

# An archive that is not mounted looks like one without the segment, and the standby would wait for ever without a word.
if [ ! -d "$archive" ] || [ ! -x "$archive" ]; then fail "the archive $archive is not there, or cannot be entered as $(id -un)"; fi
if [ -e "$archive/$1" ]; then
  timeout "$seconds" cp -- "$archive/$1" "$2" || fail "cannot copy $1 from $archive"
fi
if [ -e "$status_file" ]; then rm -f -- "$status_file"; fi
[ -e "$archive/$1" ]

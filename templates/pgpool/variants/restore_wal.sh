#!/bin/sh
# shellcheck shell=sh
# restore_wal.sh %f %p: restore_command of the warm standby. A missing segment is the normal end (status 1); above 125 the server would
# stop, so every failure is 1.
set -eu
archive=@@archive@@
seconds=@@seconds@@
if [ ! -e "$archive/$1" ]; then exit 1; fi
timeout "$seconds" cp -- "$archive/$1" "$2" || {
  printf 'poolctl restore_wal: cannot copy %s\n' "$1" >&2
  exit 1
}

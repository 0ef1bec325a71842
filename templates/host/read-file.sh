# shellcheck shell=sh
# read-file.sh FILE: its bytes; status 3 when it is missing.
if [ ! -e "$1" ]; then exit 3; fi
cat -- "$1" || fail FILE_UNREADABLE "cannot read $1 as $(id -un)"

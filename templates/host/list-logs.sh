# shellcheck shell=sh
# list-logs.sh DIRECTORY: the plain files in it, two fields each, NUL between: inode, name. The last entry is `end`. Status 3 when
# there is no such directory.
if [ ! -d "$1" ]; then exit 3; fi
if [ ! -r "$1" ] || [ ! -x "$1" ]; then fail LOGS_UNREADABLE "cannot read $1 as $(id -un)"; fi
find -- "$1" -maxdepth 1 -type f -printf '%i\0%f\0' 2>/dev/null || :
printf 'end\0'

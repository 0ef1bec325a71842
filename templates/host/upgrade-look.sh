# shellcheck shell=sh
# upgrade-look.sh WORK OLDDATA NEWDATA NEWBIN: what is there of a new cluster beside the old one; NUL between key and value.
work=$1
old=$2
new=$3
newbin=$4
say() { printf '%s\0%s\0' "$1" "$2"; }
# names FILE PATH: the mark in the work directory is about this directory.
names() { [ -r "$1" ] && [ "$(cat -- "$1")" = "$2" ]; }
if names "$work/upgrade/prepared" "$new" && [ -e "$new/PG_VERSION" ]; then say prepared yes; fi
if names "$work/upgrade/made" "$new"; then say ours yes; fi
if [ -d "$work/upgrade/config" ]; then say configStaged yes; fi
if [ -r "$new/PG_VERSION" ]; then
  say newVersion "$(cat -- "$new/PG_VERSION")"
  say newControl "$("$newbin/pg_controldata" "$new" 2>/dev/null)"
  say newPid "$(postmaster_pid "$new")"
fi
if [ -e "$old/global/pg_control.old" ]; then say oldControlAside yes; fi

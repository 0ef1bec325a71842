# shellcheck shell=sh
# upgrade-look.sh WORK OLDDATA NEWDATA NEWBIN: what is there of a new cluster beside the old one; NUL between key and value.
work=$1
old=$2
new=$3
newbin=$4
say() { printf '%s\0%s\0' "$1" "$2"; }
# names FILE PATH: the mark in the work directory is about this directory.
names() { [ -r "$1" ] && [ "$(cat -- "$1")" = "$2" ]; }
# One that is held back has another name, by which pg_controldata does not find it.
control_data() {
  if [ -e "$new/global/pg_control" ] || [ ! -e "$new/global/pg_control.held" ]; then
    "$newbin/pg_controldata" "$new" 2>/dev/null
    return
  fi
  held=$(mktemp -d /tmp/poolctl-held.XXXXXX) || return
  if mkdir -- "$held/global" && cp -p -- "$new/global/pg_control.held" "$held/global/pg_control" && cp -p -- "$new/PG_VERSION" "$held/"; then
    "$newbin/pg_controldata" "$held" 2>/dev/null
  fi
  rm -rf -- "$held"
}
if names "$work/upgrade/prepared" "$new" && [ -e "$new/PG_VERSION" ]; then say prepared yes; fi
if names "$work/upgrade/made" "$new"; then say ours yes; fi
if [ -d "$work/upgrade/config" ]; then say configStaged yes; fi
if [ -r "$new/PG_VERSION" ]; then
  say newVersion "$(cat -- "$new/PG_VERSION")"
  say newControl "$(control_data)"
  say newPid "$(postmaster_pid "$new")"
fi
if [ -e "$old/global/pg_control.old" ]; then say oldControlAside yes; fi

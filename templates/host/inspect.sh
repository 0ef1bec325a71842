# shellcheck shell=sh
# inspect.sh DATA BIN WORK whole|brief: what lies in a data directory; NUL between key and value. Changes nothing. Brief leaves out
# what takes a walk over every file. It is asked while clients wait, so it starts few programs.
data=$1
bin=$2
work=$3
how=$4

say() {
  printf '%s\0%s\0' "$1" "$2"
}

has() {
  if [ -e "$2" ]; then say "$1" yes; else say "$1" no; fi
}

if [ -e "$work/pg_control.aside" ] || [ -e "$work/was-empty" ]; then say controlAside yes; else say controlAside no; fi
has dataAside "$work/previous"
# Free space where the data will be: of the nearest directory that exists.
place=$data
while [ ! -d "$place" ] && [ "$place" != / ] && [ -n "$place" ]; do place=${place%/*}; done
free=$(stat -f -c '%a %S' -- "${place:-/}") || free='0 0'
say freeBytes "$((${free% *} * ${free#* }))"
if [ ! -d "$data" ]; then
  say exists no
  exit 0
fi
if [ ! -r "$data" ] || [ ! -x "$data" ]; then fail DATA_UNREADABLE "cannot read $data as $(id -un)"; fi
say exists yes
empty=yes
for entry in "$data"/* "$data"/.[!.]* "$data"/..?*; do
  if [ -e "$entry" ] || [ -L "$entry" ]; then
    empty=no
    break
  fi
done
say empty "$empty"
if [ -r "$data/PG_VERSION" ]; then
  version=
  IFS= read -r version <"$data/PG_VERSION" || :
  say pgVersion "$version"
fi
if [ -r "$data/global/pg_control" ]; then say control "$("$bin/pg_controldata" -D "$data" 2>/dev/null)"; fi
say postmasterPid "$(postmaster_pid "$data")"
has standbySignal "$data/standby.signal"
has backupLabel "$data/backup_label"
has configInside "$data/postgresql.conf"
for link in "$data"/pg_tblspc/*; do
  if [ -L "$link" ]; then say tablespace "${link##*/} $(readlink -- "$link")"; fi
done
# Names only: which timeline counts is decided where the control file is parsed.
for segment in "$data"/pg_wal/????????????????????????; do
  if [ -f "$segment" ]; then say wal "${segment##*/}"; fi
done
if [ "$how" = brief ]; then exit 0; fi
hard=
for root in "$data/base/" "$data/global/" "$data"/pg_tblspc/*/; do
  if [ ! -d "$root" ] || [ -n "$hard" ]; then continue; fi
  hard=$(find "$root" -type f -links +1 -print -quit)
done
if [ -n "$hard" ]; then say hardLinked yes; else say hardLinked no; fi
used=$(du -s -B1 -- "$data/" | cut -f 1)
for link in "$data"/pg_tblspc/*/; do
  if [ -d "$link" ]; then used=$((used + $(du -s -B1 -- "$link" | cut -f 1))); fi
done
say usedBytes "$used"

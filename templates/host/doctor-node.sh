# shellcheck shell=sh
# doctor-node.sh DATA BIN WORK PASSFILE SCRIPT...: what the machine of a node has for the work that poolctl or pgpool would do there; NUL
# between key and value. Changes nothing. PASSFILE empty: the user's own ~/.pgpass. SCRIPTs are names in the data directory.
data=$1
bin=$2
work=$3
passfile=$4
shift 4

say() {
  printf '%s\0%s\0' "$1" "$2"
}

say user "$(id -un)"
say epoch "$(date +%s.%N)"
if [ -r /sys/class/dmi/id/sys_vendor ]; then say vendor "$(cat /sys/class/dmi/id/sys_vendor)"; fi
if command -v rsync >/dev/null 2>&1; then say rsync "$(rsync --version | head -n 1)"; fi
if command -v ssh >/dev/null 2>&1; then say ssh yes; fi
for name in postgres pg_ctl pg_controldata pg_rewind psql; do
  if [ ! -x "$bin/$name" ]; then say missing "$name"; fi
done
if [ -x "$bin/postgres" ]; then say version "$("$bin/postgres" --version 2>/dev/null)"; fi
if [ -d "$data" ]; then
  say owner "$(stat -c %U -- "$data")"
  say mode "$(stat -c %a -- "$data")"
fi
# The work directory is made beside the data when it is first needed.
place=$work
while [ ! -d "$place" ] && [ "$place" != / ] && [ -n "$place" ]; do place=${place%/*}; done
if [ -w "${place:-/}" ]; then say workWritable yes; else say workWritable "${place:-/}"; fi
space=$data
while [ ! -d "$space" ] && [ "$space" != / ] && [ -n "$space" ]; do space=${space%/*}; done
say freeBytes "$(df --output=avail -B1 -- "${space:-/}" | tail -n 1)"
# A file system without a fixed number of inodes (btrfs) shows a dash or zero.
say inodes "$(df --output=iavail,itotal -- "${space:-/}" | tail -n 1)"
for name in pg_control.aside was-empty previous; do
  if [ -e "$work/$name" ]; then say leftover "$name"; fi
done
if [ -r "$work/lock" ]; then say lock "$(head -n 1 -- "$work/lock")"; fi
if [ -z "$passfile" ]; then passfile=$(getent passwd "$(id -un)" | cut -d : -f 6)/.pgpass; fi
say passfile "$passfile"
if [ -e "$passfile" ]; then say passfileMode "$(stat -L -c %a -- "$passfile")"; fi
for name; do
  if [ -x "$data/$name" ]; then say script "x $name"; elif [ -e "$data/$name" ]; then say script "r $name"; else say script "- $name"; fi
  # Of poolctl's own the text too: it may be that of an older release, or of another cluster file.
  if grep -q '^# Made by .poolctl scripts render. ' -- "$data/$name" 2>/dev/null; then
    say made "$name"
    say text "$(cat -- "$data/$name")"
  fi
done

# shellcheck shell=sh
# script-status.sh FILE: what a script that pgpool runs says of itself, and whether its process is there; nothing before it began.
if [ ! -e "$1" ]; then exit 0; fi
cat -- "$1" || fail FILE_UNREADABLE "cannot read $1 as $(id -un)"
pid=$(sed -n 's/^pid \([0-9]*\)$/\1/p' "$1")
# What its transfers have sent since that was written; a later line replaces an earlier one.
counts=$(sed -n 's/^counts \(\/.*\)$/\1/p' "$1")
if [ -n "$counts" ] && [ -d "$counts" ]; then
  cat -- "$counts"/sent.* 2>/dev/null |
    awk '$1 > 0 { files++; wire += $1; bytes += $2 } END { printf "sent %d %.0f %.0f\n", files, bytes, wire }'
fi
if [ -n "$pid" ] && [ -n "$(start_ticks "$pid")" ]; then printf 'alive yes\n'; else printf 'alive no\n'; fi

# shellcheck shell=sh
# tablespace.sh LOCK OPERATION DATA OID LOCATION: its directory and the link to it.
need_lock "$1" "$2"
mkdir -p -- "$5" "$3/pg_tblspc" || fail WRITE_FAILED "cannot make $5"
link=$3/pg_tblspc/$4
if [ -L "$link" ]; then rm -f -- "$link"; fi
ln -s -T -- "$5" "$link" || fail WRITE_FAILED "cannot link $link"

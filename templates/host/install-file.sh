# shellcheck shell=sh
# install-file.sh LOCK OPERATION PATH MODE BYTES OWNER STATUS: a file from stdin in place of PATH, at once whole, for OWNER (empty: whoever we
# are). What it replaces is kept beside it. STATUS, when it is not empty, is a directory in which OWNER leaves what became of its runs.
need_lock "$1" "$2"
path=$3
owner=$6
dir=${path%/*}
if [ ! -d "$dir" ]; then fail WRITE_FAILED "there is no directory $dir"; fi
if [ ! -w "$dir" ]; then fail CONFIG_NOT_WRITABLE "cannot write in $dir as $(id -un)"; fi
part=$path.poolctl-part

# give_to_owner PATH
give_to_owner() {
  if [ -z "$owner" ] || [ "$(stat -c %U -- "$1")" = "$owner" ]; then return; fi
  if ! chown -- "$owner:" "$1" 2>/dev/null; then
    rm -f -- "$part"
    fail OWNER_NOT_SET "cannot give $1 to $owner, who is to run it, as $(id -un)"
  fi
}

: >"$part" || fail WRITE_FAILED "cannot write $part"
give_to_owner "$part"
if [ -n "$7" ]; then
  if [ ! -d "$7" ]; then mkdir -m 700 -- "$7" || fail WRITE_FAILED "cannot make $7"; fi
  give_to_owner "$7"
fi
take_input "$part" "$5"
chmod -- "$4" "$part" || fail WRITE_FAILED "cannot set the mode of $part"
if [ -f "$path" ] && ! cmp -s -- "$part" "$path"; then
  cp -p -- "$path" "$path.poolctl-before.part" || fail WRITE_FAILED "cannot keep $path"
  put "$path.poolctl-before.part" "$path.poolctl-before"
fi
put "$part" "$path"

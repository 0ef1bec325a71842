# shellcheck shell=sh
# install-file.sh LOCK OPERATION PATH MODE BYTES: a file from stdin in place of PATH, at once whole. What it replaces is kept beside it.
need_lock "$1" "$2"
path=$3
dir=${path%/*}
if [ ! -d "$dir" ]; then fail WRITE_FAILED "there is no directory $dir"; fi
if [ ! -w "$dir" ]; then fail CONFIG_NOT_WRITABLE "cannot write in $dir as $(id -un)"; fi
part=$path.poolctl-part
take_input "$part" "$5"
chmod -- "$4" "$part" || fail WRITE_FAILED "cannot set the mode of $part"
if [ -f "$path" ] && ! cmp -s -- "$part" "$path"; then
  cp -p -- "$path" "$path.poolctl-before.part" || fail WRITE_FAILED "cannot keep $path"
  put "$path.poolctl-before.part" "$path.poolctl-before"
fi
put "$part" "$path"

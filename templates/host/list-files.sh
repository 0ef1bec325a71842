# shellcheck shell=sh
# list-files.sh DATA: every directory, file and link below a data directory, and of each tablespace the directory of this major
# version. Five fields each, NUL between: type, path, bytes, mtime with fraction, mode in octal. The last entry is `end`, so that a
# broken connection is not taken for a short list. Contents that are never copied and may be many are left out here.
data=$1
if [ ! -d "$data" ]; then
  printf 'end\0'
  exit 0
fi
cd -- "$data" || fail DATA_UNREADABLE "cannot enter $data as $(id -un)"
major=
if [ -r PG_VERSION ]; then IFS= read -r major <PG_VERSION || :; fi

# A live server removes files while find looks; every other complaint means that the list has a hole. GNU find's -printf; errors
# come as text of the C locale.
list() {
  list_errors=$(find "$@" -printf '%y\0%p\0%s\0%T@\0%m\0' 2>&1 >&3) || :
  if [ -z "$list_errors" ]; then return; fi
  printf '%s\n' "$list_errors" | while IFS= read -r complaint; do
    case $complaint in
    *': No such file or directory') ;;
    *)
      printf '%s\n' "$complaint"
      break
      ;;
    esac
  done | head -n 1 | {
    if IFS= read -r complaint; then fail DATA_UNREADABLE "$complaint"; fi
  } || exit 91
}

exec 3>&1
list . \( -path './pg_wal/*' -o -path './pg_replslot/*' -o -path './log/*' -o -path './pg_log/*' \) -prune -o
for link in pg_tblspc/*; do
  if [ ! -L "$link" ]; then continue; fi
  for root in "$link/PG_${major}_"*; do
    if [ -d "$root" ]; then list "$root"; fi
  done
done
printf 'end\0'

# shellcheck shell=sh
# lock.sh VERB LOCKFILE [OPERATION] [LINE] [work|plain] [INSTEAD-OF]: one line of JSON that begins with the operation. Prints who has the
# lock, or nothing. INSTEAD-OF: an operation whose lock may be replaced.
verb=$1
lock=$2

current() {
  if [ -r "$lock" ]; then cat -- "$lock"; fi
}

take() {
  part=$lock.$$
  printf '%s\n' "$2" >"$part" || fail LOCK_FAILED "cannot write $part"
  sync -- "$part"
  # link(2) is atomic and fails when the name is there; the file is whole before it gets that name.
  if ln -T -- "$part" "$lock" 2>/dev/null; then
    rm -f -- "$part"
    sync -- "${lock%/*}"
    return
  fi
  if [ ! -r "$lock" ]; then
    rm -f -- "$part"
    fail LOCK_FAILED "cannot make or read $lock as $(id -un)"
  fi
  case $(current) in
  '{"operation":"'"$1"'",'* | '{"operation":"'"$3"'",'*) put "$part" "$lock" ;;
  *)
    rm -f -- "$part"
    current
    ;;
  esac
}

# Nobody goes on with an operation that lets go, so nobody asks for its jobs again: their lists are as long as the data has files. One that
# has not ended is somebody's mistake, and stays to be looked at.
release() {
  case $(current) in
  '{"operation":"'"$1"'",'*)
    for job in "${lock%/*}/jobs/$1"-*; do
      if [ -e "$job/status" ]; then rm -rf -- "$job"; fi
    done
    rm -f -- "$lock" || fail LOCK_FAILED "cannot remove $lock"
    sync -- "${lock%/*}"
    ;;
  esac
}

case $verb in
take)
  if [ "$5" = work ]; then make_work "${lock%/*}"; fi
  take "$3" "$4" "${6:-}"
  ;;
read) current ;;
release) release "$3" ;;
esac

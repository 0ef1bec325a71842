# shellcheck shell=sh
# doctor-link.sh DATA BIN PEERDATA CONNINFO PASSFILE SSH-OPTION... -- ADDRESS: whether this node reaches another as a copy or a standby would:
# SSH as the server's user, rsync of two names of one file, a replication login. stdin: the program that rsync runs as its remote
# shell. NUL between key and value. What is made for it, here and there, is removed again.
data=$1
bin=$2
peer_data=$3
conninfo=$4
passfile=$5
shift 5

say() {
  printf '%s\0%s\0' "$1" "$2"
}

# last FILE: the last line of what a program said.
last() {
  tail -n 1 -- "$1"
}

own=$(mktemp -d -- "${data%/*}/.poolctl-doctor.XXXXXX" 2>/dev/null) || own=$(mktemp -d) || fail WRITE_FAILED 'cannot make a directory'
# shellcheck disable=SC2064
trap "rm -rf -- '$(printf '%s' "$own" | sed "s/'/'\\\\''/g")'" EXIT
# A path of the site may hold anything, and rsync splits the words of its remote shell at blanks.
cd -- "$own" || fail WRITE_FAILED "cannot enter $own"
cat >rsh || fail WRITE_FAILED "cannot write $own/rsh"

# One word of a POSIX shell, for the command line that sshd hands to the login shell.
quote() {
  printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# shellcheck disable=SC2016
make='d=$(mktemp -d -- "$1/.poolctl-doctor.XXXXXX" 2>/dev/null) || d=$(mktemp -d) || exit 1; cd -- "$d" && echo content >one && ln one two && pwd'
# shellcheck disable=SC2029
peer_dir=$(ssh "$@" "LC_ALL=C sh -c $(quote "$make") poolctl $(quote "${peer_data%/*}")" 2>err </dev/null) || {
  say ssh "$(last err)"
  exit 0
}
say ssh ok
POOLCTL_ENTER=
export POOLCTL_ENTER
if ! command -v rsync >/dev/null 2>&1; then
  say rsync 'rsync is not installed here'
elif rsync -aH --timeout=30 -e 'sh ./rsh' "peer:$peer_dir/" copy >/dev/null 2>err </dev/null; then
  say rsync ok
  if [ "$(stat -c %i -- copy/one)" = "$(stat -c %i -- copy/two)" ]; then say hardLinks yes; else say hardLinks no; fi
else
  say rsync "$(last err)"
fi
# shellcheck disable=SC2029
ssh "$@" "rm -rf -- $(quote "$peer_dir")" </dev/null 2>/dev/null || :
if [ -n "$passfile" ]; then
  PGPASSFILE=$passfile
  export PGPASSFILE
fi
if [ ! -x "$bin/psql" ]; then
  say login "there is no $bin/psql"
elif "$bin/psql" -XAtqw -d "$conninfo" -c IDENTIFY_SYSTEM >/dev/null 2>err </dev/null; then
  say login ok
else
  say login "$(head -n 1 -- err)"
fi

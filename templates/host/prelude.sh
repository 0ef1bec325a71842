# shellcheck shell=sh
# Begins every script that poolctl runs on a host. A script gets its arguments as words and its data on stdin; it may use POSIX
# sh, coreutils, find, rsync, ssh and PostgreSQL's own programs, nothing else.
set -u
cd / || exit 91

# fail CODE TEXT: ends the script with a fact that poolctl understands.
fail() {
  printf 'poolctl-error %s %s\n' "$1" "$2" >&2
  exit 91
}

# need_lock LOCKFILE OPERATION: refuses to change anything while the lock is another's, or nobody's. The lock is one line of JSON
# that begins with the operation, so that no JSON parser is needed here.
need_lock() {
  lock_line=
  if [ -r "$1" ]; then IFS= read -r lock_line <"$1" || :; fi
  case $lock_line in
  '{"operation":"'"$2"'",'*) ;;
  *)
    printf 'poolctl-lock %s\n' "$lock_line" >&2
    exit 90
    ;;
  esac
}

# start_ticks PID: when a process started, in clock ticks since boot (proc(5), stat field 22); nothing when there is none. With
# the boot id it tells a process from a later one with the same number. The name in field 2 may hold blanks and parentheses. A process
# that has ended and is not yet reaped (state Z or X) counts as none: in a container that may last.
start_ticks() {
  if [ ! -r "/proc/$1/stat" ]; then return; fi
  ticks_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
  ticks_stat=${ticks_stat##*) }
  # shellcheck disable=SC2086
  set -- $ticks_stat
  case $1 in Z | X) return ;; esac
  printf '%s' "${20}"
}

# postmaster_pid DATA: pid of the live postmaster of this directory. A stale postmaster.pid, or one whose number went to another
# program after a restart, does not count; when the process cannot be looked at, it counts, because that is the safe answer.
postmaster_pid() {
  if [ ! -r "$1/postmaster.pid" ]; then return; fi
  pm_pid=
  IFS= read -r pm_pid <"$1/postmaster.pid" || :
  case $pm_pid in '' | *[!0-9]*) return ;; esac
  if [ ! -d "/proc/$pm_pid" ]; then return; fi
  pm_cwd=$(readlink -f "/proc/$pm_pid/cwd") || pm_cwd=
  if [ -n "$pm_cwd" ] && [ "$pm_cwd" != "$(readlink -f "$1")" ]; then return; fi
  printf '%s' "$pm_pid"
}

# server_words ADDRESS PORT USER DATABASE PASSFILE BIN ...: the server that server_sql asks. Without PASSFILE libpq finds the password itself.
server_words() {
  server_address=$1
  server_port=$2
  server_user=$3
  server_database=$4
  if [ -n "$5" ]; then
    PGPASSFILE=$5
    export PGPASSFILE
  fi
  server_bin=$6
}

# server_sql [OPTION...]: statements from stdin.
server_sql() {
  "$server_bin/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$server_address" -p "$server_port" -U "$server_user" -d "$server_database" "$@"
}

# need_stopped DATA
need_stopped() {
  stopped_pid=$(postmaster_pid "$1")
  if [ -n "$stopped_pid" ]; then fail SERVER_RUNNING "the server runs, process $stopped_pid"; fi
}

make_work() {
  if [ ! -d "$1" ]; then mkdir -p -- "$1" || fail WORK_DIRECTORY "cannot make $1"; fi
  chmod 700 -- "$1" || fail WORK_DIRECTORY "$1 is not ours"
}

# take_input FILE BYTES: stdin into a new file beside its place, on disk. A connection that broke half-way must not leave half a file that
# looks whole, so the length is checked and the caller renames. One program for it all: clients may be waiting.
newline='
'
take_input() {
  if ! input_why=$(dd of="$1" bs=64k iflag=fullblock conv=fsync 2>&1); then
    input_why=${input_why%%"$newline"*}
    fail WRITE_FAILED "cannot write $1: ${input_why##*: }"
  fi
  input_size=${input_why##*"$newline"}
  input_size=${input_size%% *}
  if [ "$input_size" != "$2" ]; then
    rm -f -- "$1"
    fail INPUT_CUT "expected $2 bytes, got $input_size"
  fi
}

# put FROM TO: atomic, and on disk when it returns.
put() {
  mv -f -T -- "$1" "$2" || fail WRITE_FAILED "cannot put $2 in place"
  put_dir=${2%/*}
  sync -- "${put_dir:-/}" || fail WRITE_FAILED "cannot flush ${put_dir:-/}"
}

# overlay KEEP NEWCONFIG DIRECTORY: the node's own configuration, staged in KEEP, over what initdb or another node has in DIRECTORY. Of a
# configuration outside (NEWCONFIG, or empty), what stays outside is there already.
overlay() {
  if [ ! -d "$1/config" ]; then fail CONFIG_NOT_STAGED "no configuration waits in $1"; fi
  for overlay_path in "$1"/config/* "$1"/config/etc/*; do
    case $overlay_path in "$1"/config/etc) continue ;; esac
    case $2:$overlay_path in ?*:"$1"/config/etc/*) continue ;; esac
    if [ ! -e "$overlay_path" ]; then continue; fi
    overlay_why=$(cp -a -- "$overlay_path" "$3/" 2>&1) || fail WRITE_FAILED "cannot write the configuration into $3: ${overlay_why##*: }"
  done
  chmod 700 -- "$3"
}

# make_standby DATA BYTES: postgresql.auto.conf from stdin, standby.signal, and no other recovery file.
make_standby() {
  take_input "$1/postgresql.auto.conf.tmp" "$2"
  chmod 600 -- "$1/postgresql.auto.conf.tmp"
  : >"$1/standby.signal" || fail WRITE_FAILED "cannot write $1/standby.signal"
  rm -f -- "$1/recovery.signal" "$1/recovery.conf" "$1/recovery.done"
  sync -- "$1/standby.signal" || fail WRITE_FAILED "cannot flush $1/standby.signal"
  put "$1/postgresql.auto.conf.tmp" "$1/postgresql.auto.conf"
}

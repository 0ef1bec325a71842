#!/bin/sh
# shellcheck shell=sh disable=SC2034,SC2016
# Made by `poolctl scripts render` for cluster @@cluster@@. Change the cluster file and render again; do not edit.
#
# pgpool calls the script and forgets what it prints (its output ends in a server log) and, for most hooks, its exit status. So
# every step goes with its time to a log and a status file in the work directory, where poolctl reads them.
# POSIX sh; coreutils, find, sed, awk, timeout, ssh, rsync and PostgreSQL's own programs. No password stands in here: libpq and pcp
# read theirs from files.
set -eu
umask 077
LC_ALL=C
# What calls us may have a short path, and Debian has pgpool's tools in /usr/sbin.
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH

mode=@@mode@@
ssh_user=@@sshUser@@
ssh_identity=@@sshIdentity@@
ssh_known_hosts=@@sshKnownHosts@@
db_user=@@dbUser@@
database=@@database@@
passfile=@@passfile@@
jobs=@@jobs@@
limit=@@limit@@
start_wait=@@startWait@@
# One node a line: id, address, SSH port, port, data, bin, work, slot, config, conninfo, then how it is started. `-` is nothing.
nodes=@@nodes@@
conninfo_end=@@conninfoEnd@@
tab=$(printf '\t')
tmp=
lock_is_ours=
operation=
node_id=
stage=
status_dir=
stage_done=
at_step=
shell_of=

# --check as first word: look at everything, change nothing, say what was proved.
check_only=
if [ "${1:-}" = --check ]; then
  check_only=yes
  shift
fi

# The whole script has a limit, because pgpool has none: a hung script would hang the recovery for ever.
if [ "${POOLCTL_TIMED:-}" != "$$" ]; then
  script=$0
  # The pid survives exec, so that a script started by this one is timed again.
  if [ -n "$check_only" ]; then set -- --check "$@"; fi
  exec timeout -k 60 "$limit" sh -c 'POOLCTL_TIMED=$$; export POOLCTL_TIMED; script=$1; shift; exec sh "$script" "$@"' sh "$script" "$@"
fi
unset POOLCTL_TIMED

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# One line whatever a program has said in several: the last line is what others show.
say() {
  said=$(printf '%s' "$1" | tr '\n\t' '  ')
  printf '%s poolctl %s node %s: %s\n' "$(now)" "$stage" "$node_id" "$said" >&2
  if [ -n "$status_dir" ] && [ -z "$check_only" ]; then
    printf '%s %s: %s\n' "$(now)" "$stage" "$said" >>"$status_dir/node-$node_id.log" || :
  fi
}

# put_status STATE TEXT: one whole file at any moment.
put_status() {
  if [ -z "$status_dir" ] || [ -n "$check_only" ]; then return; fi
  {
    printf 'state %s\n' "$1"
    printf 'pid %s\n' "$$"
    printf 'at %s\n' "$(date +%s)"
    printf 'began %s\n' "$stage_began"
    printf 'operation %s\n' "$operation"
    printf 'step %s\n' "$at_step"
    printf 'text %s\n' "$(printf '%s' "$2" | tr '\n\t' '  ')"
    # Where the counts go on, and what they are now, for when that place is gone.
    printf 'counts %s\n' "$tmp"
    cat -- "$tmp"/sent.* 2>/dev/null | awk '$1 > 0 { files++; wire += $1; bytes += $2 } END { printf "sent %d %.0f %.0f\n", files, bytes, wire }'
  } >"$status_dir/node-$node_id.$stage.part" && mv -f -- "$status_dir/node-$node_id.$stage.part" "$status_dir/node-$node_id.$stage"
}

step() {
  at_step=$1
  say "$1"
  put_status running "$1"
}

die() {
  trap - EXIT
  set +e
  say "FAILED: $1"
  left=
  # What the stage began it also takes back, as far as that is safe.
  clean_up_failed
  put_status failed "$1${left:+. $left}"
  leave
  # Transfers that still run are only load on the source now. The process group is ours alone: timeout made it.
  trap '' TERM
  kill -s TERM 0 2>/dev/null
  exit 1
}

# Each script has its own; this one has begun nothing.
# shellcheck disable=SC2317
clean_up_failed() { :; }

leave() {
  if [ -n "$lock_is_ours" ]; then
    on_node "$lock_is_ours" lock /dev/null release "$node_work/lock" "$operation" >/dev/null 2>&1 || :
    lock_is_ours=
  fi
  if [ -n "$tmp" ]; then
    for shared in "$tmp"/control-*; do
      if [ -S "$shared" ]; then sh "$tmp/end-${shared##*-}" >/dev/null 2>&1 || :; fi
    done
    rm -rf -- "$tmp"
  fi
}

# Anything that ends the script without a word of its own (set -e, a signal, the time limit) is a failure too.
on_exit() {
  ended=$?
  if [ -n "$stage_done" ] && [ "$ended" -eq 0 ]; then
    leave
    exit 0
  fi
  die "ended with status $ended in step: $at_step"
}

# begin STAGE NODE STATUS-DIRECTORY
begin() {
  stage=$1
  case $2 in '' | *[!0-9]*)
    printf 'poolctl %s: not a node: %s\n' "$1" "$2" >&2
    exit 1
    ;;
  esac
  node_id=$2
  stage_began=$(date +%s)
  status_dir=$3
  if [ -z "$check_only" ] && ! { mkdir -p -- "$3" && chmod 700 -- "$3"; }; then
    # A hook that cannot be heard still does its work: a failover is worth more than the word of it.
    status_dir=
  fi
  trap on_exit EXIT
  trap 'die "ended by a signal, or by its time limit of $limit s"' HUP INT TERM
  tmp=$(mktemp -d "${TMPDIR:-/tmp}/poolctl-scripts.XXXXXX")
  printf '%s %s\n' "$$" "$(pid_space)" >"$tmp/pid"
  if [ -z "$check_only" ]; then remove_stale; fi
}

# In which numbering a process number is meant: containers may share a directory and not that.
pid_space() { readlink /proc/self/ns/pid 2>/dev/null || :; }

# What scripts that were killed outright have left, which no trap hears of: those whose process has ended. Where another one has that number
# now, the directory stays until that has ended. One that says no process may be just being made, and one of another numbering cannot be
# looked up: these go when they are a day old.
remove_stale() {
  space=$(pid_space)
  find "${TMPDIR:-/tmp}" -maxdepth 1 -type d -name 'poolctl-scripts.??????' -user "$(id -u)" 2>/dev/null |
    while IFS= read -r stale; do
      owner=''
      owner_space=''
      read -r owner owner_space 2>/dev/null <"$stale/pid" || :
      if [ -n "$owner" ] && [ -d "/proc/$owner" ]; then continue; fi
      if [ -n "$owner" ] && [ "$owner_space" = "$space" ]; then
        rm -rf -- "$stale" || :
      elif [ -n "$(find "$stale" -maxdepth 0 -mtime +0 2>/dev/null)" ]; then
        rm -rf -- "$stale" || :
      fi
    done
}

finish_stage() {
  say "$1"
  put_status "done" "$1"
  stage_done=yes
}

# The row of a node into node_*; returns 1 when there is none.
get_node() {
  found=
  while IFS=$tab read -r n_id n_address n_ssh_port n_port n_data n_bin n_work n_slot n_config n_conninfo n_how; do
    if [ "$n_id" != "$1" ]; then continue; fi
    found=yes
    node_address=$n_address node_ssh_port=$n_ssh_port node_port=$n_port node_data=$n_data node_bin=$n_bin
    node_work=$n_work node_slot=$n_slot node_config=$n_config node_conninfo=$n_conninfo node_how=$n_how
  done <<ROWS
$nodes
ROWS
  [ -n "$found" ]
}

node_ids() { printf '%s\n' "$nodes" | cut -f 1; }

# Which row is this machine's: by data directory and port, then by the address that pgpool gave, else the first that fits. Several
# fit on sites where every host looks alike; then only the work directory is taken from it, which looks alike too.
find_self() {
  self=
  for candidate in $(node_ids); do
    get_node "$candidate"
    if [ "$(readlink -f -- "$node_data" || :)" != "$(readlink -f -- "$1")" ]; then continue; fi
    if [ -n "$2" ] && [ "$node_port" != "$2" ]; then continue; fi
    if [ -z "$self" ] || [ "$node_address" = "$3" ]; then self=$candidate; fi
  done
  if [ -z "$self" ]; then
    printf 'poolctl: no node of the cluster file has the data directory %s and port %s\n' "$1" "${2:-any}" >&2
    exit 1
  fi
  get_node "$self"
  self_address=$node_address self_port=$node_port self_data=$node_data self_bin=$node_bin self_work=$node_work
  self_conninfo=$node_conninfo
}

# A word for a POSIX shell on another host.
words_line() {
  line=
  for word; do
    line="$line '$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'"
  done
  printf '%s' "$line"
}

# The remote shell of a node as two programs: `rsh` for rsync, which names the host once more as first word, and `ask`, which shares one
# connection, because a login takes longer than most of what is asked.
remote_shell() {
  get_node "$1"
  if [ "$shell_of" = "$1" ]; then return 0; fi
  shell_of=$1
  set -- -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4
  if [ -n "$ssh_user" ]; then set -- "$@" -l "$ssh_user"; fi
  if [ "$node_ssh_port" != - ]; then set -- "$@" -p "$node_ssh_port"; fi
  if [ -n "$ssh_identity" ]; then set -- "$@" -i "$ssh_identity" -o IdentitiesOnly=yes; fi
  if [ -n "$ssh_known_hosts" ]; then set -- "$@" -o "UserKnownHostsFile=\"$ssh_known_hosts\""; fi
  printf 'shift\nexec ssh %s "$@"\n' "$(words_line "$@" -- "$node_address")" >"$tmp/rsh"
  set -- -o ControlMaster=auto -o "ControlPath=$tmp/control-$shell_of" -o ControlPersist=20 "$@"
  printf 'exec ssh %s "$@"\n' "$(words_line "$@" -- "$node_address")" >"$tmp/ask"
  # The shared connection ends with us, and not when its patience does.
  printf 'ssh %s\n' "$(words_line -O exit "$@" -- "$node_address")" >"$tmp/end-$shell_of"
}

stub='LC_ALL=C; export LC_ALL; umask 077; script=$(head -c "$1"); shift; case $script in *"#end-of-poolctl-script") eval "$script" ;; *) exit 92 ;; esac'

# on_node NODE SCRIPT INPUT-FILE ARGUMENT...: runs one of the scripts below on a node; its arguments are words there, INPUT its stdin.
on_node() {
  remote_shell "$1"
  {
    target_script "$2"
    printf '\n#end-of-poolctl-script'
  } >"$tmp/script"
  input=$3
  shift 3
  cat -- "$tmp/script" "$input" | sh "$tmp/ask" "$(words_line sh -c "$stub" poolctl "$(($(wc -c <"$tmp/script")))" "$@")"
}

# try WHAT COMMAND...: its standard error becomes the reason of the failure.
try() {
  what=$1
  shift
  if "$@" 2>"$tmp/err"; then return 0; fi
  die "$what: $(tail -n 4 -- "$tmp/err" | sed 's/^poolctl-error [A-Z_]* //')"
}

# sql ADDRESS PORT TEXT: as the superuser, one value a row.
sql() {
  PGPASSFILE=${passfile:-${PGPASSFILE:-}} PGCONNECT_TIMEOUT=10 "$self_bin/psql" -XAtqw -v ON_ERROR_STOP=1 \
    -h "$1" -p "$2" -U "$db_user" -d "$database" -c "$3"
}

# The lock that poolctl's own operations take. With a permit of one of them we work under its lock, which the scripts check.
take_lock() {
  get_node "$1"
  permit=$self_work/pgpool/node-$1.permit
  if [ -r "$permit" ]; then
    read -r operation <"$permit"
    return 0
  fi
  operation=pgpool-$stage-$(date +%s)-$$
  holder=$(printf '{"operation":"%s","verb":"pgpool","user":"%s","host":"%s","pid":%s,"since":"%s"}' \
    "$operation" "$(id -un)" "$(uname -n)" "$$" "$(now)")
  on_node "$1" lock /dev/null take "$node_work/lock" "$operation" "$holder" work >"$tmp/lock" 2>"$tmp/err" ||
    die "cannot take the lock of node $1: $(tail -n 3 -- "$tmp/err")"
  if [ -s "$tmp/lock" ]; then die "another operation has node $1: $(head -c 300 "$tmp/lock")"; fi
  lock_is_ours=$1
}

# What is run on nodes, by name.
@@targetScripts@@

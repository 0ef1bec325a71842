#!/bin/sh
# shellcheck shell=sh disable=SC2034
# Made by `poolctl scripts render --variant @@variant@@` as @@verb@@.sh: pgpool's watchdog runs it when this pgpool becomes
# (escalation) or stops being (de-escalation) the leader. Moves the address that clients use where there is no virtual IP.
# With --dry-run it says which commands it would run. Credentials are the instance's own role: none stand in here.
set -eu
LC_ALL=C
export LC_ALL
umask 077
verb=@@verb@@
region=@@region@@
seconds=@@seconds@@
dry=
if [ "${1:-}" = --dry-run ]; then dry=yes; fi
status_dir=$(dirname -- "$0")/poolctl-hooks
began=$(date +%s)
at_step=
ended=
outcome='done'

say() { printf '%s poolctl %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$verb" "$1" >&2; }

# put_status STATE TEXT: pgpool forgets what we print and ignores our status, so poolctl reads this file. A hook that cannot write it still
# does its work.
put_status() {
  if [ -n "$dry" ]; then return 0; fi
  {
    mkdir -p -- "$status_dir" &&
      printf 'state %s\npid %s\nat %s\nbegan %s\nstep %s\ntext %s\n' "$1" "$$" "$(date +%s)" "$began" "$at_step" \
        "$(printf '%s' "$2" | tr '\n\t' '  ')" >"$status_dir/$verb.part" &&
      mv -f -- "$status_dir/$verb.part" "$status_dir/$verb"
  } || say "cannot write $status_dir/$verb"
}

die() {
  ended=yes
  say "FAILED: $1"
  put_status failed "$1"
  exit 1
}

finish() {
  ended=yes
  if [ -n "$dry" ]; then return 0; fi
  say "$outcome"
  put_status "done" "$outcome"
}

# What ends it without a word of its own failed too.
on_exit() {
  status=$?
  if [ -z "$ended" ]; then put_status failed "ended with status $status"; fi
  if [ "$errors" != /dev/null ]; then rm -f -- "$errors"; fi
}
# A full disk keeps the reasons from us, not the address from moving.
errors=$(mktemp "${TMPDIR:-/tmp}/poolctl-$verb.XXXXXX") || errors=/dev/null
trap on_exit EXIT
trap 'die "ended by a signal"' HUP INT TERM

# attempt SECONDS COMMAND...: what it prints goes to `answer`, and why it failed to `why`.
attempt() {
  allowed=$1
  shift
  status=0
  answer=$(timeout "$allowed" "$@" 2>"$errors") || status=$?
  cat -- "$errors" >&2
  if [ "$status" -eq 0 ]; then return 0; fi
  why=$(tail -n 1 -- "$errors")
  if [ "$status" -eq 124 ]; then why="$1 did not end within $allowed s"; fi
  why=${why:-"$1 ended with status $status"}
  return "$status"
}

# run COMMAND...: one that changes something. A dry run prints it, a word in quotes each.
run() {
  if [ -n "$dry" ]; then
    for one; do printf "'%s' " "$(printf '%s' "$one" | sed "s/'/'\\\\''/g")"; done
    printf '\n'
    return 0
  fi
  at_step=$*
  say "running $at_step"
  put_status running "$at_step"
  attempt "$seconds" "$@"
}

aws_run() { run aws --region "$region" "$@"; }
aws_ask() {
  at_step="aws $*"
  attempt "$seconds" aws --region "$region" --output text "$@"
}

# own WHAT: which machine this is, into `answer`: the metadata service, asked with a token (IMDSv2).
own() {
  if [ -n "$dry" ]; then
    answer=OWN-$1
    return 0
  fi
  attempt 10 curl -sS -f -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token ||
    die "the metadata service gives no token: $why"
  attempt 10 curl -sS -f -m 5 -H "X-aws-ec2-metadata-token: $answer" "http://169.254.169.254/latest/meta-data/$1" ||
    die "the metadata service does not tell $1: $why"
}

# has_address ADDRESS DEVICE
has_address() {
  attempt "$seconds" ip -o addr show dev "$2" || die "the addresses of $2 cannot be looked at: $why"
  printf '%s\n' "$answer" | grep -qF " $1/32 "
}
add_address() {
  if [ -z "$dry" ] && has_address "$1" "$2"; then return 0; fi
  run ip addr add "$1/32" dev "$2" || die "the address $1 was not added to $2: $why"
}
drop_address() {
  if [ -z "$dry" ] && ! has_address "$1" "$2"; then return 0; fi
  run ip addr del "$1/32" dev "$2" || die "the address $1 was not taken from $2: $why"
}

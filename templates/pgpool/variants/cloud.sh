#!/bin/sh
# shellcheck shell=sh disable=SC2034
# Made by `poolctl scripts render --variant @@variant@@` as @@verb@@.sh: pgpool's watchdog runs it when this pgpool becomes
# (escalation) or stops being (de-escalation) the leader. Moves the address that clients use where there is no virtual IP.
# With --dry-run it says which commands it would run. Credentials are the instance's own role: none stand in here.
set -eu
LC_ALL=C
export LC_ALL
verb=@@verb@@
region=@@region@@
seconds=@@seconds@@
dry=
if [ "${1:-}" = --dry-run ]; then dry=yes; fi

say() { printf '%s poolctl %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$verb" "$1" >&2; }
die() {
  say "FAILED: $1"
  exit 1
}

# run COMMAND...: one that changes something. A dry run prints it, a word in quotes each.
run() {
  if [ -n "$dry" ]; then
    for one; do printf "'%s' " "$(printf '%s' "$one" | sed "s/'/'\\\\''/g")"; done
    printf '\n'
    return 0
  fi
  say "running $1 ${2:-} ${3:-}"
  timeout "$seconds" "$@"
}

aws_run() { run aws --region "$region" "$@"; }
aws_ask() { timeout "$seconds" aws --region "$region" --output text "$@"; }

# Which machine this is: the metadata service, asked with a token (IMDSv2).
own() {
  if [ -n "$dry" ]; then
    printf 'OWN-%s' "$1"
    return 0
  fi
  token=$(timeout 10 curl -sS -f -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    http://169.254.169.254/latest/api/token) || die 'the metadata service gives no token'
  timeout 10 curl -sS -f -m 5 -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1" ||
    die "the metadata service does not tell $1"
}

add_address() {
  if [ -z "$dry" ] && ip -o addr show dev "$2" | grep -qF " $1/32 "; then return 0; fi
  run ip addr add "$1/32" dev "$2"
}
drop_address() {
  if [ -z "$dry" ] && ! ip -o addr show dev "$2" | grep -qF " $1/32 "; then return 0; fi
  run ip addr del "$1/32" dev "$2"
}

# shellcheck shell=sh disable=SC2154,SC2034
# failover.sh %d %h %p %D %m %H %r %R %M %P %N %S: pgpool's failover_command, on pgpool's host as pgpool's user, with the database
# servers' SSH key. Nothing is promoted while the old primary lives and cannot be stopped: two primaries are worse than none.
work=$(dirname -- "$0")/poolctl-hooks
begin failover "$1" "$work"
failed=$1
new=$5
old_primary=${10}
self_work=$work
say "node $failed is down (new main node $new, old primary $old_primary)"
# same_place NODE HOST PORT: pgpool's list and the cluster file's must mean the same server by a number.
same_place() {
  get_node "$1" || die "node $1 is not in the cluster file that this script was made from"
  if [ "$node_address" != "$2" ] || [ "$node_port" != "$3" ]; then
    die "node $1 is at $node_address:$node_port in the cluster file and at $2:$3 for pgpool"
  fi
}
same_place "$failed" "$2" "$3"
case $new in '' | -1) ;; *) same_place "$new" "$6" "$7" ;; esac
if [ -n "$check_only" ]; then
  for candidate in $(node_ids); do
    get_node "$candidate"
    try "node $candidate cannot be reached over SSH" on_node "$candidate" look /dev/null \
      "$node_data" "$node_bin" "$node_work" '' >"$tmp/look"
  done
  case $new in
  '' | -1) path='no node is left to promote, which it would say and fail' ;;
  *) path="would stop node $failed if it still ran, and promote node $new" ;;
  esac
  if [ "$failed" != "$old_primary" ]; then path="node $failed is a standby, nothing would be promoted"; fi
  finish_stage "proved: SSH to every node with its key checked; $path"
  exit 0
fi
if [ "$failed" != "$old_primary" ] && [ "$old_primary" != -1 ]; then
  finish_stage "node $failed was a standby: nothing to promote"
  exit 0
fi
case $new in '' | -1 | *[!0-9]*) die 'no node is left that could be promoted' ;; esac
get_node "$failed" || die "node $failed is not in the cluster file that this script was made from"
# A primary that only pgpool lost may still take writes from others.
if on_node "$failed" look /dev/null "$node_data" "$node_bin" "$node_work" '' >"$tmp/look" 2>"$tmp/err"; then
  if [ -n "$(sed -n 's/^pid //p' "$tmp/look")" ]; then
    step "stopping the old primary, node $failed, which still runs"
    take_lock "$failed"
    case $node_how in systemd*) unit=${node_how#*"$tab"} && set -- systemd "$unit" ;; *) set -- pg_ctl '' ;; esac
    try "the old primary, node $failed, runs and does not stop" on_node "$failed" server /dev/null \
      "$node_work/lock" "$operation" "$node_data" "$node_bin" "$node_work" stop "$start_wait" fast "$@"
    on_node "$failed" lock /dev/null release "$node_work/lock" "$operation" || :
    lock_is_ours=
  else
    say "the old primary, node $failed, does not run"
  fi
else
  say "the host of node $failed does not answer ($(tail -n 1 "$tmp/err")): taken for dead"
fi
get_node "$new"
step "promoting node $new"
try "node $new was not promoted" on_node "$new" promote /dev/null "$node_data" "$node_bin" "$node_work/lock" "$start_wait"
finish_stage "node $new is the primary"

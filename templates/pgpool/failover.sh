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
by_hand="once it is surely down: poolctl promote $new --failover"

# hears NODE SECONDS: how the node that is to be promoted still hears NODE, into $tmp/hears; empty when NODE is dead for it too.
hears() {
  get_node "$1"
  old_address=$node_address old_port=$node_port others=
  for other in $(node_ids); do
    get_node "$other"
    if [ "$other" != "$1" ]; then others="$others $node_address:$node_port"; fi
  done
  get_node "$new"
  try "node $new cannot say whether node $1 still runs, and nothing is promoted; $by_hand" on_node "$new" hears /dev/null \
    "$node_address" "$node_port" "$db_user" "$database" "$passfile" "$node_bin" "$old_address" "$old_port" "${others# }" "$2" >"$tmp/hears"
}

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
  if [ "$mode" != streaming ]; then
    path='pgpool writes to every server, nothing would be promoted'
  elif [ "$failed" != "$old_primary" ]; then
    path="node $failed is a standby, nothing would be promoted"
  elif [ "${new:--1}" != -1 ]; then
    hears "$failed" 0
  fi
  finish_stage "proved: SSH to every node with its key checked; $path"
  exit 0
fi
if [ "$failed" != "$old_primary" ] && [ "$old_primary" != -1 ]; then
  finish_stage "node $failed was a standby: nothing to promote"
  exit 0
fi
if [ "$mode" != streaming ]; then
  finish_stage "pgpool writes to every server: nothing to promote"
  exit 0
fi
case $new in '' | -1 | *[!0-9]*) die 'no node is left that could be promoted' ;; esac
get_node "$failed" || die "node $failed is not in the cluster file that this script was made from"

# The last line of ssh for a host that is not there. One that turns us away or shows another key is there, and so may its server be.
host_is_silent() {
  case $1 in
  'ssh: connect to host '*': Connection refused' | 'ssh: connect to host '*': No route to host') ;;
  *' timed out' | *' timed out during banner exchange' | 'Timeout, server '*' not responding.') ;;
  *) return 1 ;;
  esac
}

stop_old() {
  step "stopping the old primary, node $1, which still runs"
  take_lock "$1"
  case $node_how in systemd*) unit=${node_how#*"$tab"} && set -- "$1" systemd "$unit" ;; *) set -- "$1" pg_ctl '' ;; esac
  stopped=$1
  shift
  try "the old primary, node $stopped, runs and does not stop" on_node "$stopped" server /dev/null \
    "$node_work/lock" "$operation" "$node_data" "$node_bin" "$node_work" stop "$start_wait" fast "$@"
  on_node "$stopped" lock /dev/null release "$node_work/lock" "$operation" || :
  lock_is_ours=
}

# no_writes NODE: that node takes none from now on, or nothing is promoted. A primary that only pgpool lost may still take them from others.
no_writes() {
  get_node "$1"
  status=0
  on_node "$1" look /dev/null "$node_data" "$node_bin" "$node_work" '' >"$tmp/look" 2>"$tmp/err" || status=$?
  if [ "$status" -ne 0 ]; then
    why=$(tail -n 1 -- "$tmp/err" | tr -d '\r')
    # 255 is ssh's own; any other is of the script that ran there.
    if [ "$status" -ne 255 ] || ! host_is_silent "$why"; then
      die "whether node $1 still runs cannot be seen, and nothing is promoted: $why; $by_hand"
    fi
    step "the host of node $1 does not answer ($why): asking node $new whether it hears it"
    # What pgpool and this machine cannot reach may live for others.
    hears "$1" 60
    if [ -s "$tmp/hears" ]; then
      die "node $1 lives, though it is not reached from here: for node $new, $(cat -- "$tmp/hears"). Nothing is promoted; $by_hand"
    fi
    say "node $1 is dead for node $new too"
  elif [ -z "$(sed -n 's/^pid //p' "$tmp/look")" ]; then
    say "node $1 does not run"
  elif [ "$1" = "$old_primary" ]; then
    stop_old "$1"
  elif [ "$(sed -n 's/^state //p' "$tmp/look")" = 'in archive recovery' ]; then
    say "node $1 runs as a standby"
  elif [ "$1" = "$failed" ]; then
    stop_old "$1"
  else
    die "node $1 runs as a primary that pgpool does not know, and nothing is promoted: poolctl status"
  fi
}

if [ "$old_primary" = -1 ]; then
  # pgpool knows of no primary, as after a failover that ended here: there may be one all the same, and on any node.
  for candidate in $(node_ids); do
    if [ "$candidate" != "$new" ]; then no_writes "$candidate"; fi
  done
else
  no_writes "$old_primary"
fi
get_node "$new"
step "promoting node $new"
try "node $new was not promoted" on_node "$new" promote /dev/null "$node_data" "$node_bin" "$node_work/lock" "$start_wait"
finish_stage "node $new is the primary"

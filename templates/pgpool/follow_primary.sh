# shellcheck shell=sh disable=SC2154,SC2034
# follow_primary.sh %d %h %p %D %m %H %r %R %M %P %N %S: pgpool's follow_primary_command, run for every node that it has put down,
# after a new primary was found. A standby that can follow does so and is attached once it streams; a node that does not run, or that
# has gone past the fork, is left detached for `poolctl recovery`, which looks before it overwrites anything.
pcp_host=@@pcpHost@@
pcp_port=@@pcpPort@@
pcp_user=@@pcpUser@@
pcp_passfile=@@pcpPassfile@@
work=$(dirname -- "$0")/poolctl-hooks
begin follow "$1" "$work"
node=$1
primary=$5
self_work=$work
say "node $node shall follow node $primary"
if [ "$node" = "$primary" ]; then die 'a node cannot follow itself'; fi
get_node "$primary" || die "node $primary is not in the cluster file that this script was made from"
primary_address=$node_address primary_port=$node_port primary_bin=$node_bin primary_conninfo=$node_conninfo
get_node "$node" || die "node $node is not in the cluster file that this script was made from"
try "node $node cannot be reached over SSH; when it is back: poolctl recovery $node" on_node "$node" look /dev/null \
  "$node_data" "$node_bin" "$node_work" '' >"$tmp/look"
command -v pcp_attach_node >/dev/null || die 'pcp_attach_node is not installed here'
if [ -n "$check_only" ]; then
  finish_stage "proved: SSH to node $node with its key checked, pcp_attach_node is here"
  exit 0
fi
if [ -z "$(sed -n 's/^pid //p' "$tmp/look")" ]; then
  finish_stage "node $node does not run, and is left as it is: poolctl recovery $node"
  exit 0
fi
step "keeping WAL for node $node on node $primary"
slot=$node_slot
get_node "$primary"
try "node $primary cannot serve node $node" on_node "$primary" source /dev/null "$primary_address" "$primary_port" \
  "$db_user" "$database" "$passfile" "$primary_bin" "$slot" >"$tmp/fork"
get_node "$node"
step "turning node $node to node $primary"
try "node $node does not follow" on_node "$node" follow /dev/null "$node_address" "$node_port" "$db_user" "$database" "$passfile" \
  "$node_bin" "$(cat "$tmp/fork")" "$primary_conninfo application_name='$node_slot'$conninfo_end" "$node_slot" "$node_work/lock" >/dev/null
step "waiting until node $node streams"
waited=0
get_node "$primary"
until on_node "$primary" streams /dev/null "$primary_address" "$primary_port" "$db_user" "$database" "$passfile" "$primary_bin" \
  "$slot" 2>"$tmp/err"; do
  waited=$((waited + 1))
  if [ "$waited" -gt "$start_wait" ]; then die "node $node does not stream from node $primary after $start_wait looks: $(tail -n 1 "$tmp/err")"; fi
  sleep 1
done
step "attaching node $node"
if [ -n "$pcp_passfile" ]; then
  PCPPASSFILE=$pcp_passfile
  export PCPPASSFILE
fi
# -w: the password comes from ~/.pcppass or PCPPASSFILE of pgpool's user.
pcp() {
  pcp_program=$1
  shift
  timeout 60 "$pcp_program" -w -h "$pcp_host" -p "$pcp_port" -U "$pcp_user" -n "$node" "$@"
}
# Third field: 1 is attached and not used yet, 2 is up. The clients of some versions exit 0 whatever happened, so the node is looked at.
attached() { pcp pcp_node_info 2>"$tmp/err" | awk '$3 == 1 || $3 == 2 { up = 1 } END { exit !up }'; }
# pgpool replaces its PCP process after each failover, which is just now, and cuts off whoever is connected to it. A second attach of a node
# that is up does nothing.
looks=0
until attached; do
  if [ "$looks" -ge 30 ]; then die "pgpool does not attach node $node: $(tail -n 1 "$tmp/refused" "$tmp/err" 2>/dev/null | tail -n 1)"; fi
  if [ "$((looks % 5))" -eq 0 ]; then pcp pcp_attach_node >/dev/null 2>"$tmp/refused" || :; fi
  looks=$((looks + 1))
  sleep 1
done
finish_stage "node $node follows node $primary and is attached"

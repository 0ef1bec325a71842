# shellcheck shell=sh disable=SC2154
# pgpool_remote_start HOST DATA: pgpool runs it on the primary to start the recovered node. It is not told the node's number.
find_self "$(dirname -- "$0")" '' ''
target=
for candidate in $(node_ids); do
  get_node "$candidate"
  if [ "$node_address" = "$1" ] && [ "$node_data" = "$2" ]; then target=$candidate; fi
done
begin start "${target:-0}" "$self_work/pgpool"
if [ -z "$target" ]; then die "no node of the cluster file is at $1:$2"; fi
get_node "$target"
try "node $target cannot be reached over SSH" on_node "$target" look /dev/null \
  "$node_data" "$node_bin" "$node_work" "$(if [ "$node_config" != - ]; then printf '%s' "$node_config"; fi)" >"$tmp/look"
if [ -n "$check_only" ]; then
  finish_stage "proved: SSH to node $target with its key checked, and how it is"
  exit 0
fi
if ! grep -q '^sysid ' "$tmp/look"; then die "node $target has no control file: its copy is not whole"; fi
take_lock "$target"
step "starting PostgreSQL on node $target"
set -f
old_ifs=$IFS
IFS=$tab
# shellcheck disable=SC2086
set -- $node_how
IFS=$old_ifs
set +f
if [ "$1" = pg_ctl ] && [ "$2" = - ]; then set -- pg_ctl ''; fi
try "PostgreSQL did not start on node $target" on_node "$target" server /dev/null "$node_work/lock" "$operation" \
  "$node_data" "$node_bin" "$node_work" start "$start_wait" fast "$@"
finish_stage "PostgreSQL runs on node $target"

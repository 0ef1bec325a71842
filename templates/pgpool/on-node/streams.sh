# shellcheck shell=sh
# streams.sh ADDRESS PORT USER DATABASE PASSFILE BIN SLOT: status 0 when the standby of that slot streams from this primary.
server_words "$@"
seen=$(printf '%s\n' "SELECT count(*) FROM pg_stat_replication WHERE application_name = :'slot' AND state = 'streaming'" |
  server_sql -v "slot=$7")
[ "${seen:-0}" -gt 0 ]

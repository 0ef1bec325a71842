# shellcheck shell=sh
# streams.sh ADDRESS PORT USER DATABASE PASSFILE BIN SLOT: status 0 when the standby of that slot streams from this primary.
if [ -n "$5" ]; then
  PGPASSFILE=$5
  export PGPASSFILE
fi
seen=$(printf '%s\n' "SELECT count(*) FROM pg_stat_replication WHERE application_name = :'slot' AND state = 'streaming'" |
  "$6/psql" -XAtqw -v ON_ERROR_STOP=1 -h "$1" -p "$2" -U "$3" -d "$4" -v "slot=$7")
[ "${seen:-0}" -gt 0 ]

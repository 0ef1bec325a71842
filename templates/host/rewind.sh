# shellcheck shell=sh
# rewind.sh DATA BIN CONNINFO PASSFILE CONFIG: pg_rewind. The password stands in a file that libpq reads, never in an argument.
data=$1
bin=$2
conninfo=$3
passfile=$4
config=$5
if [ -n "$passfile" ]; then
  PGPASSFILE=$passfile
  export PGPASSFILE
fi
cd -- "$POOLCTL_JOB" || exit 91
need_stopped "$data"
printf 'rewinding\n' >phase
set -- --target-pgdata "$data" --source-server "$conninfo" --progress
# pg_rewind starts the server once to end a crash recovery, and needs its configuration when that lies elsewhere (option since 15).
if [ -n "$config" ] && "$bin/pg_rewind" --help | { while IFS= read -r line; do
  case $line in *--config-file*) exit 0 ;; esac
done; exit 1; }; then
  set -- "$@" "--config-file=$config"
fi
"$bin/pg_rewind" "$@"

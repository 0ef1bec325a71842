# shellcheck shell=sh
# promote.sh DATA BIN LOCK WAIT: a standby becomes the primary, unless an operation of poolctl is at work on it.
data=$1
bin=$2
if [ -s "$3" ]; then fail LOCKED "an operation is at work on it: $(head -c 300 "$3")"; fi
if [ -z "$(postmaster_pid "$data")" ]; then fail SERVER_DOWN "its server does not run"; fi
PGDATA=$data
export PGDATA
state=$(LC_ALL=C "$bin/pg_controldata" | sed -n 's/^Database cluster state: *//p')
if [ "$state" != 'in production' ]; then
  "$bin/pg_ctl" promote -w -t "$4" >&2 || fail PROMOTE_FAILED "pg_ctl promote did not succeed within $4 s"
fi
state=$(LC_ALL=C "$bin/pg_controldata" | sed -n 's/^Database cluster state: *//p')
if [ "$state" != 'in production' ]; then fail PROMOTE_FAILED "its control file says: $state"; fi

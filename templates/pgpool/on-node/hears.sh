# shellcheck shell=sh
# hears.sh OWN-ADDRESS OWN-PORT USER DATABASE PASSFILE BIN ADDRESS PORT OTHERS SECONDS: does this standby still hear the server at
# ADDRESS:PORT? Prints by what, or nothing when that server is dead. A receiver that streams from one of OTHERS (address:port, a blank
# between two) says nothing of it.
server_words "$@"
bin=$6
address=$7
port=$8
shift 8
others=$1
seconds=$2
began=$(date +%s.%N)
# As long as a login may take.
PGCONNECT_TIMEOUT=10
export PGCONNECT_TIMEOUT
give_up=$(($(date +%s) + seconds))
if [ ! -x "$bin/pg_isready" ]; then fail PROGRAM_MISSING "there is no pg_isready in $bin"; fi

# A receiver of a server killed a second ago may still stand there with what it heard before, so only what came since we ask counts. One that
# hears nothing asks its server after half of wal_receiver_timeout; a server that does not answer that is gone.
receiver() {
  server_sql -v "began=$began" -v "others=$others" <<'SQL'
SELECT CASE
  WHEN last_msg_receipt_time > to_timestamp(:began) THEN 'hears'
  WHEN setting::float8 > 0 AND clock_timestamp() - last_msg_receipt_time > (setting::float8 / 2000 + 2) * interval '1 s' THEN 'silent'
  ELSE 'waits' END
FROM pg_stat_wal_receiver, pg_settings
WHERE status = 'streaming' AND name = 'wal_receiver_timeout'
  AND concat(sender_host, ':', sender_port) <> ALL (string_to_array(:'others', ' '));
SQL
}

# Three looks, because a server that is being restarted is away for a moment.
looks=0
while [ "$looks" -lt 3 ]; do
  status=0
  "$bin/pg_isready" -q -h "$address" -p "$port" -t 3 || status=$?
  case $status in
  0 | 1)
    printf 'PostgreSQL answers it at %s:%s\n' "$address" "$port"
    exit 0
    ;;
  2) ;;
  *) fail PROGRAM_FAILED "pg_isready ended with status $status" ;;
  esac
  said=$(receiver) || fail SERVER_DOWN 'its WAL receiver cannot be looked at'
  case $said in
  hears)
    printf 'its WAL receiver still streams from there\n'
    exit 0
    ;;
  waits) if [ "$(date +%s)" -ge "$give_up" ]; then looks=$((looks + 1)); else looks=0; fi ;;
  *) looks=$((looks + 1)) ;;
  esac
  if [ "$looks" -lt 3 ]; then sleep 1; fi
done

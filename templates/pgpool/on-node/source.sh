# shellcheck shell=sh
# source.sh ADDRESS PORT USER DATABASE PASSFILE BIN SLOT: on the new primary: keeps WAL for a standby in SLOT, and prints where its
# timeline began.
server_words "$@"
server_sql -v "slot=$7" <<'SQL' || fail NOT_A_PRIMARY 'it does not answer as a primary'
SELECT pg_create_physical_replication_slot(:'slot', true)
WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = :'slot') \g /dev/null
SELECT coalesce(
  (SELECT split_part(line, E'\t', 2)
   FROM regexp_split_to_table(pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history', 0, 1000000, true),
     E'\n') WITH ORDINALITY AS h (line, n)
   WHERE line ~ E'^[0-9]+\t' ORDER BY n DESC LIMIT 1),
  'FFFFFFFF/FFFFFFFF');
SQL

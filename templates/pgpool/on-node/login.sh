# shellcheck shell=sh
# login.sh BIN CONNINFO: can this node log in for replication? libpq finds the password itself.
"$1/psql" -XAtqw -d "$2 replication=true connect_timeout=10 dbname=replication" -c IDENTIFY_SYSTEM

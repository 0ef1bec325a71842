# shellcheck shell=sh
# settings.sh LOCK OPERATION DATA ROLE BYTES: postgresql.auto.conf from stdin; ROLE standby also gets its signal file, ROLE equal none.
need_lock "$1" "$2"
data=$3
need_stopped "$data"
take_input "$data/postgresql.auto.conf.tmp" "$5"
put "$data/postgresql.auto.conf.tmp" "$data/postgresql.auto.conf"
rm -f -- "$data/recovery.signal" "$data/recovery.conf" "$data/recovery.done" "$data/standby.signal"
if [ "$4" = standby ]; then
  : >"$data/standby.signal" || fail WRITE_FAILED "cannot write $data/standby.signal"
  sync -- "$data/standby.signal"
fi
sync -- "$data" || fail WRITE_FAILED "cannot flush $data"

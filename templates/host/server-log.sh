# shellcheck shell=sh
# server-log.sh DATA WORK CONFIG LINES: the end of the server's log: what the logging collector names, else what pg_ctl wrote for
# us, else where Debian's pg_ctlcluster puts it (/var/log/postgresql/postgresql-VERSION-NAME.log). Nothing when none is found.
data=$1
work=$2
config=$3
lines=$4
found=
if [ -r "$data/current_logfiles" ]; then
  while read -r kind path; do
    if [ "$kind" != stderr ]; then continue; fi
    case $path in /*) found=$path ;; *) found=$data/$path ;; esac
  done <"$data/current_logfiles"
fi
if [ ! -r "$found" ] && [ -s "$work/server.log" ]; then found=$work/server.log; fi
if [ ! -r "$found" ]; then
  case $config in
  /etc/postgresql/*/*/postgresql.conf)
    name=${config#/etc/postgresql/}
    name=${name%/postgresql.conf}
    found=/var/log/postgresql/postgresql-${name%%/*}-${name#*/}.log
    ;;
  esac
fi
if [ -r "$found" ]; then tail -n "$lines" -- "$found"; fi

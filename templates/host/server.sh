# shellcheck shell=sh
# server.sh LOCK OPERATION DATA BIN WORK VERB WAIT MODE HOW [WORD...]: starts or stops a server.
#   HOW pg_ctl  WORD = postgres options as pg_ctl -o takes them, or empty
#   HOW systemd WORD = unit
#   HOW command WORD... = the site's own argument list
# The directory goes to pg_ctl in PGDATA and never as -D, and its log by redirection and never as -l: pg_ctl puts both between
# double quotes of a shell command line of its own (start_postmaster in pg_ctl.c), where $(...) in a path would run.
need_lock "$1" "$2"
data=$3
bin=$4
work=$5
verb=$6
wait_seconds=$7
mode=$8
how=$9
shift 9
make_work "$work"
pid=$(postmaster_pid "$data")
case $verb in
start) if [ -n "$pid" ]; then exit 0; fi ;;
stop) if [ -z "$pid" ]; then exit 0; fi ;;
esac
PGDATA=$data
export PGDATA

# wait_for COMMAND...: units and site commands may return before the server is there or gone.
wait_for() {
  waited=0
  until "$@"; do
    if [ "$waited" -ge "$((wait_seconds * 5))" ]; then return 1; fi
    sleep 0.2
    waited=$((waited + 1))
  done
}
# Line 8 of postmaster.pid is the postmaster's own word: "ready", or "standby" for a standby that takes no connections yet.
is_up() {
  lines=0
  word=
  while [ "$lines" -lt 8 ] && IFS= read -r word; do lines=$((lines + 1)); done 2>/dev/null <"$data/postmaster.pid"
  case $lines$word in 8ready* | 8standby*) [ -n "$(postmaster_pid "$data")" ] ;; *) return 1 ;; esac
}
is_down() { [ -z "$(postmaster_pid "$data")" ]; }

run() {
  case $how in
  pg_ctl)
    if [ "$verb" = stop ]; then
      "$bin/pg_ctl" stop -m "$mode" -w -t "$wait_seconds"
    elif [ -n "$1" ]; then
      "$bin/pg_ctl" start -w -t "$wait_seconds" -o "$1"
    else
      "$bin/pg_ctl" start -w -t "$wait_seconds"
    fi
    ;;
  systemd)
    if [ "$(id -u)" -eq 0 ]; then systemctl "$verb" "$1"; else sudo -n systemctl "$verb" "$1"; fi
    ;;
  command) "$@" ;;
  esac
}

reached() { if [ "$verb" = start ]; then is_up; else is_down; fi; }

# A postmaster that was killed and that nobody has reaped yet still has its number, and the new one takes that for a server at work. The
# first process of a container may take its time; what it never reaps, the server itself refuses, by name.
unreaped() { [ -d "/proc/$1" ] && [ -z "$(start_ticks "$1")" ]; }
if [ "$verb" = start ] && [ -r "$data/postmaster.pid" ]; then
  dead=
  IFS= read -r dead <"$data/postmaster.pid" || :
  waited=0
  while unreaped "${dead:-none}" && [ "$waited" -lt 100 ]; do
    sleep 0.2
    waited=$((waited + 1))
  done
fi

# Every descriptor of the server must point away from this session, or the SSH channel stays open as long as the server lives.
run "$@" </dev/null >>"$work/server.log" 2>&1 &
# pg_ctl looks ten times a second, and clients wait meanwhile. A unit or a command of the site may have more to do than can be seen here.
if [ "$how" = pg_ctl ]; then
  while kill -s 0 "$!" 2>/dev/null; do
    if reached; then exit 0; fi
    sleep 0.02
  done
fi
status=0
wait "$!" || status=$?
if [ "$verb" = start ]; then
  if [ "$status" -ne 0 ] && is_down; then fail START_FAILED "the server did not start, status $status"; fi
  if wait_for is_up; then exit 0; fi
  if [ -n "$(postmaster_pid "$data")" ]; then fail START_SLOW "the server has not finished starting after $wait_seconds s"; fi
  fail START_FAILED "the server did not start, status $status"
fi
if wait_for is_down; then exit 0; fi
fail STOP_SLOW "the server still runs after $wait_seconds s, status $status"

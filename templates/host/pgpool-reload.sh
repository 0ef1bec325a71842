# shellcheck shell=sh
# pgpool-reload.sh LOCK OPERATION HOW WORD...: makes pgpool read pgpool.conf again, where PCP cannot ask for it (before 4.2).
#   HOW systemd WORD = unit
#   HOW command WORD... = the site's own argument list
need_lock "$1" "$2"
how=$3
shift 3

run() {
  case $how in
  systemd)
    if [ "$(id -u)" -eq 0 ]; then systemctl reload "$1"; else sudo -n systemctl reload "$1"; fi
    ;;
  command) "$@" ;;
  esac
}

said=$(run "$@" 2>&1 </dev/null) ||
  fail PGPOOL_RELOAD_FAILED "status $?, and it said: $(printf '%s\n' "$said" | tail -n 1)"

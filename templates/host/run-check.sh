# shellcheck shell=sh
# run-check.sh PATH WORD...: runs a script that pgpool would run in its harmless mode. Prints its status, and what it said last.
script=$1
shift
if [ ! -x "$script" ]; then
  printf 'missing\n%s is not there, or is not executable for %s\n' "$script" "$(id -un)"
  exit 0
fi
said=$(timeout 120 "$script" --check "$@" 2>&1 </dev/null) && status=0 || status=$?
printf '%s\n%s\n' "$status" "$(printf '%s' "$said" | tail -n 1 | tail -c 900)"

# shellcheck shell=sh
# upgrade-check-tools.sh NAMES: backup and monitoring tools that are at work here, NUL between key and value. NAMES is an extended regular
# expression of their programs' names. On stdin a line each of what the server's settings call: "SETTING PROGRAM". Each tool is asked for its
# version alone, for a few seconds at most; one that is installed and used by nothing is not asked.
names=$1

say() {
  printf '%s\0%s\0' "$1" "$2"
}

# ask USE PROGRAM
ask() {
  ask_path=$(command -v -- "$2" 2>/dev/null) || ask_path=
  ask_said=
  ask_word=--version
  case ${2##*/} in pgbackrest) ask_word=version ;; esac
  if [ -x "$ask_path" ]; then
    ask_said=$(timeout -k 1 5 "$ask_path" "$ask_word" </dev/null 2>&1 | head -c 400)
  fi
  say tool "$1 ${2##*/}"
  say said "$ask_said"
}

used() {
  cat
  if command -v ps >/dev/null 2>&1; then
    # A program of an interpreter is its second word.
    ps -e -ww -o args= 2>/dev/null | awk -v names="^(.*/)?($names)\$" '{
      if ($1 ~ names) print "process " $1
      else if ($1 ~ /python[0-9.]*$/ && $2 ~ names) print "process " $2
    }'
  fi
  {
    if command -v crontab >/dev/null 2>&1; then crontab -l; fi
    cat /etc/crontab /etc/cron.d/*
  } 2>/dev/null </dev/null | grep -v '^[[:blank:]]*#' | tr -s '[:blank:];|&()' '\n' | awk -v names="^(.*/)?($names)\$" '$0 ~ names {print "cron " $0}'
}

used | sort -u | while read -r use program; do
  if [ -n "$program" ]; then ask "$use" "$program"; fi
done

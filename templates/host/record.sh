# shellcheck shell=sh
# record.sh VERB WORK [OPERATION] [BYTES] [HOLDER]: copies of operation records. HOLDER: whose lock it is, where it is not the operation's.
verb=$1
records=$2/records
case $verb in
save)
  need_lock "$2/lock" "${5:-$3}"
  if [ ! -d "$records" ]; then
    make_work "$2"
    mkdir -p -- "$records" || fail WORK_DIRECTORY "cannot make $records"
  fi
  take_input "$records/$3.part" "$4"
  put "$records/$3.part" "$records/$3.ndjson"
  ;;
list)
  for file in "$records"/*.ndjson; do
    if [ -f "$file" ]; then printf '%s\0' "${file##*/}"; fi
  done
  ;;
esac

# shellcheck shell=sh
# job-start.sh LOCK OPERATION DATA WORK ID COUNT (NAME BYTES)... [ARGUMENT...]: unpacks the job's files from stdin and starts its `run`
# detached. A job of that name that has begun is left as it is.
need_lock "$1" "$2"
work=$4
dir=$work/jobs/$2-$5
if [ -e "$dir/pid" ]; then exit 0; fi
need_stopped "$3"
count=$6
shift 6
make_work "$work"
rm -rf -- "$dir" "$dir.new"
mkdir -p -- "$dir.new" || fail WORK_DIRECTORY "cannot make $dir.new"
while [ "$count" -gt 0 ]; do
  why=$({ head -c "$2" >"$dir.new/$1"; } 2>&1) || fail WRITE_FAILED "cannot write $dir.new/$1: ${why##*: }"
  if [ "$(($(wc -c <"$dir.new/$1")))" -ne "$2" ]; then fail INPUT_CUT "$1: expected $2 bytes"; fi
  count=$((count - 1))
  shift 2
done
put "$dir.new" "$dir"
# A session of its own: what sshd does to this one when the connection drops does not reach it.
# The first block of its stderr is there before the disk may be full, for the words that say so.
printf '\n' >"$dir/stderr"
setsid sh "$dir/run" "$dir" "$@" </dev/null >"$dir/stdout" 2>>"$dir/stderr" &
tries=0
while [ ! -e "$dir/pid" ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 500 ]; then fail JOB_NOT_STARTED "$(tail -n 3 -- "$dir/stderr")"; fi
  sleep 0.02
done

# shellcheck shell=sh
# job-stop.sh LOCK OPERATION WORK ID [OF]: ends a job's whole process group and forgets it; all jobs of the operation when ID is empty. OF:
# the operation whose jobs they are, where the lock is that of another.
need_lock "$1" "$2"

# group_lives PID: members that have ended and are not reaped do not count; where the first process of a container reaps nobody, they
# would count for ever.
group_lives() {
  kill -s 0 -- "-$1" 2>/dev/null || return 1
  for stat in /proc/[0-9]*/stat; do
    { IFS= read -r member <"$stat"; } 2>/dev/null || continue
    member=${member##*) }
    state=${member%% *}
    member=${member#* * }
    if [ "${member%% *}" = "$1" ] && [ "$state" != Z ] && [ "$state" != X ]; then return 0; fi
  done
  return 1
}

end_job() {
  dir=$1
  if [ -e "$dir/pid" ]; then
    read -r pid ticks boot_id <"$dir/pid"
    now_boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) || now_boot=
    now_ticks=$(start_ticks "$pid")
    # Leader alive: its group is ours. Leader dead: the kernel gives its number to nobody while a member of the group lives, so a
    # group of that number is still ours unless a process of that number exists.
    if [ "$boot_id" = "$now_boot" ] && { [ -z "$now_ticks" ] || [ "$now_ticks" = "$ticks" ]; }; then
      # `-s`, because dash takes no `--` after the short form and would then send nothing. Failing means that the group is gone.
      kill -s TERM -- "-$pid" 2>/dev/null || :
      # One that somebody has stopped hears it only then.
      kill -s CONT -- "-$pid" 2>/dev/null || :
      tries=0
      while group_lives "$pid"; do
        tries=$((tries + 1))
        if [ "$tries" -eq 50 ]; then kill -s KILL -- "-$pid" 2>/dev/null || :; fi
        if [ "$tries" -gt 100 ]; then fail JOB_NOT_STOPPED "process group $pid does not end"; fi
        sleep 0.1
      done
    fi
  fi
  # One that was killed has not removed its directory of sockets.
  if [ -r "$dir/sockets" ]; then
    sockets=$(cat -- "$dir/sockets")
    case $sockets in /tmp/poolctl-*/*) ;; /tmp/poolctl-*.??????) rm -rf -- "$sockets" ;; esac
  fi
  rm -rf -- "$dir"
}

if [ -n "$4" ]; then
  set -- "$3/jobs/$2-$4"
else
  set -- "$3/jobs/${5:-$2}"-*
fi
for job; do
  if [ -d "$job" ]; then end_job "$job"; fi
done

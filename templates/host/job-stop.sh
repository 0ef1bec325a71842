# shellcheck shell=sh
# job-stop.sh LOCK OPERATION WORK ID: ends a job's whole process group and forgets it.
need_lock "$1" "$2"
dir=$3/jobs/$2-$4
if [ ! -d "$dir" ]; then exit 0; fi
if [ -e "$dir/pid" ]; then
  read -r pid ticks boot_id <"$dir/pid"
  now_boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) || now_boot=
  now_ticks=$(start_ticks "$pid")
  # Leader alive: its group is ours. Leader dead: the kernel gives its number to nobody while a member of the group lives, so a
  # group of that number is still ours unless a process of that number exists.
  if [ "$boot_id" = "$now_boot" ] && { [ -z "$now_ticks" ] || [ "$now_ticks" = "$ticks" ]; }; then
    kill -TERM -- "-$pid" 2>/dev/null || :
    tries=0
    while kill -0 -- "-$pid" 2>/dev/null; do
      tries=$((tries + 1))
      if [ "$tries" -eq 50 ]; then kill -KILL -- "-$pid" 2>/dev/null || :; fi
      if [ "$tries" -gt 100 ]; then fail JOB_NOT_STOPPED "process group $pid does not end"; fi
      sleep 0.1
    done
  fi
fi
rm -rf -- "$dir"

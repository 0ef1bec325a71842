# shellcheck shell=sh
# job-state.sh WORK OPERATION ID LOOKS: what is known of a job; NUL between key and value. No `state` line: it never began. While it
# runs it is looked at up to LOOKS times, 50 ms apart, so that its end is told at once and without a login for every look.
cd -- "$1/jobs/$2-$3" 2>/dev/null || exit 0
if [ ! -e pid ]; then exit 0; fi

say() {
  printf '%s\0%s\0' "$1" "$2"
}

# shellcheck disable=SC2094
read -r pid ticks boot_id <pid
looks=0
while [ "$looks" -lt "$4" ] && [ ! -e status ] && [ -d "/proc/$pid" ]; do
  sleep 0.05
  looks=$((looks + 1))
done
# Status is looked at last in this order: process first, then status. A job that ends in between has left its status by then.
alive=no
now_boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) || now_boot=
if [ "$boot_id" = "$now_boot" ] && [ "$(start_ticks "$pid")" = "$ticks" ]; then alive=yes; fi
if [ -e status ]; then
  say state ended
  say status "$(cat status)"
elif [ "$alive" = yes ]; then
  say state running
else
  say state lost
fi
if [ -r total ]; then say total "$(cat total)"; fi
if [ -r phase ]; then say phase "$(cat phase)"; fi
say stderr "$(tail -c 4000 stderr)"
for file in out.*; do
  if [ -s "$file" ]; then say out "$(tail -c 900 "$file")"; fi
done

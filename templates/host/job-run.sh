# shellcheck shell=sh
# job-run.sh DIRECTORY [ARGUMENT...]: leader of a job's session. Only one can claim a job: link(2) fails when the name is there.
cd -- "$1" || exit 91
shift
boot_id=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) || boot_id=
printf '%s %s %s\n' "$$" "$(start_ticks "$$")" "$boot_id" >"pid.$$"
ln -- "pid.$$" pid 2>/dev/null || exit 0
rm -f -- "pid.$$"
POOLCTL_JOB=$PWD
export POOLCTL_JOB
# Room for the status is taken now: a job that fills the disk must still be able to say how it ended.
printf '...\n' >status.part
# A stop goes to the whole group; the leader waits for the script and still writes what became of it.
trap : TERM
sh ./script "$@"
# Without its status a job counts as lost; with an empty one it would count as ended well.
printf '%-3s\n' "$?" 1<>status.part && sync -- status.part && mv -f -- status.part status

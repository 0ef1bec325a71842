# shellcheck shell=sh
# upgrade-check-session.sh: a session that lasts a moment, and when it did by this machine's clock.
from=$(date +%s%N)
sleep 1
printf '%s %s' "$from" "$(date +%s%N)"

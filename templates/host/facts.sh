# shellcheck shell=sh
# Who and where we are: user, host name, boot id, first line of rsync --version or nothing; NUL between them.
boot_id=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) || boot_id=
rsync_line=
if command -v rsync >/dev/null 2>&1; then rsync_line=$(rsync --version | head -n 1); fi
printf '%s\0%s\0%s\0%s\0' "$(id -un)" "$(uname -n)" "$boot_id" "$rsync_line"

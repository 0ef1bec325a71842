# shellcheck shell=sh
# pgpool-config.sh LOCK OPERATION CONFIG CKSUM BYTES: replaces pgpool.conf by stdin, when it is still the text that was read.
need_lock "$1" "$2"
config=$(readlink -f -- "$3") || fail FILE_UNREADABLE "cannot find $3"
dir=${config%/*}
if [ "$(cksum <"$config")" != "$4" ]; then fail CONFIG_CHANGED "$config was changed by somebody else meanwhile"; fi
part=$config.poolctl-part
if [ ! -w "$dir" ]; then fail CONFIG_NOT_WRITABLE "cannot write in $dir as $(id -un)"; fi
# Attributes first, content after: the password in it must at no moment be readable by more people than before.
: >"$part" || fail CONFIG_NOT_WRITABLE "cannot write $part"
chmod --reference="$config" -- "$part" || fail WRITE_FAILED "cannot set the mode of $part"
if [ "$(stat -c %u:%g -- "$part")" != "$(stat -c %u:%g -- "$config")" ] && ! chown --reference="$config" -- "$part"; then
  rm -f -- "$part"
  fail CONFIG_NOT_WRITABLE "cannot keep the owner of $config as $(id -un)"
fi
take_input "$part" "$5"
put "$part" "$config"

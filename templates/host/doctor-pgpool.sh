# shellcheck shell=sh
# doctor-pgpool.sh CONFIG PCPCONF POOLHBA POOLPASSWD STATUSDIR SOCKET PIDFILE PROGRAM...: the files of a pgpool; NUL between key and value.
# Changes nothing. Of pcp.conf only the kind of each line leaves this machine, since its hashes are as good as the passwords.
config=$1
pcp_conf=$2
pool_hba=$3
pool_passwd=$4
status_dir=$5
socket=$6
pid_file=$7
shift 7

say() {
  printf '%s\0%s\0' "$1" "$2"
}

# file KEY PATH: its mode, or that it is not there.
file() {
  if [ -z "$2" ]; then return; fi
  if [ -e "$2" ]; then say "$1" "$(stat -L -c %a -- "$2") $2"; else say "$1" "missing $2"; fi
  if [ -e "$2" ] && [ ! -r "$2" ]; then say unreadable "$2"; fi
}

say user "$(id -un)"
pid=
if [ -n "$pid_file" ] && [ -r "$pid_file" ]; then pid=$(head -n 1 -- "$pid_file"); fi
if [ -n "$pid" ] && [ -d "/proc/$pid" ]; then say runsAs "$(stat -c %U -- "/proc/$pid")"; fi
say epoch "$(date +%s.%N)"
if [ -r /sys/class/dmi/id/sys_vendor ]; then say vendor "$(cat /sys/class/dmi/id/sys_vendor)"; fi
file config "$config"
file pcpConf "$pcp_conf"
file poolHba "$pool_hba"
file poolPasswd "$pool_passwd"
if [ -r "$pcp_conf" ]; then
  number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    case $line in
    '' | '#'*) continue ;;
    *:*) ;;
    *)
      say pcpLine "$number no-colon"
      continue
      ;;
    esac
    hash=${line#*:}
    kind=other
    case $hash in *[!0-9a-f]*) ;; *) if [ "${#hash}" -eq 32 ]; then kind=md5; fi ;; esac
    carriage=$(printf '\r')
    case $hash in
    *"$carriage") kind='carriage-return' ;;
    md5*) kind=md5-prefix ;;
    SCRAM-* | AES*) kind=scram ;;
    esac
    if [ "$kind" = other ]; then
      case $hash in *[!0-9a-fA-F]*) kind=no-hash ;; *) kind=hex-${#hash} ;; esac
    fi
    say pcpLine "$number $kind ${line%%:*}"
  done <"$pcp_conf"
fi
if [ -r "$pool_hba" ]; then
  sed -e 's/#.*//' -- "$pool_hba" | awk 'NF >= 4 {print ($1 == "local" ? $4 : ($5 ~ /^[0-9.]+$/ ? $6 : $5))}' | sort -u | while IFS= read -r method; do
    say hbaMethod "$method"
  done
fi
if [ -n "$status_dir" ]; then
  if [ -r "$status_dir/pgpool_status" ]; then say status "$(cat -- "$status_dir/pgpool_status")"; fi
  if [ -e "$status_dir/pgpool_status" ] && [ ! -r "$status_dir/pgpool_status" ]; then say unreadable "$status_dir/pgpool_status"; fi
  if [ -w "$status_dir" ]; then say statusWritable yes; else say statusWritable no; fi
fi
if [ -n "$socket" ]; then
  if [ -S "$socket" ]; then say socket yes; else say socket no; fi
fi
home=$(getent passwd "$(id -un)" | cut -d : -f 6)
for program; do
  if [ -x "$program" ] && [ ! -d "$program" ]; then say program "x $program"; elif [ -e "$program" ]; then say program "r $program"; else say program "- $program"; fi
  if [ ! -f "$program" ] || [ ! -r "$program" ]; then continue; fi
  if grep -q '^# Made by .poolctl scripts render. ' -- "$program"; then say made "$program"; fi
  # A hook that calls pgpool's tools needs their password file; one that names another itself is believed.
  if ! grep -q 'pcp_[a-z]*_node' -- "$program"; then continue; fi
  own=$(sed -n 's/^pcp_passfile=//p' -- "$program" | head -n 1 | tr -d "'")
  if grep -q '^pcp_passfile=' -- "$program" || ! grep -q PCPPASSFILE -- "$program"; then
    own=${own:-$home/.pcppass}
    if [ -r "$own" ]; then file hookPassfile "$own"; else say hookPassfile "missing $own"; fi
  fi
done

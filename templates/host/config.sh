# shellcheck shell=sh
# config.sh LOCK OPERATION DATA WORK VERB [BYTES]: the node's own configuration.
#   save     keeps what a copy of another node would overwrite; the first copy is kept, a later one may be the other node's already
#   restore  puts it back and prints postgresql.auto.conf as it then is
#   standby  postgresql.auto.conf from stdin, standby.signal, and no other recovery file
need_lock "$1" "$2"
data=$3
work=$4
verb=$5
saved=$work/config

save() {
  if [ -d "$saved" ]; then return; fi
  make_work "$work"
  rm -rf -- "$saved.part"
  mkdir -- "$saved.part" || fail WORK_DIRECTORY "cannot make $saved.part"
  for path in "$data"/*.conf "$data"/*.crt "$data"/*.key "$data"/*.pem "$data"/*.crl "$data"/conf.d; do
    if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
    cp -a -- "$path" "$saved.part/" || fail WRITE_FAILED "cannot save $path"
  done
  # Written by poolctl's copy or by the standby's own past: never part of a node's own configuration.
  rm -f -- "$saved.part/recovery.conf"
  sync -f -- "$saved.part"
  put "$saved.part" "$saved"
}

restore() {
  if [ -d "$saved" ]; then
    cp -a -- "$saved/." "$data/" || fail WRITE_FAILED "cannot put the saved configuration back"
    # cp gives the directory itself the work directory's mode; a server refuses anything but 0700 and 0750 with its files' mode.
    chmod 700 -- "$data"
  fi
  if [ -r "$data/postgresql.auto.conf" ]; then cat -- "$data/postgresql.auto.conf"; fi
}

case $verb in
save) save ;;
restore) need_stopped "$data" && restore ;;
standby) need_stopped "$data" && make_standby "$data" "$6" ;;
esac

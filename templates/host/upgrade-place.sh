# shellcheck shell=sh
# upgrade-place.sh LOCK OPERATION WORK OLDDATA NEWDATA FROM TO OLDCONFIG NEWCONFIG VERB [ARGUMENT...]: the new cluster beside the old one.
# Each verb may be repeated. Of the old directory `configure` and `take-back` rename the control file, and `drop-old` removes it; nothing
# else touches it. `hold-new` keeps a start that is under way from happening. OLDCONFIG, NEWCONFIG: main configuration files outside the data directories, or empty.
need_lock "$1" "$2"
work=$3
old=$4
new=$5
from=$6
to=$7
oldconfig=$8
newconfig=$9
shift 9
verb=$1
shift
keep=$work/upgrade
make_work "$work"
if [ ! -d "$keep" ]; then mkdir -- "$keep" || fail WORK_DIRECTORY "cannot make $keep"; fi
case $new in /*/*) ;; *) fail NEW_DATA_NESTED "not a place for a data directory: $new" ;; esac

mark() {
  printf '%s' "$2" >"$keep/$1.part" || fail WRITE_FAILED "cannot write $keep/$1"
  sync -- "$keep/$1.part"
  put "$keep/$1.part" "$keep/$1"
}
made_by_us() { [ -r "$keep/made" ] && [ "$(cat -- "$keep/made")" = "$new" ]; }

stage() {
  # What an upgrade that was gone back from has left would be taken for this one's.
  if [ ! -e "$keep/prepared" ]; then take_back; fi
  if [ ! -e "$keep/prepared" ]; then rm -f -- "$keep/wal"; fi
  wal=$(wal_of "$old")
  if [ -n "$wal" ]; then mark wal-old "$wal"; else rm -f -- "$keep/wal-old"; fi
  rm -rf -- "$keep/config.part"
  mkdir -- "$keep/config.part" || fail WORK_DIRECTORY "cannot make $keep/config.part"
  for path in "$old"/*.conf "$old"/*.crt "$old"/*.key "$old"/*.pem "$old"/*.crl "$old"/conf.d; do
    if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
    cp -a -- "$path" "$keep/config.part/" || fail WRITE_FAILED "cannot keep $path"
  done
  for path in "$old"/*; do
    if [ -f "$path" ] && [ -x "$path" ]; then cp -a -- "$path" "$keep/config.part/" || fail WRITE_FAILED "cannot keep $path"; fi
  done
  rm -f -- "$keep/config.part/recovery.conf"
  if [ -n "$oldconfig" ]; then cp -a -- "${oldconfig%/*}" "$keep/config.part/etc" || fail WRITE_FAILED "cannot keep ${oldconfig%/*}"; fi
  while [ "$#" -gt 0 ]; do
    case $1 in */../* | ../* | /*) fail WRITE_FAILED "not a configuration file: $1" ;; esac
    head -c "$2" >"$keep/config.part/$1" || fail WRITE_FAILED "cannot write $1"
    if [ "$(($(wc -c <"$keep/config.part/$1")))" -ne "$2" ]; then fail INPUT_CUT "$1: expected $2 bytes"; fi
    shift 2
  done
  sync -f -- "$keep/config.part"
  rm -rf -- "$keep/config"
  put "$keep/config.part" "$keep/config"
  if [ -n "$newconfig" ]; then place_outside; fi
}

# The directory of configuration is made as a whole, and only where none is; the file in it says later that it is ours.
place_outside() {
  outside=${newconfig%/*}
  if [ -e "$outside" ] && ! ours_outside && ! rmdir -- "$outside" 2>/dev/null; then fail NEW_CONFIG_NOT_EMPTY "$outside holds something"; fi
  mkdir -p -- "${outside%/*}" || fail WRITE_FAILED "cannot make ${outside%/*}"
  rm -rf -- "$outside.poolctl-new"
  cp -a -- "$keep/config/etc" "$outside.poolctl-new" || fail WRITE_FAILED "cannot write $outside.poolctl-new"
  printf 'made by poolctl from %s\n' "${oldconfig%/*}" >"$outside.poolctl-new/.poolctl-upgrade" || fail WRITE_FAILED "cannot write into $outside.poolctl-new"
  sync -f -- "$outside.poolctl-new"
  rm -rf -- "$outside"
  put "$outside.poolctl-new" "$outside"
}
ours_outside() { [ -e "${newconfig%/*}/.poolctl-upgrade" ]; }

make() {
  newbin=$1
  if [ -r "$keep/prepared" ] && [ "$(cat -- "$keep/prepared")" = "$new" ] && [ -e "$new/PG_VERSION" ]; then
    overlay "$keep" "$newconfig" "$new"
    wal_out "$keep" "$from" "$to" "$new" "$new"
    return
  fi
  if made_by_us; then rm -rf -- "$new"; fi
  if [ -e "$new" ] && ! rmdir -- "$new" 2>/dev/null; then fail NEW_DATA_NOT_EMPTY "$new holds something"; fi
  part=$new.poolctl-new
  rm -rf -- "$part"
  user=$2
  encoding=$3
  collate=$4
  ctype=$5
  segment=$6
  checksums=$7
  # Trust is for the moment only: the site's own access rules are laid over it before anything can start from here.
  set -- -D "$part" -U "$user" --auth=trust "--encoding=$encoding" "--lc-collate=$collate" "--lc-ctype=$ctype" "--wal-segsize=$segment"
  if [ "$checksums" = 1 ]; then
    set -- "$@" --data-checksums
  elif "$newbin/initdb" --help | grep -q -- --no-data-checksums; then
    set -- "$@" --no-data-checksums
  fi
  "$newbin/initdb" "$@" >"$keep/initdb.log" 2>&1 || fail INITDB_FAILED "$(tail -n 5 -- "$keep/initdb.log")"
  overlay "$keep" "$newconfig" "$part"
  wal_out "$keep" "$from" "$to" "$new" "$part"
  sync -f -- "$part"
  mark made "$new"
  put "$part" "$new"
  mark prepared "$new"
}

# drop_tablespaces DIRECTORY MAJOR: what a version has in the tablespaces that DIRECTORY links to.
drop_tablespaces() {
  for link in "$1"/pg_tblspc/*; do
    if [ ! -L "$link" ]; then continue; fi
    for place in "$(readlink -f -- "$link")"/PG_"$2"_*; do
      if [ -d "$place" ]; then rm -rf -- "$place" || fail WRITE_FAILED "cannot remove $place"; fi
    done
  done
}

take_back() {
  need_stopped "$new"
  rm -f -- "$keep/prepared"
  # pg_upgrade renames it before the first link (disable_old_cluster); the links go with the new directory.
  if [ -e "$old/global/pg_control.old" ] && [ ! -e "$old/global/pg_control" ]; then
    put "$old/global/pg_control.old" "$old/global/pg_control"
  fi
  if ! made_by_us; then return; fi
  drop_tablespaces "$old" "$to"
  # As a whole: half of it, left by somebody who was killed, would look like a cluster whose control file cannot be read.
  if [ -e "$new" ] && [ ! -e "$new.poolctl-gone" ]; then mv -T -- "$new" "$new.poolctl-gone" 2>/dev/null || :; fi
  rm -rf -- "$new" "$new.poolctl-gone" "$new.poolctl-new" || fail WRITE_FAILED "cannot remove $new"
  wal_drop "$keep" "$new" "$old"
  if [ -n "$newconfig" ] && ours_outside; then rm -rf -- "${newconfig%/*}" || fail WRITE_FAILED "cannot remove ${newconfig%/*}"; fi
  rm -f -- "$keep/made"
}

# What pg_upgrade linked has a second name; the rest is what a standby cannot take from its own old files.
keep_catalogs() {
  need_stopped "$new"
  umask 077
  rm -rf -- "$keep/catalogs" "$keep/catalogs.part"
  copy_unlinked "$new" . "$keep/catalogs.part"
  for link in "$new"/pg_tblspc/*; do
    if [ ! -L "$link" ]; then continue; fi
    place=$(cd -- "$link/" && ls -d PG_"$to"_* 2>/dev/null) || continue
    copy_unlinked "$link/" "$place" "$keep/catalogs.part/pg_tblspc/${link##*/}"
  done
  if [ -L "$new/pg_wal" ]; then copy_unlinked "$new/pg_wal/" . "$keep/catalogs.part/pg_wal"; fi
  put "$keep/catalogs.part" "$keep/catalogs"
}

# copy_unlinked FROM NAME TO: directories and files of one name; nothing behind a symbolic link.
copy_unlinked() {
  mkdir -p -- "$3" || fail WORK_DIRECTORY "cannot make $3"
  (
    cd -- "$1" &&
      find "$2" -type d -print0 >"$keep/directories" && find "$2" -type f -links 1 -print0 >"$keep/files" &&
      (cd -- "$3" && xargs -0 -r mkdir -p -- <"$keep/directories") && xargs -0 -r cp -p --parents --reflink=auto -t "$3" -- <"$keep/files"
  ) || fail WRITE_FAILED "cannot keep the catalogs of $1"
  rm -f -- "$keep/directories" "$keep/files"
}

drop_old() {
  gone=$old.poolctl-gone
  if [ ! -e "$old" ]; then
    rm -rf -- "$gone" || fail WRITE_FAILED "cannot remove $gone"
    return
  fi
  need_stopped "$old"
  case $old in /*/*) ;; *) fail DATA_UNREADABLE "not a data directory: $old" ;; esac
  if [ "$(cat -- "$old/PG_VERSION" 2>/dev/null)" != "$from" ]; then fail DATA_UNREADABLE "$old is not a cluster of version $from"; fi
  drop_tablespaces "$old" "$from"
  drop_old_wal
  # As a whole: what is left of it by somebody who was killed would not tell any more what it was.
  rm -rf -- "$gone" || fail WRITE_FAILED "cannot remove $gone"
  mv -T -- "$old" "$gone" || fail WRITE_FAILED "cannot rename $old"
  rm -rf -- "$gone" || fail WRITE_FAILED "cannot remove $gone"
}

# What pg_wal was a link to when the upgrade began, and is no part of what serves. A link that was changed since tells nothing of whose it is.
drop_old_wal() {
  wal=$(wal_of "$old")
  if [ -z "$wal" ] || [ ! -r "$keep/wal-old" ]; then return; fi
  if [ "$wal" != "$(cat -- "$keep/wal-old")" ]; then fail WAL_ELSEWHERE "$old/pg_wal links to $wal, and not to $(cat -- "$keep/wal-old") as when the upgrade began"; fi
  case $(readlink -f -- "$new/pg_wal")/ in "$wal"/*) fail WAL_ELSEWHERE "$new has its WAL in $wal" ;; esac
  wal_remove "$wal"
}

case $verb in
stage) stage "$@" ;;
make) make "$@" ;;
claim)
  if ! made_by_us; then
    if [ -e "$new" ] && ! rmdir -- "$new" 2>/dev/null; then fail NEW_DATA_NOT_EMPTY "$new holds something"; fi
    mark made "$new"
  fi
  ;;
configure)
  need_stopped "$new"
  need_stopped "$old"
  overlay "$keep" "$newconfig" "$new"
  wal_out "$keep" "$from" "$to" "$new" "$new"
  # As pg_upgrade does on the primary: nobody starts the old cluster by accident and writes into files that both share.
  if [ -e "$old/global/pg_control" ]; then put "$old/global/pg_control" "$old/global/pg_control.old"; fi
  ;;
take-back) take_back ;;
free-old)
  need_stopped "$new"
  if [ -e "$old/global/pg_control.old" ] && [ ! -e "$old/global/pg_control" ]; then
    put "$old/global/pg_control.old" "$old/global/pg_control"
  fi
  ;;
hold-new)
  # A server that has read it has written its postmaster.pid before, and one that comes later finds none.
  if [ -e "$new/global/pg_control" ]; then put "$new/global/pg_control" "$new/global/pg_control.held"; fi
  pid=$(postmaster_pid "$new")
  if [ -z "$pid" ]; then exit 0; fi
  put "$new/global/pg_control.held" "$new/global/pg_control"
  fail SERVER_RUNNING "the server runs, process $pid"
  ;;
free-new)
  if [ -e "$new/global/pg_control.held" ] && [ ! -e "$new/global/pg_control" ]; then
    put "$new/global/pg_control.held" "$new/global/pg_control"
  fi
  ;;
lock-old)
  need_stopped "$old"
  if [ -e "$old/global/pg_control" ]; then put "$old/global/pg_control" "$old/global/pg_control.old"; fi
  ;;
keep-catalogs) keep_catalogs ;;
drop-catalogs) rm -rf -- "$keep/catalogs" "$keep/catalogs.part" || fail WRITE_FAILED "cannot remove $keep/catalogs" ;;
drop-old) drop_old ;;
note)
  take_input "$keep/note.part" "$1"
  put "$keep/note.part" "$keep/note"
  # Whatever became of it, what was prepared has been used.
  rm -f -- "$keep/prepared"
  ;;
esac

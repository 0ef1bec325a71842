# shellcheck shell=sh
# upgrade-restore.sh LOCK OPERATION WORK OLDDATA VERB [BACKUP]: the old cluster of a node from a base backup, which is copied and stays as it
# is. Each verb may be repeated.
#   restore  what lies in OLDDATA is moved beside it, whole; the copy takes its place once it is whole, too: a standby of nobody, with the
#            node's own configuration, that waits to be promoted
#   put-back what was moved takes its place again
#   drop     what was moved is removed
# In a backup a tablespace is a directory in pg_tblspc; it goes to where this node has it. What the old version has there is renamed, as the data
# directory is, and what other versions have is not touched.
need_lock "$1" "$2"
work=$3
old=$4
verb=$5
aside=$old.poolctl-linked
part=$old.poolctl-part
make_work "$work"
case $old in /*/*) ;; *) fail DATA_UNREADABLE "not a data directory: $old" ;; esac
if [ "$verb" != drop ]; then need_stopped "$old"; fi

# spaces DIRECTORY COMMAND: runs COMMAND with the place of each tablespace that DIRECTORY links to.
spaces() {
  for link in "$1"/pg_tblspc/*; do
    if [ ! -L "$link" ]; then continue; fi
    space=$(readlink -f -- "$link")
    if [ -d "$space" ]; then "$2" "$space"; fi
  done
}
renamed=.poolctl-linked-
copied=.poolctl-part-

# Beside what is there, whole, before anything gives way.
copy_spaces() {
  mkdir -p -- "$part/pg_tblspc" || fail WRITE_FAILED "cannot make $part/pg_tblspc"
  for from in "$backup"/pg_tblspc/*; do
    if [ ! -d "$from" ]; then continue; fi
    oid=${from##*/}
    if [ ! -L "$own/pg_tblspc/$oid" ]; then
      fail TABLESPACE_PLACE_UNKNOWN "$own/pg_tblspc/$oid does not say where tablespace $oid of the backup belongs on this node; make that link, then repeat"
    fi
    space=$(readlink -f -- "$own/pg_tblspc/$oid")
    if [ ! -d "$space" ]; then fail TABLESPACE_PLACE_UNKNOWN "tablespace $oid belongs into $space, which is not there"; fi
    drop_part "$space"
    for version in "$from"/PG_*; do
      if [ ! -d "$version" ]; then continue; fi
      cp -a --reflink=auto -- "$version" "$space/$copied${version##*/}" || fail WRITE_FAILED "cannot copy $version"
    done
    sync -f -- "$space" || fail WRITE_FAILED "cannot flush $space"
    ln -s -T -- "$(readlink -- "$own/pg_tblspc/$oid")" "$part/pg_tblspc/$oid" || fail WRITE_FAILED "cannot link tablespace $oid"
  done
}
# One that has been renamed already has a copy in its place, of a try that was broken off.
swap_space() {
  for version in "$1/$copied"PG_*; do
    if [ ! -d "$version" ]; then continue; fi
    name=${version##*/"$copied"}
    if [ -d "$1/$renamed$name" ]; then
      rm -rf -- "${1:?}/$name" || fail WRITE_FAILED "cannot remove $1/$name"
    elif [ -d "$1/$name" ]; then
      put "$1/$name" "$1/$renamed$name"
    else
      mkdir -- "$1/$renamed$name" || fail WRITE_FAILED "cannot make $1/$renamed$name"
    fi
    put "$version" "$1/$name"
  done
}
put_space_back() {
  drop_part "$1"
  for version in "$1/$renamed"PG_*; do
    if [ ! -d "$version" ]; then continue; fi
    name=${version##*/"$renamed"}
    rm -rf -- "${1:?}/$name" || fail WRITE_FAILED "cannot remove $1/$name"
    put "$version" "$1/$name"
  done
}
drop_part() { rm -rf -- "$1/$copied"PG_* || fail WRITE_FAILED "cannot remove what is left of a copy in $1"; }
drop_space() { rm -rf -- "$1/$renamed"PG_* "$1/$copied"PG_* || fail WRITE_FAILED "cannot remove what was renamed in $1"; }

restore() {
  backup=$1
  if [ -e "$aside" ] && [ -e "$old" ]; then return; fi
  if [ ! -r "$backup/PG_VERSION" ] || [ ! -r "$backup/backup_label" ]; then fail BACKUP_UNUSABLE "$backup is no base backup"; fi
  own=$old
  if [ -e "$aside" ]; then own=$aside; fi
  rm -rf -- "$part"
  mkdir -m 700 -- "$part" || fail WRITE_FAILED "cannot make $part"
  for path in "$backup"/* "$backup"/.[!.]*; do
    if [ ! -e "$path" ] || [ "${path##*/}" = pg_tblspc ]; then continue; fi
    cp -a --reflink=auto -- "$path" "$part/" || fail WRITE_FAILED "cannot copy $path"
  done
  copy_spaces
  # The node's own files over those of the primary that the backup was taken from.
  for path in "$own"/*.conf "$own"/*.crt "$own"/*.key "$own"/*.pem "$own"/*.crl "$own"/conf.d; do
    if [ -e "$path" ] || [ -L "$path" ]; then cp -a -- "$path" "$part/" || fail WRITE_FAILED "cannot write into $part"; fi
  done
  printf '%s\n' "primary_conninfo = ''" "primary_slot_name = ''" >>"$part/postgresql.auto.conf" || fail WRITE_FAILED "cannot write into $part"
  : >"$part/standby.signal" || fail WRITE_FAILED "cannot write into $part"
  chmod 700 -- "$part"
  sync -f -- "$part" || fail WRITE_FAILED "cannot flush $part"
  if [ ! -e "$aside" ]; then
    wal_aside "$old" poolctl-linked
    put "$old" "$aside"
  fi
  wal_like "$aside" poolctl-linked "$part"
  spaces "$part" swap_space
  put "$part" "$old"
}

case $verb in
restore) restore "$6" ;;
put-back)
  rm -rf -- "$part"
  if [ -e "$aside" ]; then
    rm -rf -- "$old" || fail WRITE_FAILED "cannot remove $old"
    put "$aside" "$old"
  fi
  wal_back "$old" poolctl-linked
  spaces "$old" put_space_back
  ;;
drop)
  wal_forget "$aside" poolctl-linked
  spaces "$old" drop_space
  rm -rf -- "$part" "$aside" || fail WRITE_FAILED "cannot remove $aside"
  ;;
esac

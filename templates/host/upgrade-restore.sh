# shellcheck shell=sh
# upgrade-restore.sh LOCK OPERATION WORK OLDDATA VERB [BACKUP]: the old cluster of a node from a base backup, which is copied and stays as it
# is. Each verb may be repeated.
#   restore  what lies in OLDDATA is moved beside it, whole; the copy takes its place once it is whole, too: a standby of nobody, with the
#            node's own configuration, that waits to be promoted
#   put-back what was moved takes its place again
#   drop     what was moved is removed
need_lock "$1" "$2"
work=$3
old=$4
verb=$5
aside=$old.poolctl-linked
part=$old.poolctl-part
make_work "$work"
case $old in /*/*) ;; *) fail DATA_UNREADABLE "not a data directory: $old" ;; esac
if [ "$verb" != drop ]; then need_stopped "$old"; fi

restore() {
  backup=$1
  if [ -e "$aside" ] && [ -e "$old" ]; then return; fi
  if [ ! -r "$backup/PG_VERSION" ] || [ ! -r "$backup/backup_label" ]; then fail BACKUP_UNUSABLE "$backup is no base backup"; fi
  own=$old
  if [ -e "$aside" ]; then own=$aside; fi
  rm -rf -- "$part"
  cp -a --reflink=auto -- "$backup" "$part" || fail WRITE_FAILED "cannot copy $backup"
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
  ;;
drop)
  wal_forget "$aside" poolctl-linked
  rm -rf -- "$part" "$aside" || fail WRITE_FAILED "cannot remove $aside"
  ;;
esac

# shellcheck shell=sh
# permit.sh LOCK OPERATION WORK VERB NODE [ALLOW]: lets the scripts that pgpool runs here work on NODE under the operation's locks.
need_lock "$1" "$2"
dir=$3/pgpool
permit=$dir/node-$5.permit
case $4 in
give)
  make_work "$3"
  mkdir -p -- "$dir" || fail WORK_DIRECTORY "cannot make $dir"
  chmod 700 -- "$dir"
  for stage in first second start; do rm -f -- "$dir/node-$5.$stage"; done
  printf '%s\n%s\n' "$2" "$6" >"$permit.part" || fail WRITE_FAILED "cannot write $permit"
  put "$permit.part" "$permit"
  ;;
take)
  if [ ! -e "$permit" ]; then exit 0; fi
  IFS= read -r owner <"$permit" || :
  if [ "$owner" = "$2" ]; then rm -f -- "$permit"; fi
  ;;
esac

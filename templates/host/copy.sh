# shellcheck shell=sh
# copy.sh DATA WORK JOBS KIB-PER-SECOND INPLACE WHOLE (COMMAND DESTINATION)...: brings a data directory in line with the source's. Runs in
# the job's directory, which holds, by root (0 is the data directory, then the tablespaces):
#   links     oid and location of each tablespace         delete.K  what the source lacks
#   dirs.K    directories of the source                   list.W.K.plain / list.W.K.check  files for worker W
#   rsh       ssh to the source, runs $POOLCTL_ENTER      filter.K  what the last pass leaves out
# COMMAND enters the root on the source, so that no path of a root is ever part of a remote command line of rsync's making.
# Order: structure, then data side by side, then what changed meanwhile, then the control file, which is only staged.
data=$1
work=$2
jobs=$3
limit=$4
in_place=$5
whole=$6
shift 6
cd -- "$POOLCTL_JOB" || exit 91
need_stopped "$data"
if [ -e "$data/global/pg_control" ]; then fail CONTROL_IN_PLACE "$data/global/pg_control is still in place"; fi
case $data in /?*) ;; *) fail DATA_UNREADABLE "not a data directory: $data" ;; esac

phase() { printf '%s\n' "$1" >phase; }

# Any failed part ends all of them: the rest of a copy that cannot be used is only load on the primary. Process group 0 is this job's;
# its leader has a handler for TERM and stays to write the status.
give_up() {
  trap '' TERM USR1
  code=91
  if [ -s failed ]; then read -r code <failed; fi
  kill -TERM 0
  exit "$code"
}
trap give_up USR1

# transfer COMMAND NAME OPTION... SOURCE DESTINATION
transfer() {
  POOLCTL_ENTER=$1
  export POOLCTL_ENTER
  name=$2
  shift 2
  status=0
  # Blocks of one page: a changed page costs 8 kB on the wire, and matching is no slower than with rsync's own larger blocks.
  rsync -lpt --numeric-ids --modify-window=-1 --block-size=8192 --outbuf=L --stats --no-human-readable --info=progress2 \
    ${limit:+"--bwlimit=$limit"} -e 'sh ./rsh' "$@" >"out.$name" 2>"err.$name" || status=$?
  if rsync_ended "$status" "err.$name"; then : >"err.$name"; else
    status=$?
    if [ ! -s failed ]; then cat -- "err.$name" >&2; fi
    printf '%s\n' "$status" >failed
    return "$status"
  fi
}

phase 'making directories'
mkdir -p -- "$data" || fail WRITE_FAILED "cannot make $data"
chmod 700 -- "$data"
# shellcheck disable=SC2094
while IFS= read -r oid && IFS= read -r location; do
  mkdir -p -- "$location" || fail WRITE_FAILED "cannot make the tablespace directory $location"
  mkdir -p -- "$data/pg_tblspc"
  link=$data/pg_tblspc/$oid
  if [ -L "$link" ] && [ "$(readlink -- "$link")" = "$location" ]; then continue; fi
  if [ -L "$link" ]; then rm -f -- "$link"; fi
  ln -s -T -- "$location" "$link" || fail WRITE_FAILED "cannot link $link"
done <links
# Old WAL, slots and run-time state: a segment of the node's own past with the right name would be replayed instead of the source's.
for place in pg_wal pg_replslot pg_dynshmem pg_notify pg_serial pg_snapshots pg_stat_tmp pg_subtrans; do
  if [ -d "$data/$place/" ]; then
    find "$data/$place/" -mindepth 1 -delete || fail WRITE_FAILED "cannot empty $data/$place"
  else
    mkdir -- "$data/$place" || fail WRITE_FAILED "cannot make $data/$place"
  fi
done
mkdir -p -- "$data/pg_wal/archive_status" || fail WRITE_FAILED "cannot make $data/pg_wal/archive_status"
root=0
for word; do
  # Odd words are commands, even ones destinations.
  if [ -n "${command_word:-}" ]; then
    command_word=
    if [ -s "delete.$root" ]; then
      (cd -- "$word" && xargs -0 rm -rf --) <"delete.$root" || fail WRITE_FAILED "cannot remove old files in $word"
    fi
    if [ -s "dirs.$root" ]; then
      (cd -- "$word" && xargs -0 mkdir -p --) <"dirs.$root" || fail WRITE_FAILED "cannot make directories in $word"
    fi
    root=$((root + 1))
  else
    command_word=$word
  fi
done

# One worker: its lists, root after root.
work_through() {
  worker=$1
  shift
  root=0
  while [ "$#" -gt 0 ]; do
    for class in plain check; do
      list=list.$worker.$root.$class
      if [ ! -s "$list" ]; then continue; fi
      check=
      if [ "$class" = check ]; then check=--checksum; fi
      transfer "$1" "$worker.$root.$class" ${check:+"$check"} ${in_place:+--inplace} ${whole:+--whole-file} \
        --ignore-missing-args --no-implied-dirs --from0 "--files-from=./$list" source:./ "$2" || return
    done
    shift 2
    root=$((root + 1))
  done
}

phase 'copying'
workers=
worker=0
while [ "$worker" -lt "$jobs" ]; do
  # sshd drops connections at random above MaxStartups unfinished logins (10:30:100 by default).
  if [ "$worker" -gt 0 ]; then sleep 0.1; fi
  (work_through "$worker" "$@" || kill -USR1 "$$") &
  workers="$workers $!"
  worker=$((worker + 1))
done
for pid in $workers; do wait "$pid"; done
if [ -s failed ]; then give_up; fi

phase 'copying what changed meanwhile'
root=0
while [ "$#" -gt 0 ]; do
  first=${first:-$1}
  transfer "$1" "again.$root" -r ${in_place:+--inplace} --from0 "--exclude-from=./filter.$root" source:./ "$2" || give_up
  shift 2
  root=$((root + 1))
done

phase 'fetching the control file'
rm -f -- "$work/pg_control.new.part"
transfer "$first" control source:./global/pg_control "$work/pg_control.new.part" || give_up
sync -- "$work/pg_control.new.part"
put "$work/pg_control.new.part" "$work/pg_control.new"
phase 'copied'

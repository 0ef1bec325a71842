# shellcheck shell=sh
# aside.sh LOCK OPERATION DATA WORK VERB [ARGUMENT...]: what is moved out of the way, and put in place last. Each verb may be repeated.
need_lock "$1" "$2"
data=$(readlink -f -- "$3") || data=$3
work=$4
verb=$5
shift 5
control=$data/global/pg_control
previous=$work/previous
# Says that the directory was empty when a copy began: without it, what a broken-off copy leaves there would pass for somebody's data.
was_empty=$work/was-empty
case $data in /*/* | /?*) ;; *) fail DATA_UNREADABLE "not a data directory: $data" ;; esac

# each_tablespace DIRECTORY COMMAND: runs COMMAND with the location of every tablespace that DIRECTORY links to.
each_tablespace() {
  for link in "$1"/pg_tblspc/*; do
    if [ -L "$link" ]; then "$2" "$(readlink -f -- "$link")"; fi
  done
}
# The directories of a tablespace lie outside the data directory, so they are renamed where they are.
hide_tablespace() {
  for version in "$1"/PG_*; do
    if [ -d "$version" ]; then put "$version" "$1/.poolctl-previous-${version##*/}"; fi
  done
}
show_tablespace() {
  for hidden in "$1"/.poolctl-previous-PG_*; do
    if [ ! -d "$hidden" ]; then continue; fi
    plain=$1/${hidden##*/.poolctl-previous-}
    rm -rf -- "$plain"
    put "$hidden" "$plain"
  done
}
drop_tablespace() {
  for hidden in "$1"/.poolctl-previous-PG_*; do
    if [ -d "$hidden" ]; then rm -rf -- "$hidden"; fi
  done
}
flush_tablespace() { sync -f -- "$1"; }

# What was set aside first is the node's own. One that is in place after that came with a copy, and is staged again.
set_control() {
  if [ ! -e "$control" ]; then
    if [ ! -d "$data" ] || [ -z "$(find "$data/" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
      make_work "$work"
      : >"$was_empty" || fail WRITE_FAILED "cannot write $was_empty"
      sync -- "$was_empty" "$work"
    fi
    return
  fi
  make_work "$work"
  aside=$work/pg_control.aside
  if [ -e "$aside" ]; then aside=$work/pg_control.new; fi
  if [ "$(stat -c %d -- "$data/global")" != "$(stat -c %d -- "$work")" ]; then
    # Another file system: copy, flush, then remove, so that there is one whole file at any moment.
    cp -p -- "$control" "$work/pg_control.part" || fail WRITE_FAILED "cannot copy pg_control"
    sync -- "$work/pg_control.part"
    put "$work/pg_control.part" "$aside"
    rm -f -- "$control"
  else
    put "$control" "$aside"
  fi
  sync -- "$data/global"
}

restore_control() {
  rm -f -- "$was_empty"
  if [ ! -e "$work/pg_control.aside" ]; then return; fi
  cp -p -- "$work/pg_control.aside" "$control.part" || fail WRITE_FAILED "cannot put pg_control back"
  sync -- "$control.part"
  put "$control.part" "$control"
  rm -f -- "$work/pg_control.aside"
}

set_data() {
  if [ ! -d "$previous" ]; then
    make_work "$work"
    if [ "$(stat -c %d -- "$data")" != "$(stat -c %d -- "$work")" ]; then
      fail OTHER_FILE_SYSTEM "$work is on another file system than $data, so the directory cannot be renamed"
    fi
    each_tablespace "$data" hide_tablespace
    wal_aside "$data" poolctl-previous
    put "$data" "$previous"
  fi
  if [ ! -d "$data" ]; then
    mkdir -- "$data" || fail WRITE_FAILED "cannot make $data"
    chmod --reference="$previous" -- "$data"
    chown --reference="$previous" -- "$data" 2>/dev/null || :
  fi
  wal_like "$previous" poolctl-previous "$data"
}

restore_data() {
  if [ ! -d "$previous" ]; then return; fi
  rm -rf -- "$data" || fail WRITE_FAILED "cannot remove $data"
  put "$previous" "$data"
  wal_back "$data" poolctl-previous
  each_tablespace "$data" show_tablespace
  # Of the copy that was just thrown away: put back later, they would make old data pass for the copy's state.
  rm -f -- "$work/pg_control.aside" "$work/pg_control.new"
}

# finish LABEL-BYTES MAP-BYTES: label, then map, from stdin; the control file last, because with it the copy can start.
finish() {
  staged=$work/pg_control.new
  cat >"$work/finish.part" || fail WRITE_FAILED "cannot write $work/finish.part"
  if [ "$(($(wc -c <"$work/finish.part")))" -ne "$(($1 + $2))" ]; then fail INPUT_CUT "expected $(($1 + $2)) bytes"; fi
  head -c "$1" "$work/finish.part" >"$work/backup_label.part" || fail WRITE_FAILED "cannot write the label"
  tail -c "+$(($1 + 1))" "$work/finish.part" >"$work/tablespace_map.part" || fail WRITE_FAILED "cannot write the map"
  rm -f -- "$work/finish.part"
  if [ ! -e "$staged" ]; then
    # Done before: only then are both the label and a control file there.
    if [ -e "$control" ] && cmp -s "$work/backup_label.part" "$data/backup_label"; then
      rm -f -- "$work/backup_label.part" "$work/tablespace_map.part"
      return
    fi
    fail COPY_INCOMPLETE "no control file was fetched: the copy did not end"
  fi
  install_part "$work/backup_label.part" backup_label
  if [ "$2" -gt 0 ]; then
    install_part "$work/tablespace_map.part" tablespace_map
  else
    rm -f -- "$work/tablespace_map.part" "$data/tablespace_map"
  fi
  sync -f -- "$data" || fail WRITE_FAILED "cannot flush $data"
  sync -f -- "$data/pg_wal/" || fail WRITE_FAILED "cannot flush $data/pg_wal"
  each_tablespace "$data" flush_tablespace
  cp -- "$staged" "$control.part" || fail WRITE_FAILED "cannot copy the control file"
  chmod 600 -- "$control.part"
  sync -- "$control.part"
  put "$control.part" "$control"
  rm -f -- "$staged"
}

# install_part FILE NAME: the work directory may be on another file system, where a rename would not be atomic.
install_part() {
  cp -- "$1" "$data/$2.part" || fail WRITE_FAILED "cannot write $data/$2"
  chmod 600 -- "$data/$2.part"
  sync -- "$data/$2.part"
  put "$data/$2.part" "$data/$2"
  rm -f -- "$1"
}

# clean OPERATION
clean() {
  each_tablespace "$data" drop_tablespace
  wal_forget "$previous" poolctl-previous
  # Under its own name a directory that is half removed could be put back.
  if [ -d "$previous" ]; then put "$previous" "$work/dropped"; fi
  rm -rf -- "$work/dropped" "$was_empty" "$work/config" "$work/config.part" "$work/pg_control.aside" "$work/pg_control.new" \
    "$work/jobs/$1"-*
}

case $verb in
clean) ;;
*) need_stopped "$data" ;;
esac
case $verb in
set-control) set_control ;;
restore-control) restore_control ;;
set-data) set_data ;;
restore-data) restore_data ;;
finish) finish "$1" "$2" ;;
clean) clean "$1" ;;
esac

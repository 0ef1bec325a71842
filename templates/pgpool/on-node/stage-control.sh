# shellcheck shell=sh
# stage-control.sh LOCK OPERATION WORK BYTES: the source's control file from stdin, kept aside until the copy is whole.
need_lock "$1" "$2"
make_work "$3"
take_input "$3/pg_control.new.part" "$4"
put "$3/pg_control.new.part" "$3/pg_control.new"

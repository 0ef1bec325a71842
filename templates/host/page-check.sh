# shellcheck shell=sh
# page-check.sh DATA BIN WORK: pg_checksums --check over a stand-in for a directory whose server did not stop cleanly, which
# pg_checksums refuses. The stand-in has links to the real files and, from stdin, a control file that says "shut down in recovery".
# The real directory is only read.
data=$1
bin=$2
work=$3
need_stopped "$data"
make_work "$work"
shadow=$(mktemp -d "$work/shadow.XXXXXX") || fail WORK_DIRECTORY "cannot make a directory in $work"
trap 'rm -rf -- "$shadow"' EXIT
trap 'exit 91' HUP INT TERM PIPE
ln -s -- "$data/base" "$shadow/base"
if [ -d "$data/pg_tblspc" ]; then ln -s -- "$data/pg_tblspc" "$shadow/pg_tblspc"; else mkdir -- "$shadow/pg_tblspc"; fi
mkdir -- "$shadow/global"
for file in "$data"/global/*; do
  case $file in */pg_control) continue ;; esac
  if [ -f "$file" ]; then cp -p -- "$file" "$shadow/global/" || fail WRITE_FAILED "cannot copy $file"; fi
done
cat >"$shadow/global/pg_control" || fail WRITE_FAILED "cannot write the stand-in control file"
cp -p -- "$data/PG_VERSION" "$shadow/" || fail FILE_UNREADABLE "cannot copy PG_VERSION"
"$bin/pg_checksums" --check -D "$shadow" 2>&1
printf 'poolctl-status %s\n' "$?"

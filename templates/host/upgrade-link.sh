# shellcheck shell=sh
# upgrade-link.sh OLDDATA NEWDATA TO cluster|kept link|clone LINKSPATH COMMAND LINKS-COMMAND OLDBIN KEEP NEWCONFIG early|stopped: a standby's
# new cluster, as a job on its host. What pg_upgrade
# linked on the primary is linked here from this node's own old files, which are the same bytes at the same checkpoint; the rest (new
# catalogs, WAL of the new version) is fetched. The old directory is only read, so that it stays a way back, and paths may differ from
# the primary's. `early`: the job has begun before the server stopped, so it sees for itself, once the list is there, that the server has
# stopped where the primary did. `kept`: the new primary serves already, and what is fetched is the copy of its catalogs from before. Main forks of unlogged tables are left out: a standby has none, and recovery makes them anew (manual, 69.5).
old=$1
new=$2
to=$3
source=$4
how=$5
links=$6
enter_new=$7
enter_links=$8
oldbin=$9
keep=${10}
newconfig=${11}
begun=${12}
cd -- "$POOLCTL_JOB" || exit 91
if [ "$begun" = stopped ]; then need_stopped "$old"; fi
need_stopped "$new"
phase() { printf '%s\n' "$1" >phase; }
# Longer than a standby is waited for.
STOP_TENTHS=1200

# fetch COMMAND NAME OPTION...: rsync with the given way into the root on the primary.
fetch() {
  POOLCTL_ENTER=$1
  export POOLCTL_ENTER
  name=$2
  shift 2
  rsync -e 'sh ./rsh' --numeric-ids --stats --no-human-readable "$@" >"out.$name" || {
    status=$?
    fail FETCH_FAILED "rsync ended with status $status"
  }
}

phase 'waiting for a login on the primary'
# One login for all. It is a process of this job's group, and ends with it. Without it each transfer logs in by itself.
sockets=$(mktemp -d /tmp/poolctl-link.XXXXXX) || fail WORK_DIRECTORY 'cannot make a directory in /tmp'
printf '%s' "$sockets" >sockets
POOLCTL_SHARED=$sockets/ssh
export POOLCTL_SHARED
sh ./connection </dev/null >/dev/null 2>connection.err &
connection=$!
trap 'kill "$connection" 2>/dev/null; rm -rf -- "$sockets"' EXIT
while [ ! -S "$POOLCTL_SHARED" ] && kill -s 0 "$connection" 2>/dev/null; do sleep 0.02; done
# Before the outage there is time to say so; later each transfer tries for itself.
if [ "$begun" = early ] && [ ! -S "$POOLCTL_SHARED" ]; then fail PEER_LOGIN_FAILED "$(tail -n 2 connection.err)"; fi
phase 'waiting for pg_upgrade on the primary'
# This blocks until the list is there: pg_upgrade may have just begun.
fetch "$enter_links" list "source:./${links##*/}" :./unlogged :./names :./control ./
# came_to_rest: where the primary did, as the control file tells, which may have been set aside meanwhile.
came_to_rest() {
  mkdir -p -- own/global || fail WORK_DIRECTORY 'cannot make a directory'
  cp -- "$old/global/pg_control" own/global/pg_control 2>/dev/null || cp -- "$old/global/pg_control.old" own/global/pg_control 2>/dev/null || return 1
  "$oldbin/pg_controldata" -D own >own/control 2>/dev/null || return 1
  grep -q '^Database cluster state: *shut down in recovery$' own/control || return 1
  [ "$(grep '^Latest checkpoint location:' own/control)" = "$(grep '^Latest checkpoint location:' control)" ]
}
if [ "$begun" = early ]; then
  phase 'waiting for the server to stop'
  waited=0
  while [ -n "$(postmaster_pid "$old")" ] && [ "$waited" -lt "$STOP_TENTHS" ]; do
    sleep 0.1
    waited=$((waited + 1))
  done
  need_stopped "$old"
  came_to_rest || fail CHECKPOINT_DIFFERS "$old has not come to rest where the primary did"
fi
phase 'linking'
# Half of an earlier try would not be told from what belongs there.
for place in "$new"/pg_tblspc/*/PG_"${to}"_*; do
  if [ -d "$place" ]; then rm -rf -- "$place" || fail WRITE_FAILED "cannot remove $place"; fi
done
rm -rf -- "$new" || fail WRITE_FAILED "cannot remove $new"
mkdir -p -- "$new/pg_tblspc" "$new/pg_replslot" "$new/pg_wal" || fail WRITE_FAILED "cannot make $new"
chmod 700 -- "$new"
: >tablespaces
for link in "$old"/pg_tblspc/*; do
  if [ ! -L "$link" ]; then continue; fi
  ln -sfn -- "$(readlink -- "$link")" "$new/pg_tblspc/${link##*/}" || fail WRITE_FAILED "cannot link tablespace ${link##*/}"
  printf '%s\n' "${link##*/}" >>tablespaces
done
awk 'BEGIN { while ((getline name < "unlogged") > 0) unlogged[name] }
  { base = $2; sub(/(_fsm|_vm)?(\.[0-9]+)?$/, "", base); if (!(base in unlogged)) print }' links >wanted
if [ ! -s wanted ]; then fail LINKS_UNLISTED 'the list of links is empty'; fi
cut -d ' ' -f 2 wanted | sed 's|/[^/]*$||' | sort -u | (cd -- "$new" && xargs -r mkdir -p --) || fail WRITE_FAILED "cannot make directories in $new"
# One ln for all files of a directory that keep their name, as they do from 15 on; one for each that changes it.
awk '{ to = $2; sub(/\/[^\/]*$/, "", to); m = split($1, f, "/"); n = split($2, t, "/")
  if (f[m] == t[n]) print to " " $1 > "same"; else print > "renamed" }' wanted
: >>same
: >>renamed
sort -k 1,1 same | awk '{ if ($1 != dir || count >= 500) { if (dir != "") print dir files; dir = $1; files = ""; count = 0 } files = files " " $2; count++ }
  END { if (dir != "") print dir files }' >groups
cd -- "$old" || exit 91
: >"$POOLCTL_JOB/absent"
# bring OPTION...: a second name, or a clone, of this node's own files.
bring() {
  case $how in
  clone) cp -p -f --reflink=always "$@" ;;
  *) ln -f "$@" ;;
  esac
}
# A free space map is not in WAL: here it may be missing, or of another length. It is made anew when somebody asks for space.
absent() {
  case $source:$1 in
  *:*_fsm) ;;
  cluster:*) printf '%s\n' "$2" >>"$POOLCTL_JOB/absent" ;;
  *) fail LINK_IMPOSSIBLE "$old/$1 is not there" ;;
  esac
}
while read -r directory files; do
  # Names hold digits, points, slashes and underscores: splitting is meant.
  # shellcheck disable=SC2086
  if bring -t "$new/$directory" -- $files 2>/dev/null; then continue; fi
  for file in $files; do
    if [ -e "$file" ]; then bring -t "$new/$directory" -- "$file" || fail LINK_IMPOSSIBLE "cannot link $old/$file to $new/$directory"; else absent "$file" "$directory/${file##*/}"; fi
  done
done <"$POOLCTL_JOB/groups"
while read -r one two; do
  if [ -e "$one" ]; then bring -T -- "$one" "$new/$two" || fail LINK_IMPOSSIBLE "cannot link $old/$one to $new/$two"; else absent "$one" "$two"; fi
done <"$POOLCTL_JOB/renamed"
cd -- "$POOLCTL_JOB" || exit 91

phase 'fetching catalogs'
# By name, so that neither side walks over what is linked. A linked file may be shorter than the primary's: a relation grows by empty pages
# that are in no WAL. Compressed at the lowest level: catalogs shrink to a quarter, and the new WAL is a segment of zeros.
awk 'BEGIN { while ((getline line < "wanted") > 0) { split(line, pair, " "); linked[pair[2]] } while ((getline name < "absent") > 0) delete linked[name] }
  { name = substr($0, length($1 $2) + 3) } !(name in linked) && name !~ /^pg_tblspc\// && name != "pg_wal" { print name }' names >main
# On the primary pg_wal may be a link to a directory: what is in it is fetched, and the link is not.
fetch "$enter_new" main -z --compress-level=1 -lpD --files-from=main source:./ "$new/"
while read -r oid; do
  sed -n "s|^pg_tblspc/$oid/|- /|p" unlogged | sed 's|^\(.*\)$|\1\n\1.[0-9]*\n\1_fsm\n\1_vm|' >"filter.$oid"
  printf '%s\n' "+ /PG_${to}_*/" "- /*" >>"filter.$oid"
  fetch "$enter_new" "tablespace.$oid" -z --compress-level=1 -rlpD --ignore-existing --filter="merge ./filter.$oid" "source:./pg_tblspc/$oid/" "$new/pg_tblspc/$oid/"
done <tablespaces

# rsync follows no link in what it writes, so the WAL, a segment, goes to its own disk now.
wal_out "$keep" "$(cat -- "$old/PG_VERSION" 2>/dev/null)" "$to" "$new" "$new"
# The new version serves from these files as soon as it starts, and pg_upgrade flushes the primary's own. The disk works meanwhile.
{
  sync -f -- "$new" || fail WRITE_FAILED "cannot flush $new"
  while read -r oid; do
    sync -f -- "$new/pg_tblspc/$oid/" || fail WRITE_FAILED "cannot flush tablespace $oid"
  done <tablespaces
} &
flushed=$!
phase 'proving it'
# All that the primary has by the same name and, unless it was linked, of the same size; nothing else; and every link is one.
if ! (list_names "$new" "$to") >own.names; then fail LINKS_DIFFER "cannot list $new"; fi
awk 'BEGIN { while ((getline line < "wanted") > 0) { split(line, pair, " "); linked[pair[2]] } }
  { name = substr($0, length($1 $2) + 3); known = name in linked ? "f" : $1 " " $2 }
  FILENAME == "names" { wanted[name] = known; next }
  !(name in wanted) { print "it has " name " and the primary has not"; next }
  wanted[name] != known { print name " is " known ", on the primary " wanted[name] }
  { delete wanted[name] }
  END { for (name in wanted) print name " is missing" }' names own.names >differ || fail LINKS_DIFFER 'the lists cannot be compared'
if [ -s differ ]; then fail LINKS_DIFFER "$(head -n 3 differ)"; fi
awk '$2 !~ /_fsm(\.[0-9]+)?$/ { print $2 }' wanted | (cd -- "$new" && xargs -r stat -c '%h %n' --) >counts || fail LINKS_DIFFER 'a linked file is missing'
alone=$(grep -c '^1 ' counts)
fetched=$(wc -l <absent)
if [ "$how" = link ] && [ "$alone" -gt "$fetched" ]; then fail LINKS_DIFFER "$alone files have no second name, $((fetched)) were fetched: $(grep '^1 ' counts | head -n 3)"; fi

if [ -r settings ]; then
  phase 'writing the configuration'
  overlay "$keep" "$newconfig" "$new"
  make_standby "$new" "$(($(wc -c <settings)))" <settings
fi
phase 'flushing'
# It has said why.
wait "$flushed" || exit "$?"
phase 'linked'

# shellcheck shell=sh
# upgrade-pg.sh OLDBIN NEWBIN OLDDATA NEWDATA FROM TO PORT USER JOBS link|clone|swap OLDCONFIG NEWCONFIG: pg_upgrade as a job, then the list
# of the files that it has brought over, which the standbys replay. OLDCONFIG, NEWCONFIG: where it is outside the data directory, or empty.
# Both servers that it starts listen on a socket in a directory that nobody else can enter, so no client gets in meanwhile, and a rule
# of ours lets pg_upgrade in whatever the site's own rules are.
oldbin=$1
newbin=$2
old=$3
new=$4
from=$5
to=$6
port=$7
user=$8
jobs=$9
transfer=${10}
oldconfig=${11:+" -c config_file='${11}'"}
newconfig=${12:+" -c config_file='${12}'"}
cd -- "$POOLCTL_JOB" || exit 91
need_stopped "$old"
need_stopped "$new"
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD PGPASSFILE
# Standbys compare theirs with it: pg_upgrade writes later checkpoints.
"$oldbin/pg_controldata" -D "$old" >control || fail PG_UPGRADE_UNFINISHED "the control file of $old cannot be read"
# A socket's path may have 107 bytes.
sockets=$(mktemp -d /tmp/poolctl-upgrade.XXXXXX) || fail WORK_DIRECTORY 'cannot make a directory in /tmp'
printf '%s' "$sockets" >sockets
trap 'rm -rf -- "$sockets"' EXIT
printf 'local all all trust\n' >"$sockets/hba"
# What they write while they are being made is nobody's archive, and no standby is there to wait for.
access="-c hba_file=$sockets/hba -c logging_collector=off -c archive_mode=off -c synchronous_standby_names="
# named DATA MAJOR: relation files by what tells one from another; their names hold digits, points and underscores only. A link has its
# other name at the same time. What a swap moved is told from a new file that was given a freed inode by its size and time.
case $transfer in
link)
  links=+1
  file='%D:%i'
  ;;
swap)
  links=+0
  file='%D:%i:%s:%T@'
  ;;
clone) ;;
*) fail PG_UPGRADE_UNFINISHED "no way to bring files over: $transfer" ;;
esac
named() {
  cd -- "$1" || exit 91
  set -- "$2"
  {
    find base global -type f -links "$links" -printf "$file %p\n"
    for place in pg_tblspc/*/PG_"$1"_*; do
      if [ -d "$place" ]; then find "$place/" -type f -links "$links" -printf "$file %p\n"; fi
    done
  } | sort -k 1,1
}
if [ "$transfer" = swap ] && ! (named "$old" "$from") >old.names; then fail LINKS_UNLISTED "cannot list $old"; fi
# clones: a clone has nothing in common with its original that could be looked up, so pg_upgrade's own word for each file is taken.
clones() {
  printf '%s\t\n' "$old" "$new" >roots
  for link in "$old"/pg_tblspc/*; do
    if [ -L "$link" ]; then printf '%s\tpg_tblspc/%s/\n' "$(readlink -- "$link")" "${link##*/}" >>roots; fi
  done
  awk 'BEGIN { while ((getline line < "roots") > 0) { at = index(line, "\t"); root[++n] = substr(line, 1, at - 1) "/"; name[n] = substr(line, at + 1) } }
    function short(path, i) { for (i = 1; i <= n; i++) if (index(path, root[i]) == 1) return name[i] substr(path, length(root[i]) + 1); exit 1 }
    /^ *cloning "/ { at = index($0, "\" to \""); from = substr($0, index($0, "\"") + 1, at - index($0, "\"") - 1); to = substr($0, at + 6)
      sub(/"[^"]*$/, "", to); print short(from), short(to) }' pg_upgrade.log
}
verbose=
if [ "$transfer" = clone ]; then verbose=--verbose; fi
printf 'pg_upgrade\n' >phase
# It would flush file by file what is on disk already, all that was linked, while clients wait.
flush=
if "$newbin/pg_upgrade" --help | grep -q -- --no-sync; then flush=--no-sync; fi
"$newbin/pg_upgrade" "--$transfer" ${verbose:+"$verbose"} ${flush:+"$flush"} --jobs="$jobs" -b "$oldbin" -B "$newbin" -d "$old" -D "$new" -p "$port" -P "$port" -U "$user" \
  -s "$sockets" -o "$access$oldconfig" -O "$access$newconfig" >pg_upgrade.log 2>&1 </dev/null || {
  status=$?
  grep -v -e ' ok$' -e '^[- ]*$' pg_upgrade.log | tail -n 20 >&2
  find "$new/pg_upgrade_output.d" . -name '*.txt' -exec head -n 5 {} + 2>/dev/null | head -n 20 >&2
  # It names the file in which the cause stands, and going back removes that with the new cluster.
  find "$new/pg_upgrade_output.d" -name 'pg_upgrade_dump_*.log' -exec grep -h -A 2 -e ' error: ' -e 'ERROR:' {} + 2>/dev/null | head -n 12 >&2
  exit "$status"
}
# Old and new share nothing, and still nobody may start the old one by accident: both have one address.
if [ "$transfer" = clone ]; then put "$old/global/pg_control" "$old/global/pg_control.old"; fi
if [ ! -e "$old/global/pg_control.old" ]; then fail PG_UPGRADE_UNFINISHED 'pg_upgrade ended well and has not set the old control file aside'; fi

printf 'listing links\n' >phase
if [ "$transfer" = link ] && ! (named "$old" "$from") >old.names; then fail LINKS_UNLISTED "cannot list $old"; fi
if [ "$transfer" = clone ]; then
  clones >links.part || fail LINKS_UNLISTED 'pg_upgrade names a file that is in no known place'
else
  if ! (named "$new" "$to") >new.names; then fail LINKS_UNLISTED "cannot list $new"; fi
  join old.names new.names | cut -d ' ' -f 2,3 >links.part || fail LINKS_UNLISTED 'cannot compare old and new files'
fi
if [ ! -s links.part ]; then fail LINKS_UNLISTED "no file of $new is one of $old"; fi
# X_init says that X is unlogged. pg_upgrade makes it anew, so it is no link.
list_inits() {
  cd -- "$1" || exit 91
  for place in base pg_tblspc/*/PG_"$2"_*; do
    if [ -d "$place" ]; then find "$place/" -type f -name '*_init'; fi
  done
}
if ! (list_inits "$new" "$to") >inits; then fail LINKS_UNLISTED 'cannot list unlogged tables'; fi
sed 's|//*|/|g; s|_init$||' inits >unlogged
if ! (list_names "$new" "$to") >names.all; then fail LINKS_UNLISTED "cannot list $new"; fi
# Main forks of unlogged tables are not for a standby: it has none, and recovery makes them anew (manual, 69.5).
awk 'BEGIN { while ((getline name < "unlogged") > 0) unlogged[name] }
  { base = $3; sub(/(_vm)?(\.[0-9]+)?$/, "", base); if (!(base in unlogged)) print }' names.all >names
sync -- links.part unlogged names
# From here on standbys fetch: what they read is what is flushed next, and none of it changes before the new version starts.
mv -f -- links.part links
printf 'flushing\n' >phase
sync -f -- "$new" || fail WRITE_FAILED "cannot flush $new"
if [ -L "$new/pg_wal" ]; then sync -f -- "$new/pg_wal/" || fail WRITE_FAILED "cannot flush $new/pg_wal"; fi
for place in "$new"/pg_tblspc/*/; do
  if [ -d "$place" ]; then sync -f -- "$place" || fail WRITE_FAILED "cannot flush $place"; fi
done
rm -f -- old.names new.names roots inits names.all

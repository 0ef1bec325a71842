# shellcheck shell=sh
# upgrade-check.sh DATA BIN CONFIG NEWDATA NEWBIN NEWMAJOR NEWCONFIG WORK: what stands in the way of an upgrade on this machine; NUL between key and
# value. On stdin a line each of what must be there: "library NAME", "extension NAME", "locale NAME", "tablespace OID LOCATION", "program NAME", "unit VERB NAME".
# The only things that it makes are a hard link and a clone per place, which are removed at once: whether one is possible is not told by
# device numbers (bind mounts, quotas and some network file systems refuse a link within one device), nor is a clone by the file system.
data=$1
bin=$2
config=$3
newdata=$4
newbin=$5
newmajor=$6
newconfig=$7
work=$8

say() {
  printf '%s\0%s\0' "$1" "$2"
}

# nearest PATH: the path, or what exists of it.
nearest() {
  near=$1
  while [ ! -d "$near" ] && [ "$near" != / ] && [ -n "$near" ]; do near=${near%/*}; done
  printf '%s' "${near:-/}"
}

# try_link FILE DIRECTORY: "ok", or why not.
try_link() {
  link_to=$2/.poolctl-link.$$
  rm -f -- "$link_to"
  if ! link_why=$(ln -- "$1" "$link_to" 2>&1); then
    printf '%s' "${link_why##*: }"
    return
  fi
  if [ "$(stat -c %d:%i -- "$1")" = "$(stat -c %d:%i -- "$link_to")" ]; then printf ok; else printf 'the link is another file'; fi
  rm -f -- "$link_to"
}

# try_clone FILE DIRECTORY: "ok", or why not.
try_clone() {
  clone_to=$2/.poolctl-clone.$$
  rm -f -- "$clone_to"
  if clone_why=$(cp --reflink=always -- "$1" "$clone_to" 2>&1); then printf ok; else printf '%s' "${clone_why##*: }"; fi
  rm -f -- "$clone_to"
}

space() {
  space_place=$(nearest "$2")
  space_line=$(df --output=avail,iavail -B1 -- "$space_place" 2>/dev/null | tail -n 1)
  say space "$1 $space_line $2"
}

# control KEY BIN DATA
control() {
  if [ -r "$3/global/pg_control" ] && [ -x "$2/pg_controldata" ]; then say "$1" "$("$2/pg_controldata" -D "$3" 2>/dev/null)"; fi
}

say user "$(id -un)"
say uid "$(id -u)"
say clock "$(date +%s.%N)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
if [ -x "$bin/postgres" ]; then say oldVersion "$("$bin/postgres" --version 2>/dev/null)"; fi
if [ -x "$newbin/postgres" ]; then say newVersion "$("$newbin/postgres" --version 2>/dev/null)"; fi
for program in postgres pg_upgrade initdb pg_ctl pg_controldata pg_resetwal pg_dump pg_dumpall pg_restore psql vacuumdb pg_config; do
  if [ ! -x "$newbin/$program" ]; then say missingProgram "$program"; fi
done

if [ ! -r "$data/PG_VERSION" ]; then fail DATA_UNREADABLE "cannot read $data as $(id -un)"; fi
real=$(readlink -f -- "$data")
say owner "$(stat -L -c %u -- "$data")"
say mode "$(stat -L -c %a -- "$data")"
if [ -L "$data" ]; then say dataSymlink yes; fi
# wal_problem WAL NEWWAL: why the new version cannot have its WAL beside the old one's; nothing when it can.
wal_problem() {
  case $1/ in "$real"/* | "$newdata"/*)
    printf inside
    return
    ;;
  esac
  if [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "${1%/*}/")" ]; then
    printf mount
  elif [ -e "$2" ] && [ "$(cat -- "$work/upgrade/wal" 2>/dev/null)" != "$2" ] && { [ ! -d "$2" ] || [ -n "$(find "$2/" -mindepth 1 -maxdepth 1 -print -quit)" ]; }; then
    printf taken
  elif [ -e "$2" ]; then
    if [ ! -O "$2" ]; then printf unwritable; fi
  elif [ ! -w "${2%/*}/" ]; then
    printf unwritable
  fi
}
if [ -L "$data/pg_wal" ]; then
  wal=$(wal_of "$data")
  newwal=$(wal_beside "$wal" "$(cat -- "$data/PG_VERSION")" "$newmajor" "$newdata")
  say newWal "$(wal_problem "$wal" "$newwal") $newwal"
fi
control control "$bin" "$data"
ready=0
for file in "$data"/pg_wal/archive_status/*.ready; do
  if [ -e "$file" ]; then ready=$((ready + 1)); fi
done
say readyFiles "$ready"
# What a server makes itself, and the configuration; all else would be carried to every standby.
for path in "$data"/* "$data"/.[!.]*; do
  if [ ! -e "$path" ]; then continue; fi
  case ${path##*/} in
  base | global | pg_* | postgresql.conf | postgresql.auto.conf | PG_VERSION | postmaster.* | standby.signal | recovery.signal) ;;
  backup_manifest | backup_label* | tablespace_map* | current_logfiles* | conf.d | *.conf | *.crt | *.key | *.pem | *.crl | environment) ;;
  *) say stray "$(du -s -B1 -- "$path" 2>/dev/null | cut -f 1) ${path##*/}" ;;
  esac
done

if [ ! -e "$newdata" ]; then
  say newState absent
elif [ -r "$newdata/PG_VERSION" ]; then
  say newState cluster
  say newVersionFile "$(cat -- "$newdata/PG_VERSION")"
  control newControl "$newbin" "$newdata"
  if [ -n "$(postmaster_pid "$newdata")" ]; then say newRunning yes; fi
elif [ -d "$newdata" ] && [ -z "$(find "$newdata/" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
  say newState empty
else
  say newState other
fi
if [ -z "$newconfig" ]; then
  say newConfig inside
elif [ -e "${newconfig%/*}/.poolctl-upgrade" ]; then
  say newConfig ours
elif [ -e "${newconfig%/*}" ] && [ -n "$(find "${newconfig%/*}/" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
  say newConfig other
elif [ -w "$(nearest "${newconfig%/*}")" ]; then
  say newConfig absent
else
  say newConfig unwritable
fi
place=$(nearest "$newdata")
if [ -w "$place" ]; then say parentWritable yes; fi
realnew=$(readlink -f -- "$place")
case $newdata/ in "$data"/* | "$real"/*) say nested yes ;; esac
case $realnew/ in "$real"/*) say nested yes ;; esac
case $real/ in "$newdata"/*) say nested yes ;; esac
say link "$(try_link "$data/PG_VERSION" "$place")"
say clone "$(try_clone "$data/PG_VERSION" "$place")"

space data "$data"
space 'new data' "$newdata"
space wal "$data/pg_wal/."
if [ -n "${newwal:-}" ]; then space 'new WAL' "$newwal"; fi
# relations FIND-ARGUMENT...: bytes of catalogs, and files of all relations. Relations of initdb have numbers below 16384; they, and what is
# not a relation, are written anew. A table is made anew too, empty, and then gives way to the link.
relations() {
  find "$@" -type f -name '[0-9]*' -printf '%s %f\n' 2>/dev/null |
    awk '{files++; n = $2; sub(/[^0-9].*/, "", n); if (n + 0 < 16384) sum += $1} END {printf "%.0f %.0f", sum, files}'
}
say relations "$(relations "$real/base" "$real/global")"

libdir=
sharedir=
if [ -x "$newbin/pg_config" ]; then
  libdir=$("$newbin/pg_config" --pkglibdir)
  sharedir=$("$newbin/pg_config" --sharedir)
fi
locales=$(locale -a 2>/dev/null | tr '[:upper:]' '[:lower:]' | tr -d -)

need_library() {
  # shellcheck disable=SC2016 # PostgreSQL's own word
  case $1 in
  '$libdir/'*) need_path=$libdir/${1#*/} ;;
  /*) need_path=$1 ;;
  *) need_path=$libdir/$1 ;;
  esac
  if [ -z "$libdir" ] || [ -e "$need_path" ] || [ -e "$need_path.so" ]; then return; fi
  say missingLibrary "$1"
}

need_locale() {
  case $1 in C | POSIX | '') return ;; esac
  wanted=$(printf '%s' "$1" | tr '[:upper:]' '[:lower:]' | tr -d -)
  case "
$locales
" in *"
$wanted
"*) return ;; esac
  say missingLocale "$1"
}

# can_unit VERB UNIT: as server.sh does it. What sudo would ask a password for, it lists only when that may be done without one.
can_unit() {
  if ! command -v systemctl >/dev/null 2>&1; then
    say serviceProblem "$2: there is no systemctl"
  elif ! systemctl cat -- "$2" >/dev/null 2>&1; then
    say serviceProblem "$2: there is no such unit"
  elif [ "$(id -u)" -ne 0 ] && ! sudo -n -l systemctl "$1" "$2" >/dev/null 2>&1; then
    say serviceProblem "$2: sudo does not let $(id -un) $1 it without a password"
  fi
}

tablespace() {
  spc_oid=$1
  spc=$2
  spc_link='it is not there'
  spc_clone=$spc_link
  spc_inside=no
  spc_writable=no
  if [ -d "$spc" ]; then
    if [ -w "$spc" ]; then spc_writable=yes; fi
    spc_real=$(readlink -f -- "$spc")
    case $spc_real/ in "$real"/*) spc_inside=yes ;; esac
    spc_file=$(find "$spc/" -mindepth 2 -type f ! -name '.poolctl-*' -print -quit)
    if [ -n "$spc_file" ]; then
      spc_link=$(try_link "$spc_file" "$spc")
      spc_clone=$(try_clone "$spc_file" "$spc")
    else
      # An empty tablespace has nothing to link yet: a file of ours in the server's own directory stands for what may come.
      spc_old=$(find "$spc/" -mindepth 1 -maxdepth 1 -type d -name 'PG_*' ! -name "PG_${newmajor}_*" -print -quit)
      spc_file=${spc_old:-$spc}/.poolctl-from.$$
      if { printf . >"$spc_file"; } 2>/dev/null; then
        spc_link=$(try_link "$spc_file" "$spc")
        spc_clone=$(try_clone "$spc_file" "$spc")
        rm -f -- "$spc_file"
      else
        spc_link='cannot write there'
        spc_clone=$spc_link
      fi
    fi
    space "tablespace $spc_oid" "$spc"
  fi
  say tablespace "$spc_oid $spc_inside $spc_writable $spc"
  # A database whose default it is has its catalogs there.
  say tablespaceRelations "$(relations "$spc/" -name "PG_${newmajor}_*" -prune -o)"
  say tablespaceLink "$spc_link"
  say tablespaceClone "$spc_clone"
  spc_left=
  for left in "$spc/PG_${newmajor}_"*; do
    if [ -e "$left" ]; then spc_left="$spc_left${left##*/} "; fi
  done
  say tablespaceLeft "$spc_left"
}

while IFS= read -r line; do
  name=${line#* }
  case $line in
  library\ *) need_library "$name" ;;
  extension\ *) if [ -n "$sharedir" ] && [ ! -e "$sharedir/extension/$name.control" ]; then say missingExtension "$name"; fi ;;
  locale\ *) need_locale "$name" ;;
  program\ *) if ! command -v -- "$name" >/dev/null 2>&1; then say serviceProblem "$name: there is no such program"; fi ;;
  unit\ *) can_unit "${name%% *}" "${name#* }" ;;
  tablespace\ *) tablespace "${name%% *}" "${name#* }" ;;
  esac
done
if [ -n "$config" ]; then space config "${config%/*}"; fi

# shellcheck shell=sh
# wal.sh: a pg_wal that is a symbolic link, as WAL on a disk of its own is laid out. The new version of an upgrade gets a directory of its own
# beside the old one's; what gives way to a copy is renamed beside it. Only what a server keeps in pg_wal is ever removed there.

# wal_of DATA: the directory that pg_wal is a link to; nothing when it is none.
wal_of() { if [ -L "$1/pg_wal" ]; then readlink -f -- "$1/pg_wal"; fi; }

# wal_mark NEWDATA: the name of the mark for its WAL. A rehearsal has two clusters, and neither is the real one.
wal_mark() {
  case $1 in
  *-rehearsal) printf 'wal-rehearsal' ;;
  *-rehearsal-linked) printf 'wal-rehearsal-linked' ;;
  *) printf 'wal' ;;
  esac
}

# wal_beside WAL FROM TO NEWDATA: /wal/main is /wal/main-15, and /wal/main-13 as well.
wal_beside() {
  beside_mark=$(wal_mark "$4")
  printf '%s-%s%s' "${1%"-$2"}" "$3" "${beside_mark#wal}"
}

# wal_foreign DIRECTORY: the first name in it that no server has in its pg_wal; nothing when there is none.
wal_foreign() {
  find "$1/" -regextype posix-extended -mindepth 1 -maxdepth 1 \
    ! \( -type f -regex '.*/([0-9A-F]{24}(\.partial|\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history|xlogtemp\.[0-9]+|RECOVERY(XLOG|HISTORY))' \) \
    ! \( -type d \( -name archive_status -o -name summaries \) \) -printf '%f\n' -quit || printf 'what cannot be read\n'
}

# wal_remove DIRECTORY
wal_remove() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then return; fi
  case $1 in /?*) ;; *) fail WAL_ELSEWHERE "not a place for WAL: $1" ;; esac
  if [ -L "$1" ] || [ ! -d "$1" ]; then fail WAL_ELSEWHERE "$1 is no directory"; fi
  remove_name=$(wal_foreign "$1")
  if [ -n "$remove_name" ]; then fail WAL_ELSEWHERE "$1 holds $remove_name, which is no WAL; nothing was removed there"; fi
  find "$1/" -mindepth 1 -delete || fail WRITE_FAILED "cannot empty $1"
  # The directory above it may be another's; an empty one harms nobody.
  rmdir -- "$1" 2>/dev/null || :
}

# wal_out KEEP FROM TO NEWDATA DIRECTORY: DIRECTORY, which is NEWDATA or becomes it, gets its WAL beside the old cluster's when that has its own
# behind a link. KEEP/wal-old says where that is. What is there already is moved; DIRECTORY may also have no pg_wal yet.
wal_out() {
  if [ ! -r "$1/wal-old" ]; then return; fi
  out_to=$(wal_beside "$(cat -- "$1/wal-old")" "$2" "$3" "$4")
  out_from=$5/pg_wal
  if [ -L "$out_from" ]; then
    if [ "$(readlink -- "$out_from")" != "$out_to" ]; then fail WAL_ELSEWHERE "$out_from links to $(readlink -- "$out_from") and not to $out_to"; fi
    rm -rf -- "$out_from.poolctl-gone"
    return
  fi
  if [ ! -e "$out_from" ] && [ -e "$out_from.poolctl-gone" ]; then put "$out_from.poolctl-gone" "$out_from"; fi
  out_mark=$1/$(wal_mark "$4")
  if [ "$(cat -- "$out_mark" 2>/dev/null)" = "$out_to" ]; then wal_remove "$out_to"; fi
  if [ -L "$out_to" ] || { [ -e "$out_to" ] && [ ! -d "$out_to" ]; } || [ -n "$(find "$out_to/" -mindepth 1 -maxdepth 1 -print -quit 2>/dev/null)" ]; then
    fail NEW_WAL_NOT_EMPTY "$out_to holds something"
  fi
  printf '%s' "$out_to" >"$out_mark.part" || fail WRITE_FAILED "cannot write $out_mark"
  sync -- "$out_mark.part"
  put "$out_mark.part" "$out_mark"
  if [ ! -d "$out_to" ]; then mkdir -- "$out_to" || fail WRITE_FAILED "cannot make $out_to"; fi
  chmod 700 -- "$out_to" || fail WRITE_FAILED "$out_to is not ours"
  if [ -d "$out_from" ]; then cp -a -- "$out_from/." "$out_to/" || fail WRITE_FAILED "cannot copy $out_from to $out_to"; fi
  sync -f -- "$out_to" || fail WRITE_FAILED "cannot flush $out_to"
  # By renames, so that what was copied is whole in one place at any moment.
  rm -f -- "$out_from.poolctl-link"
  ln -s -T -- "$out_to" "$out_from.poolctl-link" || fail WRITE_FAILED "cannot link $out_from"
  if [ -d "$out_from" ]; then put "$out_from" "$out_from.poolctl-gone"; fi
  put "$out_from.poolctl-link" "$out_from"
  rm -rf -- "$out_from.poolctl-gone" || fail WRITE_FAILED "cannot remove $out_from.poolctl-gone"
}

# wal_drop KEEP NEWDATA OLDDATA: what wal_out has made, and never what the old cluster has.
wal_drop() {
  drop_mark=$1/$(wal_mark "$2")
  if [ ! -r "$drop_mark" ]; then return; fi
  drop_wal=$(cat -- "$drop_mark")
  if [ "$drop_wal" != "$(wal_of "$3")" ]; then wal_remove "$drop_wal"; fi
  rm -f -- "$drop_mark"
}

# wal_aside DATA NAME: before DATA gives way to a copy. Its WAL is renamed, and the link in DATA with it; where that directory cannot be renamed
# (it is a disk of its own, or the one above it is another's), the copy has its WAL inside and DATA keeps what it has.
wal_aside() {
  aside_wal=$(wal_of "$1")
  case $aside_wal in '' | *."$2") return ;; esac
  if [ -e "$aside_wal" ] && { [ -e "$aside_wal.$2" ] || ! mv -T -- "$aside_wal" "$aside_wal.$2" 2>/dev/null; }; then return; fi
  if [ -d "$aside_wal.$2" ]; then wal_point "$1" "$aside_wal.$2"; fi
}

# wal_point DATA WAL
wal_point() {
  rm -f -- "$1/pg_wal.poolctl-link"
  ln -s -T -- "$2" "$1/pg_wal.poolctl-link" || fail WRITE_FAILED "cannot link $1/pg_wal"
  put "$1/pg_wal.poolctl-link" "$1/pg_wal"
}

# wal_like PREVIOUS NAME DATA: DATA's WAL where PREVIOUS had its own before wal_aside; what is in a pg_wal of DATA is moved.
wal_like() {
  like_wal=$(wal_of "$1")
  case $like_wal in *."$2") like_to=${like_wal%."$2"} ;; *) return ;; esac
  if [ -L "$3/pg_wal" ]; then return; fi
  if [ -e "$like_to" ]; then wal_remove "$like_to"; fi
  if [ ! -d "$like_to" ]; then mkdir -m 700 -- "$like_to" || fail WRITE_FAILED "cannot make $like_to"; fi
  if [ -d "$3/pg_wal" ]; then
    cp -a -- "$3/pg_wal/." "$like_to/" || fail WRITE_FAILED "cannot copy $3/pg_wal to $like_to"
    rm -rf -- "$3/pg_wal" || fail WRITE_FAILED "cannot remove $3/pg_wal"
  fi
  sync -f -- "$like_to" || fail WRITE_FAILED "cannot flush $like_to"
  wal_point "$3" "$like_to"
}

# wal_back DATA NAME: DATA has its own place again, and its WAL gets its own too; that of the copy is removed.
wal_back() {
  back_wal=$(wal_of "$1")
  case $back_wal in
  '') return ;;
  *."$2") back_to=${back_wal%."$2"} ;;
  *) back_to=$back_wal ;;
  esac
  if [ -d "$back_to.$2" ]; then
    wal_remove "$back_to"
    put "$back_to.$2" "$back_to"
  fi
  if [ "$back_to" != "$back_wal" ]; then wal_point "$1" "$back_to"; fi
}

# wal_forget PREVIOUS NAME: PREVIOUS is removed, and its WAL before it. What holds anything else stays.
wal_forget() {
  forget_wal=$(wal_of "$1")
  case $forget_wal in *."$2") ;; *) return ;; esac
  if [ -d "$forget_wal" ] && [ -z "$(wal_foreign "$forget_wal")" ]; then wal_remove "$forget_wal"; fi
}

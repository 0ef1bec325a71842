# shellcheck shell=sh
# upgrade-config.sh DATA: name and text of every file in a data directory that holds settings; access rules and names of users have a
# form that no major has changed and are carried as they are.
cd -- "$1" || fail DATA_UNREADABLE "cannot enter $1 as $(id -un)"
for file in *.conf conf.d/*.conf; do
  case $file in pg_hba.conf | pg_ident.conf | recovery.conf) continue ;; esac
  if [ ! -f "$file" ]; then continue; fi
  printf '%s\0' "$file"
  cat -- "$file" || fail DATA_UNREADABLE "cannot read $1/$file"
  printf '\0'
done

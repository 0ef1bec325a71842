# shellcheck shell=sh
# upgrade-config.sh DATA CONFIG: name and text of every file that holds settings, `etc/` before the name of one outside the data directory;
# access rules and names of users have a form that no major has changed and are carried as they are. Then the scripts in the data directory:
# pgpool runs its recovery from there, and they name the version's programs and directories.
# print_files DIRECTORY PREFIX
print_files() {
  cd -- "$1" || fail DATA_UNREADABLE "cannot enter $1 as $(id -un)"
  for file in *.conf conf.d/*.conf; do
    case $file in pg_hba.conf | pg_ident.conf | recovery.conf) continue ;; esac
    if [ ! -f "$file" ]; then continue; fi
    printf '%s\0' "$2$file"
    cat -- "$file" || fail DATA_UNREADABLE "cannot read $1/$file"
    printf '\0'
  done
}
print_files "$1" ''
for file in *; do
  if [ -f "$file" ] && [ -x "$file" ] && [ "$(head -c 2 -- "$file")" = '#!' ]; then
    printf '%s\0' "$file"
    cat -- "$file" || fail DATA_UNREADABLE "cannot read $1/$file"
    printf '\0'
  fi
done
if [ -n "$2" ]; then print_files "${2%/*}" etc/; fi

# shellcheck shell=sh
# rsync_ended STATUS STDERR-FILE: 0 when the transfer is good. A live server removes files while we copy: 24 says just that, and 23
# says it when every complaint is about a file that is gone (rsync(1), EXIT VALUES). Any other complaint is a hole in the copy.
rsync_ended() {
  case $1 in
  0 | 24) return 0 ;;
  23) ;;
  *) return "$1" ;;
  esac
  seen=no
  while IFS= read -r complaint; do
    case $complaint in
    '') ;;
    'file has vanished: '* | 'directory has vanished: '* | *'link_stat '*' failed: No such file or directory (2)') seen=yes ;;
    'rsync error: some files/attrs were not transferred'* | 'rsync warning: some files vanished'*) ;;
    *) return 23 ;;
    esac
  done <"$2"
  if [ "$seen" = yes ]; then return 0; fi
  return 23
}

# shellcheck shell=sh
# peer-list.sh COMMAND SSH-OPTION... -- ADDRESS: runs COMMAND (already one quoted line) on another node; the script that it reads is
# what is left of our stdin, because the shell took exactly its own bytes from there.
remote_command=$1
shift
exec ssh "$@" "$remote_command"

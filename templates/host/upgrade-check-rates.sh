# shellcheck shell=sh
# upgrade-check-rates.sh DATA WORK BYTES SPARE [SSH-OPTION... ADDRESS]: how fast this machine writes and reads beside the data, and fetches by SSH
# from another; NUL between key and value: bytes and milliseconds of each. Bounded by BYTES and by two seconds a rate, at the lowest priority;
# not begun where less than SPARE bytes would be left free. The file is removed again.
data=$1
work=$2
bytes=$3
spare=$4
shift 4
limit_ms=2000
piece_bytes=4194304

say() {
  printf '%s\0%s\0' "$1" "$2"
}

now_ms() {
  echo $(($(date +%s%N) / 1000000))
}

gently() {
  if command -v ionice >/dev/null 2>&1; then
    nice -n 19 ionice -c 3 "$@"
  else
    nice -n 19 "$@"
  fi
}

own=$(mktemp -d -- "$work/.poolctl-rates.XXXXXX" 2>/dev/null) || own=$(mktemp -d -- "${data%/*}/.poolctl-rates.XXXXXX" 2>/dev/null) || {
  say skipped 'nothing can be written beside the data'
  exit 0
}
trap 'rm -rf -- "$own"' EXIT
trap 'exit 91' HUP INT TERM PIPE
cd -- "$own" || exit 91
free=$(df --output=avail -B1 -- . | tail -n 1)
if [ "$free" -lt $((bytes + spare)) ]; then
  say skipped 'there is too little space'
  exit 0
fi

# Not zeros: a file system that compresses would write next to nothing.
head -c "$piece_bytes" /dev/urandom >piece || fail WRITE_FAILED "cannot write $own/piece"
written=0
spent=0
from=$(now_ms)
while [ "$written" -lt "$bytes" ] && [ "$spent" -lt "$limit_ms" ]; do
  gently timeout -k 1 10 dd if=piece of=file bs=1M oflag=append conv=notrunc,fsync 2>/dev/null || break
  written=$((written + piece_bytes))
  spent=$(($(now_ms) - from))
done
if [ "$written" -eq 0 ]; then
  say skipped 'not even 4 MB could be written beside the data within 10 s'
  exit 0
fi
say write "$written $spent"

# Past the page cache, or it would be memory that is measured. Some file systems (tmpfs) refuse that.
read=0
spent=0
from=$(now_ms)
while [ "$read" -lt "$written" ] && [ "$spent" -lt "$limit_ms" ]; do
  gently timeout -k 1 10 dd if=file of=/dev/null bs=1M count=4 skip=$((read / 1048576)) iflag=direct 2>/dev/null || break
  read=$((read + piece_bytes))
  spent=$(($(now_ms) - from))
done
say read "$read $spent"
rm -f -- file

if [ "$#" -gt 0 ]; then
  # From the first byte on: a login is not the way.
  # shellcheck disable=SC2029
  timeout -k 1 30 ssh "$@" "exec nice -n 19 head -c $((bytes + 1)) /dev/urandom" </dev/null 2>/dev/null | {
    first=$(head -c 1 | wc -c)
    from=$(now_ms)
    got=$(timeout 2 cat | wc -c)
    if [ "$first" -eq 1 ]; then say network "$got $(($(now_ms) - from))"; fi
  }
fi

# Sourced by the benchmarks: an instance of Berth with a registry, a network and directories of its
# own, all below one temporary directory, and gone when the script ends.

here=${BERTH_HERE:-$(CDPATH= cd -P -- "$(dirname -- "$0")/.." && pwd)}
dist=$here/cri-server/target/berth
bridge=berth-bench0
subnet=10.247.92
own_subnet=10.247.93.0/24
port=${BERTH_BENCH_PORT:-5792}
image=127.0.0.1:$port/berth/bench:latest

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "needs root"
[ -x "$dist/bin/berthd" ] || die "no distribution at $dist: run ./mvnw -DskipTests package"

work=$(mktemp -d /var/tmp/berth-bench.XXXXXX)
state=/run/${work##*/} # on a tmpfs, as /run is on a node, whatever it is here
socket=$state/berth/berthd.sock # of the instance that start_berthd starts without arguments
names='' berthd_pids='' registry_pid=''

end() { # pid
  [ -n "$1" ] || return 0
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 1 100); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$1" 2>/dev/null || true
}

# Pids of the JVMs of an instance, one of whose arguments is its state directory or where that keeps
# its shims, and of the stubs, which are the shim's children.
own_pids() { # name
  grep -lszxF -e "$state/$1" -e "$state/$1/shims" /proc/[0-9]*/cmdline | while IFS=/ read -r _ _ pid _; do
    case $(readlink "/proc/$pid/exe") in *java*) ;; *) continue ;; esac
    echo "$pid"
    for child in $(cat "/proc/$pid/task/"*/children 2>/dev/null); do
      [ "$(cat "/proc/$child/comm" 2>/dev/null)" != berth-init ] || echo "$child"
    done
  done
}

cleanup() {
  for listening in "$state"/*/berthd.sock; do
    [ ! -S "$listening" ] ||
      bench clear "$image" 0 "$work/logs" "berth=$listening" >/dev/null 2>&1 || true
  done
  for pid in $berthd_pids; do end "$pid"; done
  for name in $names; do
    for pid in $(own_pids "$name"); do end "$pid"; done
  done
  end "$registry_pid"
  ip link delete "$bridge" 2>/dev/null || true
  awk -v a="$state/" -v b="$work/" 'index($5, a) == 1 || index($5, b) == 1 { print $5 }' \
    /proc/self/mountinfo | sort -r | while read -r mount; do umount -l "$mount" || true; done
  find /sys/fs/cgroup -depth -type d \( -path "*/b$$*" -o -path "*/${work##*/}*" \) \
    -exec rmdir {} \; 2>/dev/null || true
  umount "$state" 2>/dev/null || umount -l "$state" || true
  rm -rf "$work" "$state"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
mkdir "$state"
mount -t tmpfs -o mode=755 berth-bench "$state"

java_home() {
  . "$here/.mvn/find-jdk.sh"
  echo "$JAVA_HOME"
}

bench() {
  "$(java_home)/bin/java" --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=deny \
    -XX:+UseSerialGC -cp "$dist/lib/*" "$here/bench/Bench.java" "$@"
}

# One more instance, by the name of its directories below $work and $state; a name of its own for
# each. Its pods are on a bridge of Debian's plugins, or on Berth's own network.
start_berthd() { # [name [cni|own]]
  name=${1:-berth}
  names="$names $name"
  mkdir -p "$work/$name" "$state/$name"
  [ "${2:-cni}" = own ] || cni_network
  begun=$(date +%s%N)
  "$dist/bin/berthd" --config= --root "$work/$name/root" --state "$state/$name" \
    --instance "b$$$(echo "$name" | tr -cd a-z | cut -c 6-)" \
    --network "${2:-cni}" --network-subnets "$own_subnet" \
    --cni-conf-dir "$work/net.d" --cni-bin-dir /usr/lib/cni \
    --log-level "${BERTH_BENCH_LOG_LEVEL:-warning}" \
    >"$work/$name/berthd.out" 2>"$work/$name/berthd.log" &
  started=$!
  berthd_pids="$berthd_pids $started"
  for _ in $(seq 1 600); do
    grep -qs ready "$work/$name/berthd.out" && break
    kill -0 "$started" 2>/dev/null || break
    sleep 0.01
  done
  grep -q ready "$work/$name/berthd.out" || { cat "$work/$name/berthd.log" >&2; die "berthd does not start"; }
  printf '%s: start to ready %d ms\n' "$name" "$((($(date +%s%N) - begun) / 1000000))"
}

cni_network() {
  [ ! -d "$work/net.d" ] || return 0
  ip link add "$bridge" type bridge
  ip addr add "$subnet.1/24" dev "$bridge"
  ip link set "$bridge" up
  mkdir -p "$work/net.d"
  cat >"$work/net.d/10-bench.conflist" <<EOF
{"cniVersion": "1.0.0", "name": "berth-bench", "plugins": [
  {"type": "bridge", "bridge": "$bridge",
   "ipam": {"type": "host-local", "dataDir": "$work/ipam",
            "ranges": [[{"subnet": "$subnet.0/24", "gateway": "$subnet.1"}]]}}]}
EOF
}

# kB of memory, each page divided by the number of processes that share it
pss() { # pid...
  for pid in "$@"; do cat "/proc/$pid/smaps_rollup" 2>/dev/null; done |
    awk '/^Pss:/ { n += $2 } END { print n + 0 }'
}

print_pss() { # label pid...
  label=$1
  shift
  printf '%s: PSS %d kB in %d processes\n' "$label" "$(pss "$@")" "$#"
  for pid in "$@"; do
    case $(readlink "/proc/$pid/exe") in
      *java*) printf '    %6d kB  %s\n' "$(pss "$pid")" \
        "$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep -m 1 '^dev\.berth\.')" ;;
    esac
  done
}

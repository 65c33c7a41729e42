# Sourced by the benchmarks: an instance of Berth with a registry, a network and directories of its
# own, all below one temporary directory, and gone when the script ends.

here=${BERTH_HERE:-$(CDPATH= cd -P -- "$(dirname -- "$0")/.." && pwd)}
dist=$here/cri-server/target/berth
bridge=berth-bench0
subnet=10.247.92
port=${BERTH_BENCH_PORT:-5792}
image=127.0.0.1:$port/berth/bench:latest

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "needs root"
[ -x "$dist/bin/berthd" ] || die "no distribution at $dist: run ./mvnw -DskipTests package"

work=$(mktemp -d /var/tmp/berth-bench.XXXXXX)
state=/run/${work##*/}
instance=bench$$
socket=$state/berthd.sock
berthd_pid='' registry_pid=''

end() { # pid
  [ -n "$1" ] || return 0
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 1 100); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$1" 2>/dev/null || true
}

# Pids of the JVMs of this instance, whose command lines name its state directory, and of the stubs,
# which are the shim's children.
own_pids() {
  grep -lsF "$state" /proc/[0-9]*/cmdline | while IFS=/ read -r _ _ pid _; do
    case $(readlink "/proc/$pid/exe") in *java*) ;; *) continue ;; esac
    echo "$pid"
    for child in $(cat "/proc/$pid/task/"*/children 2>/dev/null); do
      [ "$(cat "/proc/$child/comm" 2>/dev/null)" != berth-init ] || echo "$child"
    done
  done
}

cleanup() {
  [ ! -S "$socket" ] || bench clear "$image" 0 "$work/logs" "berth=$socket" >/dev/null 2>&1 || true
  end "$berthd_pid"
  for pid in $(own_pids); do end "$pid"; done
  end "$registry_pid"
  ip link delete "$bridge" 2>/dev/null || true
  awk -v a="$state/" -v b="$work/" 'index($5, a) == 1 || index($5, b) == 1 { print $5 }' \
    /proc/self/mountinfo | sort -r | while read -r mount; do umount -l "$mount" || true; done
  find /sys/fs/cgroup -depth -type d \( -path "*/$instance*" -o -path "*/${work##*/}*" \) \
    -exec rmdir {} \; 2>/dev/null || true
  rm -rf "$work" "$state"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

java_home() {
  . "$here/.mvn/find-jdk.sh"
  echo "$JAVA_HOME"
}

bench() {
  "$(java_home)/bin/java" --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=deny \
    -XX:+UseSerialGC -cp "$dist/lib/*" "$here/bench/Bench.java" "$@"
}

start_berthd() {
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
  begun=$(date +%s%N)
  "$dist/bin/berthd" --config= --root "$work/root" --state "$state" --instance "$instance" \
    --cni-conf-dir "$work/net.d" --cni-bin-dir /usr/lib/cni --log-level ${BERTH_BENCH_LOG_LEVEL:-warning} \
    >"$work/berthd.out" 2>"$work/berthd.log" &
  berthd_pid=$!
  for _ in $(seq 1 600); do
    grep -q ready "$work/berthd.out" && break
    kill -0 "$berthd_pid" 2>/dev/null || break
    sleep 0.01
  done
  grep -q ready "$work/berthd.out" || { cat "$work/berthd.log" >&2; die "berthd does not start"; }
  printf 'berthd: start to ready %d ms\n' "$((($(date +%s%N) - begun) / 1000000))"
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

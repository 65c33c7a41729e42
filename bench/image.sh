# Sourced after common.sh: a registry on loopback with an image made from Debian's busybox.

start_registry() {
  command -v docker-registry >/dev/null || die "docker-registry is not installed"
  cat >"$work/registry.yml" <<EOF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: 127.0.0.1:$port}
EOF
  docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
  registry_pid=$!
  for _ in $(seq 1 100); do
    curl -fsS "http://127.0.0.1:$port/v2/" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  cat "$work/registry.log" >&2
  die "the registry does not start"
}

push_image() {
  mkdir -p "$work/fs/bin"
  cp /bin/busybox "$work/fs/bin/busybox"
  for command in sleep true sh; do ln -s busybox "$work/fs/bin/$command"; done
  BERTH_REGISTRY=127.0.0.1:$port "$here/.ci/push-image" "$work/fs" berth/bench
}

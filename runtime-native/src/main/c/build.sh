#!/bin/sh
# Builds berth-init for this machine, and for the other architecture where its
# cross compiler is installed. Usage: build.sh OUTPUT_DIR VERSION
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
version=$2
limit=102400 # bytes; a promise of the design, since one runs beside every container

build() { # architecture, compiler
  mkdir -p "$out/$1"
  "$2" -std=gnu11 -Os -Wall -Wextra -Werror -Wshadow=local -ffreestanding -fno-stack-protector \
    -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-pic -fno-pie \
    -fno-tree-loop-distribute-patterns -fno-strict-aliasing -DBERTH_VERSION="\"$version\"" \
    -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -s \
    "$here/sys.c" "$here/message.c" "$here/plan.c" "$here/log.c" "$here/terminal.c" "$here/attach.c" \
    "$here/control.c" "$here/process.c" "$here/stub.c" "$here/sha256.c" "$here/front.c" "$here/main.c" \
    -o "$out/$1/berth-init"
  size=$(wc -c <"$out/$1/berth-init")
  if [ "$size" -gt "$limit" ]; then
    echo "berth-init for $1 has $size bytes, more than $limit" >&2
    exit 1
  fi
}

case $(uname -m) in
  x86_64) host=amd64 other=arm64 cross=aarch64-linux-gnu-gcc ;;
  aarch64) host=arm64 other=amd64 cross=x86_64-linux-gnu-gcc ;;
  *) echo "berth-init runs on x86-64 and aarch64, not on $(uname -m)" >&2 && exit 1 ;;
esac
if ! command -v gcc >/dev/null; then
  echo "berth-init needs a C compiler: apt-get install gcc libc6-dev" >&2
  exit 1
fi
build "$host" gcc
if command -v "$cross" >/dev/null; then
  build "$other" "$cross"
else
  echo "berth-init: $cross is not installed, built for $host only" >&2
fi

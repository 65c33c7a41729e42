#!/bin/sh
# Builds berth-init's parts for libFuzzer and runs one of them: fuzz.sh TARGET OUTPUT_DIR [ARGUMENT...]
# with TARGET plan, control or log, and arguments of libFuzzer, as -max_total_time=600. Needs clang 14
# or later with its compiler-rt (Debian: clang libclang-rt-dev).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sources=$here/../../../main/c
target=$1
out=$2/$1
shift 2
clang=${CLANG:-$(command -v clang || ls /usr/lib/llvm-*/bin/clang 2>/dev/null | tail -n 1)}
if [ -z "$clang" ]; then
  echo "fuzz.sh needs clang: apt-get install clang libclang-rt-dev" >&2
  exit 3
fi
mkdir -p "$out/corpus"
flags="-std=gnu11 -g -O1 -ffreestanding -funwind-tables -Wall -Wextra -Werror -fno-strict-aliasing -I$sources -I$here
  -DLISTENER_LOOKS=8 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined"
objects=
for name in message plan log terminal attach control process stub; do
  # shellcheck disable=SC2086
  "$clang" $flags -c "$sources/$name.c" -o "$out/$name.o"
  # So that kernel.c can make the variables as they are at start, before each input.
  objcopy --rename-section .data=berth_data --rename-section .bss=berth_bss "$out/$name.o"
  objects="$objects $out/$name.o"
done
# shellcheck disable=SC2086
"$clang" $flags -fsanitize=fuzzer $objects "$here/kernel.c" "$here/fuzz_$target.c" -o "$out/fuzz"
exec "$out/fuzz" -artifact_prefix="$out/" "$@" "$out/corpus" "$here/corpus/$target"

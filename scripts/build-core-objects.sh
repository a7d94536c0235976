#!/bin/sh
# Compiles test/core/*.c and test/core/targets/*.c, and records what libbpf makes of each pair of a program and a target.
# The compiler is clang 19; recording needs root, bpftool, a C compiler and libbpf (1.6 or newer; LIBBPF="FLAGS FILES" for
# another than the installed one). targets/kernel.btf is what kernel.c asks of the kernel it was recorded on (6.18).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/test/core"
CLANG=${CLANG:-clang-19}
STRIP=${LLVM_STRIP:-llvm-strip-19}

for source in *.c targets/*.c; do
  object=${source%.c}.o
  "$CLANG" -target bpfel -mcpu=v3 -O2 -g -Wall -Wno-visibility -Wno-unused-but-set-variable -fdebug-compilation-dir=. -c "$source" -o "$object"
  # DWARF goes, BTF stays.
  "$STRIP" -g "$object"
done

[ "${1:-}" = --record ] || exit 0
bpftool gen min_core_btf /sys/kernel/btf/vmlinux targets/kernel.btf kernel.o
oracle=$(mktemp)
cc -O1 -o "$oracle" "$root/scripts/core/libbpf-oracle.c" ${LIBBPF:--lbpf -lelf -lz}
for object in *.o; do
  for target in targets/*.o targets/kernel.btf; do echo "$object $target"; done
done | "$oracle" | gzip -9n >libbpf.log.gz
rm -f "$oracle"

#!/bin/sh
# Compiles test/objects/*.c to NAME.el.o (little-endian) and NAME.eb.o (big-endian), which are committed.
# Needs the pinned compiler: clang and llvm-strip of LLVM 19. The same sources give the same bytes on every machine.
set -eu
cd "$(dirname "$0")/../test/objects"
CLANG=${CLANG:-clang-19}
STRIP=${LLVM_STRIP:-llvm-strip-19}

compile() { # NAME FLAGS...
  name=$1
  shift
  for order in ${ORDERS:-el eb}; do
    "$CLANG" -target "bpf$order" -mcpu=${CPU:-v3} -O2 -Wall -Wno-unused-const-variable -fdebug-compilation-dir=. "$@" \
      -c "$name.c" -o "$name.$order.o"
    # DWARF goes, BTF stays.
    "$STRIP" -g "$name.$order.o"
  done
}

# gcc's object is made again only where gcc for BPF is: 12.2.
if command -v bpf-gcc >/dev/null; then
  bpf-gcc -O2 -gbtf -mcpu=v3 -c gcc/counts.c -o gcc/counts.el.o
fi

for source in *.c; do
  name=${source%.c}
  case $name in
    legacy) compile "$name" ;;
    arena) CPU=v4 compile "$name" -g ;;
    *) compile "$name" -g ;;
  esac
done

# Pairs to link: big-endian only where the byte order could matter.
cd link
for source in *.c; do
  name=${source%.c}
  case $name in
    bare-*) ORDERS=el compile "$name" ;;
    calls-* | data-* | maps-* | callbacks-* | core-*) compile "$name" -g ;;
    *) ORDERS=el compile "$name" -g ;;
  esac
done

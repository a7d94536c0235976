#!/usr/bin/env bash
# Compiles the examples' C to the committed objects, little-endian (NAME.el.o) and big-endian (NAME.eb.o).
# Needs clang 19 and libbpf's headers (Debian: clang-19, libbpf-dev). Debug paths are made relative, so that the result
# is the same wherever the checkout lies.
set -euo pipefail
cd "$(dirname "$0")/.."
clang=${CLANG:-clang-19}
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
for source in examples/*/*.bpf.c; do
  for target in bpfel:el bpfeb:eb; do
    object=${source%.bpf.c}.${target#*:}.o
    "$clang" -target "${target%:*}" -mcpu=v3 -O2 -g -Wall -Werror -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. \
      -Iexamples/include -I"/usr/include/$multiarch" -c "$source" -o "$object"
    "${STRIP:-llvm-strip-19}" -g "$object"
  done
done

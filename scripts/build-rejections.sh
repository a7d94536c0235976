#!/usr/bin/env bash
# Compiles the gallery of rejections, examples/rejections/*.c, to the committed objects NAME.el.o.
# Needs clang 19, libbpf's headers and those of Linux (Debian: clang-19, libbpf-dev, linux-libc-dev). Debug paths are made
# relative, so that the result is the same wherever the checkout lies. OUT=DIR puts the objects there instead.
set -euo pipefail
cd "$(dirname "$0")/.."
clang=${CLANG:-clang-19}
out=${OUT:-examples/rejections}
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
for source in examples/rejections/*.c; do
  object=$out/$(basename "${source%.c}").el.o
  # A mistake of the gallery may be one that the compiler warns of: no -Wall.
  "$clang" -target bpfel -mcpu=v3 -O2 -g -w -D__TARGET_ARCH_x86 -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. \
    -I"/usr/include/$multiarch" -c "$source" -o "$object"
  "${STRIP:-llvm-strip-19}" -g "$object"
done

#!/usr/bin/env bash
# Compiles the workloads of `npm run bench -- engines`, bench/workloads/*.c, to what is committed beside them: of those without
# helpers the bare instructions, NAME.bin; of those with maps an object, NAME.el.o.
# Needs clang 19, its llvm tools and libbpf's headers (Debian: clang-19, llvm-19, libbpf-dev). OUT=DIR puts the results there instead.
set -euo pipefail
cd "$(dirname "$0")/../bench/workloads"
out=${OUT:-.}
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
compile() {
  "${CLANG:-clang-19}" -target bpfel -mcpu=v3 -O2 -Wall -Werror -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. \
    -I"/usr/include/$multiarch" "$@"
}
object=$(mktemp)
trap 'rm -f "$object"' EXIT
for source in *.c; do
  case $source in
    *.bpf.c)
      compile -g -c "$source" -o "$out/${source%.bpf.c}.el.o"
      "${STRIP:-llvm-strip-19}" -g "$out/${source%.bpf.c}.el.o"
      ;;
    *)
      # There is no library to call for a loop that sets memory.
      compile -fno-builtin -c "$source" -o "$object"
      "${OBJCOPY:-llvm-objcopy-19}" -O binary --only-section=.text "$object" "$out/${source%.c}.bin"
      ;;
  esac
done

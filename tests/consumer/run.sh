#!/bin/bash
# Builds and runs one consumer of the library, as CTest asks:
#   run.sh install CMAKE BUILD_TREE WORK
#   run.sh find_package|pkg_config|subdirectory CMAKE SOURCE_TREE WORK COMPILER
set -euo pipefail

way=$1 cmake=$2 tree=$3 work=$4
here=$(cd "$(dirname "$0")" && pwd)
prefix=$work/prefix

if [[ $way == install ]]; then
  rm -rf "$prefix"
  "$cmake" --install "$tree" --prefix "$prefix"
  exit
fi

compiler=$5
build=$work/$way-$(basename "$compiler")
rm -rf "$build"
mkdir -p "$build"

with_cmake() {
  "$cmake" -S "$here/$way" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" "$@"
  "$cmake" --build "$build" -j 2
}

case $way in
  find_package) with_cmake -DCMAKE_PREFIX_PATH="$prefix" ;;
  # Without precompiled headers, which hide a missing #include.
  subdirectory) with_cmake -DCONDUIT_SOURCE_TREE="$tree" -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON ;;
  pkg_config)
    pc=$(find "$prefix" -name conduit_flat_file_db.pc)
    export PKG_CONFIG_PATH=${pc%/*}
    # Unquoted: these are lists of flags.
    # shellcheck disable=SC2046
    "$compiler" -std=c++20 $(pkg-config --cflags conduit_flat_file_db) "$here/main.cpp" -o "$build/consumer" \
      $(pkg-config --libs conduit_flat_file_db) -Wl,-rpath,"${PKG_CONFIG_PATH%/*}"
    ;;
  *) echo "run.sh: unknown way: $way" >&2; exit 2 ;;
esac

"$build/consumer" "$build/store"

#!/bin/bash
# Builds and runs one consumer of the library, as CTest asks:
#   run.sh install CMAKE BUILD_TREE WORK
#   run.sh find_package|pkg_config|subdirectory|own_asio|shared|tokens CMAKE SOURCE_TREE WORK COMPILER
#   run.sh mismatch CMAKE SOURCE_TREE WORK COMPILER DEFINITION: must not link, with a name that tells why
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
build=$work/$way-$(basename "$compiler")${6:+-${6%%=*}}
rm -rf "$build"
mkdir -p "$build"

with_cmake() {
  "$cmake" -S "$here/$way" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE="${build_type:-Release}" -DCMAKE_CXX_COMPILER="$compiler" "$@"
  "$cmake" --build "$build" -j 2
}

use_pkg_config() {
  local pc
  pc=$(find "$prefix" -name conduit_flat_file_db.pc)
  export PKG_CONFIG_PATH=${pc%/*}
}

# SOURCE: from the installed library.
build_with_pkg_config() {
  # Unquoted: these are lists of flags.
  # shellcheck disable=SC2046
  "$compiler" -std=c++20 $(pkg-config --cflags conduit_flat_file_db) "$here/$1" -o "$build/consumer" \
    $(pkg-config --libs conduit_flat_file_db) -Wl,-rpath,"${PKG_CONFIG_PATH%/*}"
}

case $way in
  find_package) with_cmake -DCMAKE_PREFIX_PATH="$prefix" ;;
  # Without precompiled headers, which hide a missing #include.
  subdirectory) with_cmake -DCONDUIT_SOURCE_TREE="$tree" -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON ;;
  pkg_config)
    use_pkg_config
    build_with_pkg_config main.cpp
    ;;
  # These two are about what is built, not how well: the whole library twice more.
  own_asio)
    build_type=Debug
    with_cmake -DCONDUIT_SOURCE_TREE="$tree" -DCONSUMER_ASIO_INCLUDE_DIR="$(dirname "$(echo '#include <asio.hpp>' | "$compiler" -std=c++20 -E -x c++ - 2>/dev/null |
      sed -n 's/^# 1 "\(.*\/asio\.hpp\)".*/\1/p' | head -1)")"
    "$cmake" --install "$build" --prefix "$build/installed"
    [[ ! -e $build/installed ]] || { echo "run.sh: a subdirectory was installed" >&2; exit 1; }
    "$cmake" -S "$here/$way" -B "$build" -DCONDUIT_INSTALL=ON
    "$cmake" --install "$build" --prefix "$build/installed"
    [[ -e $build/installed/include/conduit/flat_file_db.hpp ]] || { echo "run.sh: CONDUIT_INSTALL does nothing" >&2; exit 1; }
    ;;
  shared)
    build_type=Debug
    with_cmake -DCONDUIT_SOURCE_TREE="$tree"
    for program in disabled scripted; do
      if "$build/$program" "$build/hidden_store" 2> "$build/errors"; then
        echo "run.sh: a store was opened by a program that hides its Asio: $program" >&2
        exit 1
      fi
      grep "do not share the state of Asio" "$build/errors"
    done
    # Whoever uses what it installs gets the macros too.
    "$cmake" --install "$build" --prefix "$build/prefix"
    "$cmake" -S "$here/find_package" -B "$build/user" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$build/prefix"
    "$cmake" --build "$build/user"
    "$build/user/consumer" "$build/user_store"
    prefix=$build/prefix
    use_pkg_config
    build_with_pkg_config main.cpp
    ;;
  tokens)
    use_pkg_config
    build_with_pkg_config tokens.cpp
    ;;
  mismatch)
    use_pkg_config
    change=-D$6
    if [[ $6 == ASIO_VERSION ]]; then
      # The version is in a header: one that names the next version stands before it.
      version=$(echo "#include <asio/version.hpp>
        ASIO_VERSION" | "$compiler" -E -P -x c++ - | tail -1)
      mkdir -p "$build/other/asio"
      echo "#define ASIO_VERSION $((version + 1))" > "$build/other/asio/version.hpp"
      change=-I$build/other
    fi
    # shellcheck disable=SC2046
    if "$compiler" -std=c++20 "$change" $(pkg-config --cflags conduit_flat_file_db) "$here/main.cpp" -o "$build/consumer" \
      $(pkg-config --libs conduit_flat_file_db liburing) 2> "$build/errors"; then
      echo "run.sh: a program linked that sees another Asio" >&2
      exit 1
    fi
    grep -o "undefined reference to .conduit_flat_file_db_is_not_built_for_.*${6%%=*}.*" "$build/errors" | head -1
    exit "${PIPESTATUS[0]}"
    ;;
  *) echo "run.sh: unknown way: $way" >&2; exit 2 ;;
esac

"$build/consumer" "$build/store"

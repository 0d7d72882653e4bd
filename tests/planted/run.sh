#!/bin/bash
# Proves that the simulation finds what it is for. Each patch beside this script breaks one promise
# of the library; the library is built with it, in a copy, and histories are played until one finds
# it.
#   run.sh WORK [PATCH...]     CONDUIT_SECONDS: how long to look for each, 600 by default; CONDUIT_SEED
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$1
shift
patches=("$@")
((${#patches[@]})) || patches=("$here"/*.patch)
source=$work/source

rm -rf "$source" "$work/build"
mkdir -p "$source"
git -C "$here/../.." ls-files -z | (cd "$here/../.." && tar --null -T - -cf -) | tar -xf - -C "$source"
cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCONDUIT_BUILD_BENCH=OFF -DCONDUIT_BUILD_EXAMPLES=OFF \
  >"$work/configure.log"

missed=0
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  patch -d "$source" -p1 -s <"$patch"
  cmake --build "$work/build" --target conduit_simulation >"$work/build.log" || { tail -20 "$work/build.log" >&2; exit 2; }
  begun=$SECONDS
  if "$work/build/tests/simulation/conduit_simulation" histories --seed "${CONDUIT_SEED:-1}" --seconds "${CONDUIT_SECONDS:-600}" \
    >"$work/$name.log" 2>&1; then
    printf '%-50s NOT FOUND in %d s\n' "$name" $((SECONDS - begun))
    missed=$((missed + 1))
  else
    printf '%-50s %4d s, history %-7s %s\n' "$name" $((SECONDS - begun)) \
      "$(sed -n 's/^history \([0-9]*\):.*/\1/p' "$work/$name.log" | head -1)" "$(grep -m1 '^FOUND' "$work/$name.log" | cut -c1-90)"
  fi
  patch -d "$source" -p1 -s -R <"$patch"
done
exit $((missed != 0))

#!/bin/bash
# Each patch beside this script applies to the sources as they are.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=0
for patch in tests/planted/*.patch; do
  patch -p1 --dry-run --force --silent <"$patch" || { echo "$patch does not apply"; failed=1; }
done
exit $failed

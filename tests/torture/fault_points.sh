#!/bin/bash
# A fault at every call to the disk of a recorded run, once and for good, with both backends. CONDUIT_TORTURE_DIR names the directory of
# the test programs.
set -euo pipefail
export CONDUIT_FAULT_POINTS=all
for backend in threads io_uring; do
  echo "fault points: all, $backend"
  "${CONDUIT_TORTURE_DIR:?}/conduit_tests_$backend" "a fault at any call to the disk*"
done

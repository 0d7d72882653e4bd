#!/bin/bash
# The crash simulation of the test suite in full: a million crash states. CONDUIT_SEED gives another seed, CONDUIT_CRASH_STATES another
# number. CONDUIT_TORTURE_DIR names the directory of the test programs.
set -euo pipefail
export CONDUIT_SEED=${CONDUIT_SEED:-20240229} CONDUIT_CRASH_STATES=${CONDUIT_CRASH_STATES:-1000000}
echo "crash simulation: seed $CONDUIT_SEED, $CONDUIT_CRASH_STATES crash states"
# The disk is in memory: the backend makes no difference.
"${CONDUIT_TORTURE_DIR:?}/conduit_tests_threads" "no crash of a process or of the machine*"

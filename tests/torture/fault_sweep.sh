#!/bin/bash
# A fault at every call of a short life, once and from then on. CONDUIT_TORTURE_DIR names the directory of the test programs.
set -euo pipefail
"${CONDUIT_TORTURE_DIR:?}/simulation/conduit_simulation" faults

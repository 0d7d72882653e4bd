#!/bin/bash
# Many histories of the simulation. CONDUIT_SEED gives another seed, CONDUIT_HISTORIES another number. CONDUIT_TORTURE_DIR names the
# directory of the test programs.
set -euo pipefail
"${CONDUIT_TORTURE_DIR:?}/simulation/conduit_simulation" histories --seed "${CONDUIT_SEED:-1}" --count "${CONDUIT_HISTORIES:-200000}"

#!/bin/bash
# Histories that no run before had: each commit has a seed of its own, so that what is found can be played again.
#   new_histories.sh PROGRAM SECONDS
set -euo pipefail
commit=$(git -C "$(dirname "$0")" rev-parse HEAD 2>/dev/null) || commit=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
exec "$1" histories --seed $((16#${commit:0:8})) --seconds "$2"

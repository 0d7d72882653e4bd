#!/bin/sh
# in_scratch.sh PROGRAM ARGUMENT...: runs the program in a fresh directory, which is also its last
# argument, and removes it afterwards.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 143' INT TERM
cd "$scratch"
"$@" "$scratch"

#!/bin/sh
# moment.sh PROGRAM DIRECTORY: runs a benchmark so briefly that its figures mean nothing, to see
# that it runs.
set -eu
case $1 in
  *microbenchmarks) exec "$1" --benchmark_min_time=0.001 ;;
  *) exec "$1" --directory "$2" --seconds 0.01 --pairs 1 --results /dev/null ;;
esac

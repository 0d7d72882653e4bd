#!/bin/bash
# Runs all benchmarks of a build: run.sh BUILD [OPTION...], with the options that each of them takes
# (see README.md).
set -euo pipefail

usage() { echo "usage: $0 BUILD [--directory DIR] [--backend NAME] [--seconds S] [--pairs N] [--rows N,N...] [--json]" >&2; }

(($# >= 1)) || {
  usage
  exit 2
}
programs=$1/bench
shift

# A busy machine makes the ratios jump.
echo "load: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors" >&2

status=0
for name in hot_reads pending_reads asio_file direct_reads appends compressed_puts compressed_reads sealing processes; do
  if [[ ! -x $programs/bench_$name ]]; then
    echo "bench_$name is left out: it was not built" >&2
    continue
  fi
  "$programs/bench_$name" "$@" || status=1
done
exit $status

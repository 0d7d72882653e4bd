#!/bin/bash
# Runs the benchmarks of a build: run.sh BUILD [ROW[,ROW...]] [OPTION...], with the options that
# each of them takes (see README.md). Keeps the results, with the machine they were taken on, in
# BUILD/bench/results.json, or where --results says.
set -euo pipefail

usage() { echo "usage: $0 BUILD [ROW[,ROW...]] [--directory DIR] [--backend NAME] [--seconds S] [--pairs N] [--results FILE]" >&2; }

(($# >= 1)) || {
  usage
  exit 2
}
programs=$1/bench
results=$programs/results.json
directory=$PWD
shift
options=()
if [[ ${1:-} == [0-9]* ]]; then
  options=(--rows "$1")
  shift
fi
while (($#)); do
  case $1 in
    --results) results=${2:?} && shift ;;
    --directory) directory=${2:?} && options+=("$1" "$2") && shift ;;
    *) options+=("$1" "${2:-}") && (($# > 1)) && shift ;;
  esac
  shift
done

# A busy machine makes the ratios jump.
echo "load: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors" >&2

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
status=0
for name in hot_reads pending_reads asio_file direct_reads appends databases compressed_puts compressed_reads sealing processes opening memory page_cache open_loop streams many_reads; do
  if [[ ! -x $programs/bench_$name ]]; then
    echo "bench_$name is left out: it was not built" >&2
    continue
  fi
  "$programs/bench_$name" "${options[@]}" --results "$lines" || status=1
done
"$programs/bench_report" "$lines" "$directory" "$results" && echo "kept in $results" || status=1
exit $status

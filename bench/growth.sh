#!/bin/bash
# growth.sh BUILD [OPTION...]: measures what an operation costs as a store grows, with the options
# of every benchmark (see README.md). Leaves BUILD/bench/growth.csv, and growth.svg if gnuplot is
# there.
set -euo pipefail

program=$1/bench/bench_growth
points=$1/bench/growth.csv
picture=$1/bench/growth.svg
shift
"$program" "$@" | tee "$points"
command -v gnuplot >/dev/null || {
  echo "no picture: gnuplot is not installed" >&2
  exit 0
}

# panel AXIS LABEL OPERATION...: one curve for each operation, logarithmic on both axes.
panel() {
  local axis=$1 label=$2 curve curves=()
  shift 2
  for curve in "$@"; do
    local of_curve="stringcolumn(1) eq '$axis' && stringcolumn(3) eq '$curve'"
    curves+=("'$points' using ($of_curve ? \$2 : NaN):4 with linespoints title '${curve//_/ }'")
  done
  echo "set xlabel '$label'; set ylabel 'ns an operation'"
  local IFS=,
  echo "plot ${curves[*]}"
}
{
  echo "set terminal svg size 900,1000 font 'sans,13'; set output '$picture'"
  # The points of other curves: a line goes on beyond them.
  echo "set datafile missing NaN"
  echo "set datafile separator ','; set logscale xy; set grid; set key top left"
  echo "set format x '%.0s%c'; set format y '%.0s%c'; set multiplot layout 3,2"
  panel blobs "blobs of 1 KiB in the store" put get
  panel files "data files, one blob each" get
  panel depth "gets pending at a time" get
  panel threads "threads with a context each" get
  panel processes "processes" put_and_9_gets
  panel bytes "bytes of a blob" put get
} | gnuplot
echo "plotted in $picture"

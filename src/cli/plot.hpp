// Draws the latencies of a benchmark with gnuplot.
#pragma once

#include <string>

#include "cli/histogram.hpp"

namespace conduit::cli {

// Throws `failure` where gnuplot is missing or does not like the file.
void plot_latency(const histogram& latency, const std::string& title, const std::string& svg_file);

}  // namespace conduit::cli

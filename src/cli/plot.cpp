#include "cli/plot.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <sys/wait.h>

#include "cli/exit_status.hpp"

namespace conduit::cli {
namespace {

// gnuplot's single-quoted strings know one escape: the quote is doubled.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

}  // namespace

void plot_latency(const histogram& latency, const std::string& title, const std::string& svg_file) {
  std::string script = fmt::format(
      "set terminal svg size 900,500 background rgb 'white'\n"
      "set output {}\n"
      "set title {} noenhanced\n"
      "set xlabel 'latency in microseconds'\n"
      "set ylabel '% of the operations'\n"
      "set logscale x\nset grid\nset yrange [0:100]\nunset key\n"
      "plot '-' using 1:2 with lines linewidth 2\n",
      quoted(svg_file), quoted(title));
  for (const auto& [us, share] : latency.curve()) script += fmt::format("{} {}\n", us, share * 100);
  script += "e\n";

  std::FILE* gnuplot = ::popen("gnuplot", "w");
  if (gnuplot == nullptr) throw failure("gnuplot", last_error());
  // What gnuplot did not read shows in its exit status.
  (void)!std::fwrite(script.data(), 1, script.size(), gnuplot);
  const int ended = ::pclose(gnuplot);
  constexpr int command_not_found = 127;  // of the shell
  if (WIFEXITED(ended) && WEXITSTATUS(ended) == command_not_found) {
    throw failure(exit_status::failed,
                  fmt::format("{}: gnuplot draws the plot, and it is not installed", svg_file));
  }
  if (ended != 0) throw failure(exit_status::failed, fmt::format("{}: gnuplot failed", svg_file));
}

}  // namespace conduit::cli

// Ours against a yardstick, in pairs taken in turn: on a machine that others use too, only a ratio
// of neighbours means anything.
#pragma once

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "settings.hpp"
#include "workload.hpp"

namespace conduit::bench {

enum class measure { rate, time, cpu };

struct goal {
  double ratio = 0;  // rates are to be at least that, times at most
  measure of = measure::rate;
};

// 0 of none: what was not measured.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// The samples of one measure, in pairs.
struct paired {
  std::vector<double> ours;
  std::vector<double> yardstick;

  std::vector<double> ratios() const {
    std::vector<double> result;
    for (std::size_t i = 0; i < ours.size(); ++i)
      result.push_back(yardstick[i] > 0 ? ours[i] / yardstick[i] : 0);
    return result;
  }
};

// One figure with its bar.
struct verdict {
  unsigned row = 0;
  std::string what;
  const char* unit = "ratio";
  double figure = 0;
  double bar = 0;
  bool at_most = false;
  nlohmann::json::object_t more;  // how it came about

  bool is_met() const { return at_most ? figure <= bar : figure >= bar; }
};

inline void keep(const settings& wanted, const verdict& found) {
  std::fflush(stdout);
  if (wanted.results.empty()) return;
  nlohmann::json line{{"row", found.row},     {"case", found.what},
                      {"unit", found.unit},   {"figure", found.figure},
                      {"bar", found.bar},     {"bar_is", found.at_most ? "at most" : "at least"},
                      {"met", found.is_met()}};
  line.update(nlohmann::json(found.more));
  std::ofstream file(wanted.results, std::ios::app);
  file << line.dump() << std::endl;
  require(file.good(), wanted.results.c_str());
}

inline void print_header() {
  std::printf("%3s  %-60s %10s %10s  %-5s %6s %14s %6s  %s\n", "row", "case", "ours", "yardstick",
              "unit", "ratio", "min..max", "goal", "cpu us/op, ratio");
}

// A figure without a yardstick.
inline void print_figure(const settings& wanted, const verdict& found) {
  std::printf("%3u  %-60s %10.4g %10s  %-5s %21s  %s%4.4g%s\n", found.row, found.what.c_str(),
              found.figure, "", found.unit, "", found.at_most ? "<=" : ">=", found.bar,
              found.is_met() ? "" : "  MISSED");
  keep(wanted, found);
}

// `found`: rates in operations a second, or times in microseconds, as the goal says. `cpu` may be
// empty where that is not known.
inline void print_comparison(const settings& wanted, unsigned row, const std::string& what,
                             goal aim, const paired& found, const paired& cpu) {
  const paired& judged = aim.of == measure::cpu ? cpu : found;
  const char* const unit = aim.of == measure::rate ? "op/s" : "us/op";
  const std::vector<double> ratios = judged.ratios();
  const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
  verdict result{row, what, "ratio", median(ratios), aim.ratio, aim.of != measure::rate, {}};
  result.more = {{"ours", median(judged.ours)},   {"yardstick", median(judged.yardstick)},
                 {"measured_in", unit},           {"ratios", ratios},
                 {"cpu_us_op", median(cpu.ours)}, {"yardstick_cpu_us_op", median(cpu.yardstick)}};
  std::printf("%3u  %-60s %10.4g %10.4g  %-5s %6.3f %6.3f..%6.3f %s%4.2f  %.3g / %.3g = %.3f%s\n",
              row, what.c_str(), median(judged.ours), median(judged.yardstick), unit, result.figure,
              *low, *high, result.at_most ? "<=" : ">=", aim.ratio, median(cpu.ours),
              median(cpu.yardstick), median(cpu.ratios()), result.is_met() ? "" : "  MISSED");
  keep(wanted, result);
}

// Calls `ours` and `yardstick` by turns, each answering with a sample, and prints a line. `before`
// runs ahead of each sample. The first pair warms up and does not count.
template <typename Ours, typename Yardstick, typename Before>
void compare(const settings& wanted, unsigned row, const std::string& what, goal aim, Ours ours,
             Yardstick yardstick, Before before) {
  paired rate;
  paired cpu;
  for (unsigned pair = 0; pair <= wanted.pairs; ++pair) {
    before();
    const sample mine = ours();
    before();
    const sample theirs = yardstick();
    if (pair == 0) continue;
    rate.ours.push_back(mine.rate);
    rate.yardstick.push_back(theirs.rate);
    cpu.ours.push_back(mine.cpu_us_op);
    cpu.yardstick.push_back(theirs.cpu_us_op);
  }
  print_comparison(wanted, row, what, aim, rate, cpu);
}

}  // namespace conduit::bench

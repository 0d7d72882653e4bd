#include "cli/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <sys/wait.h>

#include "cli/exit_status.hpp"

namespace conduit::cli {
namespace {

constexpr unsigned bits = 6;
constexpr std::uint64_t per_doubling = 1U << bits;
// Values below `per_doubling` have a bucket each; each further bit of a 64-bit value adds
// `per_doubling` buckets.
constexpr std::size_t bucket_count = (64 - bits + 1) * per_doubling;

}  // namespace

histogram::histogram() : counts_(bucket_count) {}

std::size_t histogram::bucket_of(std::uint64_t ns) noexcept {
  if (ns < per_doubling) return ns;
  const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - bits - 1;
  return (shift + 1) * per_doubling + ((ns >> shift) - per_doubling);
}

double histogram::upper_us(std::size_t bucket) noexcept {
  if (bucket < per_doubling) return static_cast<double>(bucket) / 1000;
  const auto shift = static_cast<int>(bucket / per_doubling) - 1;
  const auto top = static_cast<double>(per_doubling + bucket % per_doubling + 1);
  return std::ldexp(top, shift) / 1000;
}

void histogram::merge(const histogram& other) noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

double histogram::mean_us() const noexcept {
  return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_) / 1000;
}

double histogram::percentile_us(double share) const noexcept {
  const double wanted = share * static_cast<double>(count_);
  double below = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    below += static_cast<double>(counts_[i]);
    if (counts_[i] != 0 && below >= wanted) return std::min(upper_us(i), max_us());
  }
  return max_us();
}

std::vector<std::pair<double, double>> histogram::curve() const {
  std::vector<std::pair<double, double>> points;
  double below = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    if (counts_[i] == 0) continue;
    below += static_cast<double>(counts_[i]);
    points.emplace_back(std::min(upper_us(i), max_us()), below / static_cast<double>(count_));
  }
  return points;
}

namespace {

// gnuplot's single-quoted strings have one escape: a doubled quote.
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
  // If gnuplot does not read everything, its exit status shows it.
  (void)!std::fwrite(script.data(), 1, script.size(), gnuplot);
  const int ended = ::pclose(gnuplot);
  constexpr int command_not_found = 127;  // the shell's
  if (WIFEXITED(ended) && WEXITSTATUS(ended) == command_not_found) {
    throw failure(exit_status::failed,
                  fmt::format("{}: gnuplot draws the plot, and it is not installed", svg_file));
  }
  if (ended != 0) throw failure(exit_status::failed, fmt::format("{}: gnuplot failed", svg_file));
}

}  // namespace conduit::cli

#include "cli/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

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

}  // namespace conduit::cli

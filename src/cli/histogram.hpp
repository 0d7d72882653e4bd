// Latencies counted in buckets that grow with the latency: 64 to each doubling, so that a
// percentile is right within 1.6 % and memory does not grow with the run.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace conduit::cli {

class histogram {
 public:
  histogram();

  void add(std::uint64_t ns) noexcept {
    ++counts_[bucket_of(ns)];
    ++count_;
    sum_ns_ += ns;
    if (ns > max_ns_) max_ns_ = ns;
  }
  void merge(const histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  double mean_us() const noexcept;
  // `share` in [0, 1]: the latency that this share of all operations did not exceed.
  double percentile_us(double share) const noexcept;
  double max_us() const noexcept { return static_cast<double>(max_ns_) / 1000; }

  // Latency in µs and the share of operations that did not exceed it, where that share grows.
  std::vector<std::pair<double, double>> curve() const;

 private:
  static std::size_t bucket_of(std::uint64_t ns) noexcept;
  static double upper_us(std::size_t bucket) noexcept;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::uint64_t max_ns_ = 0;
};

// Draws the latencies of a benchmark with gnuplot. Throws `failure` if gnuplot is missing or
// rejects the file.
void plot_latency(const histogram& latency, const std::string& title, const std::string& svg_file);

}  // namespace conduit::cli

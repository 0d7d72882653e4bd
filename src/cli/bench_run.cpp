#include "cli/bench_run.hpp"

#include <sys/resource.h>
#include <vector>

namespace conduit::cli {
namespace {

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

bench_result measure(event_loops& loops, const bench_plan& plan, const bench_worker& worker) {
  using clock = bench_lane::clock;
  std::vector<histogram> latencies(loops.size());
  progress shown("ms", static_cast<std::uint64_t>(plan.seconds * 1000));
  const double cpu_before = cpu_seconds();
  const clock::time_point start = clock::now();
  const clock::time_point deadline = start + std::chrono::duration_cast<clock::duration>(
                                                 std::chrono::duration<double>(plan.seconds));
  loops.run(plan.concurrency, [&](unsigned index) {
    return worker(index, bench_lane(loops, latencies[index % loops.size()], start, deadline,
                                    index == 0 ? &shown : nullptr));
  });
  bench_result result;
  result.seconds = std::chrono::duration<double>(clock::now() - start).count();
  result.cpu_seconds = cpu_seconds() - cpu_before;
  for (const histogram& latency : latencies) result.latency.merge(latency);
  return result;
}

}  // namespace conduit::cli

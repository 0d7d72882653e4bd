// A fault at every call that a store makes to its disk. Normally a sample of the points. All of them: CONDUIT_FAULT_POINTS=all. Another
// sample: CONDUIT_SEED.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <string>

#include "support/fault_points.hpp"
#include "support/sanitizers.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

constexpr std::size_t sample_size = sanitized ? 100 : 500;

std::string setting(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

TEST_CASE("a fault at any call to the disk loses no acknowledged blob, hangs nothing and leaves the store usable") {
  const std::uint64_t seed = std::stoull(setting("CONDUIT_SEED", "20240229"));
  const bool all = setting("CONDUIT_FAULT_POINTS", "sample") == "all";
  const auto points = all_points(record_run());
  REQUIRE(points.size() > 2000);
  // Evenly over the run, from a random start, so that every kind of call is met.
  const std::size_t stride = all ? 1 : points.size() / sample_size;
  std::vector<fault_point> chosen;
  for (std::size_t i = std::mt19937_64(seed)() % stride; i < points.size(); i += stride) chosen.push_back(points[i]);
  const std::vector<point_report> reports = run_all(chosen);
  std::size_t hit = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    INFO("seed " << seed << ", " << chosen[i].to_string());
    for (const std::string& complaint : reports[i].complaints) UNSCOPED_INFO(complaint);
    CHECK(reports[i].complaints.empty());
    if (reports[i].hits != 0) ++hit;
  }
  CHECK(chosen.size() >= (all ? points.size() : sample_size));
  // Timing moves the calls of a run a little: the last ones may be missed.
  CHECK(hit >= chosen.size() * 9 / 10);
}

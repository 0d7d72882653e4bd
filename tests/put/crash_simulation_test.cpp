// Crashes of a store on a simulated disk. Normally some; CONDUIT_CRASH_STATES gives another number, CONDUIT_SEED another seed.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "support/crash_simulation.hpp"
#include "support/sanitizers.hpp"

using namespace conduit::test;

namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::stoull(value);
}

}  // namespace

TEST_CASE("no crash of a process or of the machine loses a promised blob, changes a byte or frees a location") {
  const std::uint64_t seed = setting("CONDUIT_SEED", 20240229);
  const std::size_t wanted = setting("CONDUIT_CRASH_STATES", sanitized ? 1000 : 5000);
  INFO("seed " << seed);
  const conduit::compression form = GENERATE(conduit::compression::none, conduit::compression::zstd);
  INFO((form == conduit::compression::zstd ? "compressed" : "plain"));
  const crash_report report = simulate_crashes(seed, wanted, form);
  for (const std::string& complaint : report.complaints) UNSCOPED_INFO(complaint);
  CHECK(report.complaints.empty());
  CHECK(report.crash_states >= wanted);
  // The simulation does find states in which blobs are gone that nobody promised.
  CHECK(report.blobs_promised > wanted);
  CHECK(report.blobs_lost > wanted / 100);
}

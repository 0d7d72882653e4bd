// What histories have reached, in sum: plain numbers, so that they can lie in shared memory and in
// a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "simulation/director.hpp"

namespace conduit::simulation {

struct totals {
  std::uint64_t histories = 0;
  std::uint64_t found = 0;
  std::uint64_t moments = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t reads_checked = 0;
  encounter_table encounters{};

  void add(const verdict& one) noexcept;
  totals& operator+=(const totals& other) noexcept;
};

// A line a trouble, a column an operation.
std::string to_string(const totals& sum);

// Adds to what the file holds, and writes it back; returns the sum.
totals keep(const std::filesystem::path& file, const totals& more);

}  // namespace conduit::simulation

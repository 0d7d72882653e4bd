// Reads all data files of a store and gathers what is wrong with them: what `verify` and `recover`
// have in common.
#pragma once

#include <asio/awaitable.hpp>
#include <conduit/flat_file_db.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace conduit::cli {

struct survey {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // stored
  std::uint64_t frames = 0;
  std::vector<verify_fault> faults;
};

asio::awaitable<survey> survey_files(flat_file_db db);

// "data file 7, frame 0, offset 4096: …"
std::string sentence_of(const verify_fault& fault);

}  // namespace conduit::cli

// Walks over the data files of a store, one file after the other: a check of all, for `verify` and
// `recover`, and the compression of sealed ones, for the commands that wait for it.
#pragma once

#include <asio/awaitable.hpp>
#include <conduit/flat_file_db.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <functional>
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

// ---- compression

using compression_listener = std::function<void(const file_compression&)>;

// Calls `done` after each file.
asio::awaitable<void> compress_files(flat_file_db db, std::vector<std::uint32_t> numbers,
                                     compression_listener done);

// Compresses every file that is sealed and plain now; skips files that are deleted meanwhile.
asio::awaitable<void> compress_sealed_files(flat_file_db db, compression_listener done);

}  // namespace conduit::cli

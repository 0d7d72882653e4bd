// Puts files into a store, many at a time: the common part of `put` and `import`.
#pragma once

#include <conduit/flat_file_db.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <system_error>

#include "cli/event_loops.hpp"
#include "cli/source_file.hpp"

namespace conduit::cli {

// The work to do. Every function is called from any of the loops' threads, several at once.
struct ingest_job {
  std::function<std::optional<source_file>()> next;  // the next file, opened; none at the end
  std::function<void(const source_file& file, const data_location& location)> stored;
  std::function<void(const source_file& file, const std::error_code& error)> unreadable;
  unsigned files_at_a_time = 1;
  std::uint64_t bytes_at_a_time =
      64U << 20;  // of file contents in memory; a larger file is taken alone
};

// Returns when `next` has no more files. Throws the first failure of the store, or of the job's
// functions.
void ingest(event_loops& loops, const flat_file_db& db, const ingest_job& job);

}  // namespace conduit::cli

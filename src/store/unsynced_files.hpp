// The files this store has written to and not yet synced, held open: a sync through another
// descriptor would not report the errors of these writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/unique_fd.hpp"
#include "io/file_io.hpp"

namespace conduit::detail {

// A data file open for appending.
struct append_file {
  std::uint32_t number = 0;
  unique_fd fd;
  std::uint64_t synced_end = 0;  // bytes that the writer knows to be synced
};

// For any thread.
class unsynced_files {
 public:
  // A file, and how often it had been written to: a sync that begins now covers these writes, and
  // no later one.
  struct entry {
    std::shared_ptr<append_file> file;
    std::uint64_t writes = 0;
  };

  // Around every write that nobody syncs. Between the two, and after a `begin_write` that has no
  // end, no sync covers it.
  void begin_write(const std::shared_ptr<append_file>& file);
  void end_write(const append_file& file) noexcept;

  std::vector<entry> all() const;
  // Nothing where all writes to it have been synced.
  std::optional<entry> find(const append_file& file) const;
  // A sync that began after `seen` was asked for has succeeded. The file stays where it was written
  // to meanwhile.
  void synced(const entry& seen) noexcept;

  // Nobody will read those again: there is nothing to sync, and held open they would keep their
  // space.
  void forget_deleted(io::file_io& disk);

  // A sync of this file, or of its entry, failed: whatever of it was not durable may be lost, and
  // no later sync can find out. There is no way back.
  void poison(std::uint32_t number) noexcept;
  bool poisoned() const noexcept { return lost_.load(std::memory_order_acquire) >= 0; }
  // The highest file that this was said of.
  std::optional<std::uint32_t> poisoned_number() const noexcept;

 private:
  struct tracked {
    entry known;
    bool writing = false;
  };

  mutable std::mutex mutex_;
  std::vector<tracked> files_;
  std::atomic<std::int64_t> lost_{-1};  // the highest number that was poisoned
};

}  // namespace conduit::detail

// The files that this store has written and not yet synced, held open: a sync through another
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
  // A file and the number of writes to it so far: a sync that begins now covers these writes, and
  // no later one.
  struct entry {
    std::shared_ptr<append_file> file;
    std::uint64_t writes = 0;
  };

  // Call them around every write that is not synced itself. Between the two calls, and after a
  // `begin_write` without an end, no sync covers the file.
  void begin_write(const std::shared_ptr<append_file>& file);
  void end_write(const append_file& file) noexcept;

  std::vector<entry> all() const;
  // Empty if all writes to the file have been synced.
  std::optional<entry> find(const append_file& file) const;
  // A sync that began after `seen` was taken has succeeded. The file stays if it was written to
  // meanwhile.
  void synced(const entry& seen) noexcept;

  // Forgets deleted files: there is nothing to sync, and open descriptors would keep their space.
  void forget_deleted(io::file_io& disk);

  // A sync of this file, or of its entry, failed: any part of it that was not durable may be lost,
  // and no later sync can find out. This is final.
  void poison(std::uint32_t number) noexcept;
  bool poisoned() const noexcept { return lost_.load(std::memory_order_acquire) >= 0; }
  // The highest poisoned number.
  std::optional<std::uint32_t> poisoned_number() const noexcept;

 private:
  struct tracked {
    entry known;
    bool writing = false;
  };

  mutable std::mutex mutex_;
  std::vector<tracked> files_;
  std::atomic<std::int64_t> lost_{-1};  // the highest poisoned number
};

}  // namespace conduit::detail

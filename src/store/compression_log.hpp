// The statistics of what this store has compressed since it was opened.
#pragma once

#include <conduit/reports.hpp>
#include <map>
#include <mutex>

namespace conduit::detail {

// For any thread.
class compression_log {
 public:
  // Adds to the totals of the file `part.number`. Without memory only the sum counts.
  void add(const file_compression& part) noexcept;
  compression_report report() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, file_compression> files_;
  file_compression sum_;
};

}  // namespace conduit::detail

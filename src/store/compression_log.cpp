#include "store/compression_log.hpp"

#include <new>

namespace conduit::detail {

namespace {

// The statistics of a store that runs for years must stay bounded.
constexpr std::size_t files_max = 1024;

void add_to(file_compression& sum, const file_compression& part) noexcept {
  sum.plain_bytes += part.plain_bytes;
  sum.stored_bytes += part.stored_bytes;
  sum.frames += part.frames;
  sum.encode_us += part.encode_us;
  sum.frame_bytes = part.frame_bytes;
  sum.level = part.level;
}

}  // namespace

void compression_log::add(const file_compression& part) noexcept {
  const std::lock_guard hold(mutex_);
  add_to(sum_, part);
  try {
    file_compression& file = files_[part.number];
    file.number = part.number;
    add_to(file, part);
  } catch (const std::bad_alloc&) {
    return;
  }
  if (files_.size() > files_max) files_.erase(files_.begin());
}

compression_report compression_log::report() const {
  const std::lock_guard hold(mutex_);
  compression_report all;
  all.files.reserve(files_.size());
  for (const auto& [number, file] : files_) all.files.push_back(file);
  all.sum = sum_;
  return all;
}

}  // namespace conduit::detail

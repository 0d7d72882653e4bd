// A disk of one file in memory: what the fuzz targets examine, mend and read. Every descriptor
// means that file.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "support/forwarding_disk.hpp"

namespace conduit::fuzz {

// Without a disk behind it: a call that is not overridden here ends the program.
class memory_disk final : public test::forwarding_disk {
 public:
  explicit memory_disk(std::span<const std::byte> file)
      : forwarding_disk(nullptr), file_(file.begin(), file.end()) {}

  const std::vector<std::byte>& file() const noexcept { return file_; }
  // Writes, truncations and syncs so far.
  std::size_t changes() const noexcept { return changes_; }

  std::int64_t read(int, void* data, std::size_t size, std::uint64_t offset,
                    io::cache_use) override {
    if (offset >= file_.size()) return 0;
    const std::size_t count = std::min(size, file_.size() - static_cast<std::size_t>(offset));
    if (count != 0) std::memcpy(data, file_.data() + offset, count);
    return static_cast<std::int64_t>(count);
  }
  std::int64_t write(int, const iovec* iov, unsigned count, std::uint64_t offset) override {
    ++changes_;
    std::uint64_t at = offset;
    for (const iovec& part : std::span(iov, count)) {
      if (at + part.iov_len > size_max) return -EFBIG;
      if (at + part.iov_len > file_.size())
        file_.resize(static_cast<std::size_t>(at + part.iov_len));
      if (part.iov_len != 0) std::memcpy(file_.data() + at, part.iov_base, part.iov_len);
      at += part.iov_len;
    }
    return static_cast<std::int64_t>(at - offset);
  }
  std::int64_t truncate(int, std::uint64_t size) override {
    ++changes_;
    if (size > size_max) return -EFBIG;
    file_.resize(static_cast<std::size_t>(size));
    return 0;
  }
  std::int64_t sync_data(int) override {
    ++changes_;
    return 0;
  }
  std::int64_t status(int, io::file_status& found) override {
    found = {};
    found.links = 1;
    found.size = file_.size();
    found.regular = true;
    return 0;
  }

 private:
  // More than any input leads to.
  static constexpr std::uint64_t size_max = 1U << 26U;

  std::vector<std::byte> file_;
  std::size_t changes_ = 0;
};

}  // namespace conduit::fuzz

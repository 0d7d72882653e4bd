// A disk that kills its own process with SIGKILL in the middle of a write to a compressed file: the
// torn end that a kill leaves where the kernel had copied only a part.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "support/forwarding_disk.hpp"

namespace conduit::test {

// Shared by all disks of a store. Only the writer's disk writes, and one write at a time.
struct tear_plan {
  std::uint64_t writes_before = 0;  // that are whole
  std::size_t least_bytes = 1;      // that are written of the torn one; a write of no more is whole
  std::mt19937_64 random;           // how much of it
};

class tearing_disk final : public forwarding_disk {
 public:
  tearing_disk(std::unique_ptr<io::file_io> real, std::shared_ptr<tear_plan> plan)
      : forwarding_disk(std::move(real)), plan_(std::move(plan)) {}

  std::int64_t open(int directory, const char* name, io::open_mode mode, unsigned permissions,
                    io::open_patience patience) override {
    const std::int64_t fd = forwarding_disk::open(directory, name, mode, permissions, patience);
    const bool for_writing = mode == io::open_mode::create || mode == io::open_mode::read_write;
    if (fd >= 0 && for_writing && std::string_view(name).ends_with(".zst"))
      compressed_.push_back(static_cast<int>(fd));
    return fd;
  }
  std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) override {
    tear_if_due(fd, {iov, count}, offset);
    return forwarding_disk::write(fd, iov, count, offset);
  }
  void start(detail::io_request& request) override {
    if (request.what == detail::io_request::kind::write)
      tear_if_due(request.fd, {request.iov, request.iov_count}, request.offset);
    forwarding_disk::start(request);
  }

 private:
  void tear_if_due(int fd, std::span<const iovec> parts, std::uint64_t offset) {
    if (std::find(compressed_.begin(), compressed_.end(), fd) == compressed_.end()) return;
    std::size_t size = 0;
    for (const iovec& part : parts) size += part.iov_len;
    if (size <= plan_->least_bytes) return;
    if (plan_->writes_before != 0) {
      --plan_->writes_before;
      return;
    }
    std::size_t left = plan_->least_bytes + plan_->random() % (size - plan_->least_bytes);
    for (const iovec& part : parts) {
      const iovec first{part.iov_base, std::min(part.iov_len, left)};
      static_cast<void>(forwarding_disk::write(fd, &first, 1, offset));
      offset += first.iov_len;
      left -= first.iov_len;
    }
    ::kill(::getpid(), SIGKILL);
  }

  std::shared_ptr<tear_plan> plan_;
  std::vector<int> compressed_;
};

}  // namespace conduit::test

// A disk that stops at chosen calls: a test's function runs before the call goes on to the real
// disk, on the thread that made it.
#pragma once

#include <cerrno>
#include <functional>
#include <memory>
#include <utility>

#include "support/forwarding_disk.hpp"

namespace conduit::test {

// Set before the store is opened, or while nothing runs; shared by all disks of a store.
struct disk_hooks {
  std::function<void(detail::io_request&)> before_start;
  std::function<void(detail::io_request&)> before_wait;
  std::function<void()> before_write;   // inline
  std::function<void()> before_create;  // of a data file or the lock file
  std::function<void()> before_remove;
  std::function<void()> before_list;
  std::function<void()> before_sync_data;  // on a helper thread
  bool cold = false;  // nothing is in the page cache, as far as `read_cached` tells
};

class hooked_disk final : public forwarding_disk {
 public:
  hooked_disk(std::unique_ptr<io::file_io> real, std::shared_ptr<const disk_hooks> hooks)
      : forwarding_disk(std::move(real)), hooks_(std::move(hooks)) {}

  void start(detail::io_request& request) override {
    if (hooks_->before_start) hooks_->before_start(request);
    forwarding_disk::start(request);
  }
  void wait(detail::io_request& request) noexcept override {
    if (hooks_->before_wait) hooks_->before_wait(request);
    forwarding_disk::wait(request);
  }
  std::int64_t read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    return hooks_->cold ? -EAGAIN : forwarding_disk::read_cached(fd, data, size, offset);
  }
  std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) override {
    if (hooks_->before_write) hooks_->before_write();
    return forwarding_disk::write(fd, iov, count, offset);
  }
  std::int64_t open(int directory, const char* name, io::open_mode mode, unsigned permissions,
                    io::open_patience patience) override {
    if (mode == io::open_mode::create && hooks_->before_create) hooks_->before_create();
    return forwarding_disk::open(directory, name, mode, permissions, patience);
  }
  std::int64_t remove(int directory, const char* name) override {
    if (hooks_->before_remove) hooks_->before_remove();
    return forwarding_disk::remove(directory, name);
  }
  std::int64_t list(int directory, std::vector<std::string>& names) override {
    if (hooks_->before_list) hooks_->before_list();
    return forwarding_disk::list(directory, names);
  }
  std::int64_t sync_data(int fd) override {
    if (hooks_->before_sync_data) hooks_->before_sync_data();
    return forwarding_disk::sync_data(fd);
  }

 private:
  std::shared_ptr<const disk_hooks> hooks_;
};

// For `store_on_disk`.
inline auto hooked(std::shared_ptr<const disk_hooks> hooks) {
  return [hooks](std::unique_ptr<io::file_io> real) -> std::unique_ptr<io::file_io> {
    return std::make_unique<hooked_disk>(std::move(real), hooks);
  };
}

}  // namespace conduit::test

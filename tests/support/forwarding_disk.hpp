// A disk that hands every call on to the real one: the base of disks that fail, wait or count.
#pragma once

#include <memory>
#include <utility>

#include "io/file_io.hpp"

namespace conduit::test {

class forwarding_disk : public io::file_io {
 public:
  explicit forwarding_disk(std::unique_ptr<io::file_io> real) : real_(std::move(real)) {}

  void start(detail::io_request& request) override { real_->start(request); }
  void complete_later(detail::io_request& request) override { real_->complete_later(request); }
  void cancel(detail::io_request& request) noexcept override { real_->cancel(request); }
  void wait(detail::io_request& request) noexcept override { real_->wait(request); }
  bool idle() const noexcept override { return real_->idle(); }
  io::fixed_file fix(int fd) noexcept override { return real_->fix(fd); }

  std::int64_t read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    return real_->read_cached(fd, data, size, offset);
  }
  std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset,
                    io::cache_use use) override {
    return real_->read(fd, data, size, offset, use);
  }
  std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) override {
    return real_->write(fd, iov, count, offset);
  }
  std::int64_t sync_data(int fd) override { return real_->sync_data(fd); }
  std::int64_t begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) override {
    return real_->begin_write_back(fd, offset, size);
  }
  std::int64_t unwritten_bytes(int fd, std::uint64_t offset, std::uint64_t size) override {
    return real_->unwritten_bytes(fd, offset, size);
  }
  std::int64_t sync_directory(int fd) override { return real_->sync_directory(fd); }
  std::int64_t sync_parent(int directory) override { return real_->sync_parent(directory); }
  std::int64_t truncate(int fd, std::uint64_t size) override { return real_->truncate(fd, size); }
  std::int64_t remove(int directory, const char* name) override {
    return real_->remove(directory, name);
  }
  std::int64_t link(int fd, int directory, const char* name) override {
    return real_->link(fd, directory, name);
  }
  std::int64_t copy_permissions(int from, int to) override {
    return real_->copy_permissions(from, to);
  }
  std::int64_t list(int directory, std::vector<std::string>& names) override {
    return real_->list(directory, names);
  }
  std::int64_t open(int directory, const char* name, io::open_mode mode, unsigned permissions,
                    io::open_patience patience) override {
    return real_->open(directory, name, mode, permissions, patience);
  }
  std::int64_t status(int fd, io::file_status& found) override { return real_->status(fd, found); }
  std::int64_t status_at(int directory, const char* name, io::file_status& found) override {
    return real_->status_at(directory, name, found);
  }
  std::int64_t try_lock(int fd) override { return real_->try_lock(fd); }
  std::int64_t try_lock_shared(int fd) override { return real_->try_lock_shared(fd); }
  std::int64_t unlock(int fd) override { return real_->unlock(fd); }

 private:
  std::unique_ptr<io::file_io> real_;
};

}  // namespace conduit::test

// `file_io` by system calls, with an engine for the asynchronous ones.
#pragma once

#include "io/engine.hpp"
#include "io/file_io.hpp"

namespace conduit::io {

class system_io final : public file_io {
 public:
  explicit system_io(engine& carrier) noexcept : engine_(carrier) {}

  void start(detail::io_request& request) override { engine_.start(request); }
  void complete_later(detail::io_request& request) override { engine_.complete_later(request); }
  void cancel(detail::io_request& request) noexcept override { engine_.cancel(request); }
  void wait(detail::io_request& request) noexcept override { engine_.wait(request); }
  bool idle() const noexcept override { return engine_.idle(); }
  fixed_file fix(int fd) noexcept override { return engine_.fix(fd); }

  std::int64_t read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) override;
  std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset,
                    cache_use use = cache_use::keep) override;
  std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) override;
  std::int64_t sync_data(int fd) override;
  std::int64_t begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) override;
  std::int64_t unwritten_bytes(int fd, std::uint64_t offset, std::uint64_t size) override;
  std::int64_t sync_directory(int fd) override;
  std::int64_t sync_parent(int directory) override;
  std::int64_t truncate(int fd, std::uint64_t size) override;
  std::int64_t remove(int directory, const char* name) override;
  std::int64_t link(int fd, int directory, const char* name) override;
  std::int64_t copy_permissions(int from, int to) override;
  std::int64_t list(int directory, std::vector<std::string>& names) override;
  std::int64_t open(int directory, const char* name, open_mode mode, unsigned permissions,
                    open_patience patience = open_patience::may_block) override;
  std::int64_t status(int fd, file_status& found) override;
  std::int64_t status_at(int directory, const char* name, file_status& found) override;
  std::int64_t try_lock(int fd) override;
  std::int64_t try_lock_shared(int fd) override;
  std::int64_t unlock(int fd) override;

 private:
  engine& engine_;
};

}  // namespace conduit::io

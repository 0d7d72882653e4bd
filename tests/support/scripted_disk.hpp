// A disk that does what a script says, in front of the real one. The one way in which tests make a
// store's disk fail, wait, or tell what it was asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/file_io.hpp"
#include "support/disk_script.hpp"

namespace conduit::test {

class scripted_disk final : public io::file_io {
 public:
  scripted_disk(std::unique_ptr<io::file_io> inner, std::shared_ptr<disk_script> script)
      : inner_(std::move(inner)), script_(std::move(script)) {}

  void start(detail::io_request& request) override;
  void complete_later(detail::io_request& request) override { inner_->complete_later(request); }
  void cancel(detail::io_request& request) noexcept override { inner_->cancel(request); }
  void wait(detail::io_request& request) noexcept override;
  bool idle() const noexcept override { return inner_->idle(); }
  io::fixed_file fix(int fd) noexcept override { return inner_->fix(fd); }

  std::int64_t read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) override;
  std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset,
                    io::cache_use use = io::cache_use::keep) override;
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
  std::int64_t open(int directory, const char* name, io::open_mode mode, unsigned permissions,
                    io::open_patience patience) override;
  std::int64_t status(int fd, io::file_status& found) override;
  std::int64_t status_at(int directory, const char* name, io::file_status& found) override;
  std::int64_t try_lock(int fd) override;
  std::int64_t try_lock_shared(int fd) override;
  std::int64_t unlock(int fd) override;

 private:
  std::int64_t short_read(int fd, void* data, std::size_t size, std::uint64_t offset,
                          const fault& how);
  std::int64_t short_write(int fd, const iovec* iov, unsigned count, std::uint64_t offset,
                           const fault& how);

  const std::unique_ptr<io::file_io> inner_;
  const std::shared_ptr<disk_script> script_;
};

// For `environment::wrap_disk`: gives each disk of a store the script.
inline auto scripted(std::shared_ptr<disk_script> script) {
  return [script = std::move(script)](
             std::unique_ptr<io::file_io> inner) -> std::unique_ptr<io::file_io> {
    return std::make_unique<scripted_disk>(std::move(inner), script);
  };
}

}  // namespace conduit::test

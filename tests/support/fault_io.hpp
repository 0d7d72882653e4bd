// A disk that fails on demand: it stands before the real one, writes down every call that passes,
// and answers those that a rule picks with an error or a short transfer. What a test may do to the
// store's disk stands here.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_io.hpp"

namespace conduit::test {

enum class io_call : std::uint8_t {
  start_read,
  start_write,
  start_sync,
  read_cached,
  read,
  write,
  sync_data,
  begin_write_back,
  unwritten_bytes,
  sync_directory,
  sync_parent,
  truncate,
  remove,
  link,
  copy_permissions,
  list,
  open,
  status,
  status_at,
  try_lock,
  try_lock_shared,
  unlock
};
std::string_view name_of(io_call kind) noexcept;

// One call through the seam.
struct seen_call {
  std::size_t index = 0;  // in order of arrival, over all disks of a script
  io_call kind = io_call::status;
  int fd = -1;         // the file, or the directory of a name
  std::string file{};  // the name given, or the one under which `fd` was opened; empty for the
                       // directory itself
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // bytes asked for; the new size of a truncation
  bool creates = false;    // an `open` of a new file

  std::string to_string() const;
};

// What the caller gets instead of the truth. A short transfer moves what it says.
struct fault {
  enum class kind : std::uint8_t { error, short_by_one, short_half, nothing };

  kind what = kind::error;
  int error = 0;  // errno of `error`

  static fault with_error(int code) noexcept { return {kind::error, code}; }
};

// Whether the kernel could answer such a call that way at all.
bool applies(const fault& what, io_call to) noexcept;

// The record of calls and the rule for answering them, shared by the disks of one store, or of
// several. Thread-safe.
class fault_script {
 public:
  // Called before each call, from the thread that makes it, one at a time; it may do things to the
  // disk behind the store's back. Must not touch the script.
  using rule = std::function<std::optional<fault>(const seen_call&)>;

  // Replaces the rule; an empty one lets everything pass.
  void set_rule(rule next);
  // Answers the call of this index with a fault, `sticky` also all later ones that the fault
  // applies to.
  void fail_at(std::size_t index, fault what, bool sticky);
  // Answers the next call of this kind, of files whose name ends in `suffix`, with a fault: once,
  // or each time.
  void fail_next(io_call kind, fault what, std::string suffix = {});
  void fail_every(io_call kind, fault what, std::string suffix = {});

  std::vector<seen_call> calls() const;
  std::size_t count() const;
  // How many calls were answered with a fault.
  std::size_t hits() const;
  void forget_calls();

  // For `environment::wrap_disk`.
  static std::function<std::unique_ptr<io::file_io>(std::unique_ptr<io::file_io>)> wrapper(
      std::shared_ptr<fault_script> script);

 private:
  friend class fault_io;
  std::optional<fault> admit(seen_call call);
  void opened(int fd, const char* name);

  mutable std::mutex mutex_;
  rule rule_;
  std::vector<seen_call> calls_;
  std::map<int, std::string>
      names_;  // of descriptors; a number that was closed and came back has its new name
  std::size_t next_index_ = 0;
  std::size_t hits_ = 0;
};

class fault_io final : public io::file_io {
 public:
  fault_io(std::unique_ptr<io::file_io> inner, std::shared_ptr<fault_script> script)
      : inner_(std::move(inner)), script_(std::move(script)) {}

  void start(detail::io_request& request) override;
  void complete_later(detail::io_request& request) override { inner_->complete_later(request); }
  void cancel(detail::io_request& request) noexcept override { inner_->cancel(request); }
  void wait(detail::io_request& request) noexcept override { inner_->wait(request); }
  bool idle() const noexcept override { return inner_->idle(); }

  std::int64_t read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) override;
  std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset) override;
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
  void start_pair(detail::io_request& write, const std::optional<fault>& at_write,
                  const std::optional<fault>& at_sync);
  std::int64_t short_read(int fd, void* data, std::size_t size, std::uint64_t offset,
                          const fault& how);
  std::int64_t short_write(int fd, const iovec* iov, unsigned count, std::uint64_t offset,
                           const fault& how);

  const std::unique_ptr<io::file_io> inner_;
  const std::shared_ptr<fault_script> script_;
};

}  // namespace conduit::test

#include "support/fault_io.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace conduit::test {

using detail::io_request;

namespace {

std::uint64_t bytes_of(const iovec* iov, unsigned count) noexcept {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < count; ++i) sum += iov[i].iov_len;
  return sum;
}

// How many bytes a transfer of `size` moves under the fault.
// Never none of several: that is the end of a file.
std::uint64_t moved(const fault& how, std::uint64_t size) noexcept {
  switch (how.what) {
    case fault::kind::short_by_one:
      return size <= 1 ? size : size - 1;
    case fault::kind::short_half:
      return size - size / 2;
    case fault::kind::error:
    case fault::kind::nothing:
      break;
  }
  return 0;
}

bool is_transfer(io_call kind) noexcept {
  switch (kind) {
    case io_call::start_read:
    case io_call::start_write:
    case io_call::read_cached:
    case io_call::read:
    case io_call::write:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view name_of(io_call kind) noexcept {
  constexpr std::array<std::string_view, 22> names{"start_read",
                                                   "start_write",
                                                   "start_sync",
                                                   "read_cached",
                                                   "read",
                                                   "write",
                                                   "sync_data",
                                                   "begin_write_back",
                                                   "unwritten_bytes",
                                                   "sync_directory",
                                                   "sync_parent",
                                                   "truncate",
                                                   "remove",
                                                   "link",
                                                   "copy_permissions",
                                                   "list",
                                                   "open",
                                                   "status",
                                                   "status_at",
                                                   "try_lock",
                                                   "try_lock_shared",
                                                   "unlock"};
  return names.at(static_cast<std::size_t>(kind));
}

std::string seen_call::to_string() const {
  return std::to_string(index) + ": " + std::string(name_of(kind)) +
         (creates ? " (create) " : " ") + file + " at " + std::to_string(offset) + " of " +
         std::to_string(size);
}

bool applies(const fault& what, io_call to) noexcept {
  return what.what == fault::kind::error || is_transfer(to);
}

void fault_script::set_rule(rule next) {
  const std::lock_guard hold(mutex_);
  rule_ = std::move(next);
}

void fault_script::fail_at(std::size_t index, fault what, bool sticky) {
  set_rule([index, what, sticky](const seen_call& call) -> std::optional<fault> {
    const bool here = call.index == index || (sticky && call.index > index);
    if (!here || !applies(what, call.kind)) return std::nullopt;
    return what;
  });
}

void fault_script::fail_next(io_call kind, fault what, std::string suffix) {
  set_rule([kind, what, suffix = std::move(suffix),
            done = false](const seen_call& call) mutable -> std::optional<fault> {
    if (done || call.kind != kind || !call.file.ends_with(suffix)) return std::nullopt;
    done = true;
    return what;
  });
}

void fault_script::fail_every(io_call kind, fault what, std::string suffix) {
  set_rule([kind, what, suffix = std::move(suffix)](const seen_call& call) -> std::optional<fault> {
    if (call.kind != kind || !call.file.ends_with(suffix)) return std::nullopt;
    return what;
  });
}

std::vector<seen_call> fault_script::calls() const {
  const std::lock_guard hold(mutex_);
  return calls_;
}

std::size_t fault_script::count() const {
  const std::lock_guard hold(mutex_);
  return next_index_;
}

std::size_t fault_script::hits() const {
  const std::lock_guard hold(mutex_);
  return hits_;
}

void fault_script::forget_calls() {
  const std::lock_guard hold(mutex_);
  calls_.clear();
}

std::function<std::unique_ptr<io::file_io>(std::unique_ptr<io::file_io>)> fault_script::wrapper(
    std::shared_ptr<fault_script> script) {
  return [script = std::move(script)](
             std::unique_ptr<io::file_io> inner) -> std::unique_ptr<io::file_io> {
    return std::make_unique<fault_io>(std::move(inner), script);
  };
}

std::optional<fault> fault_script::admit(seen_call call) {
  const std::lock_guard hold(mutex_);
  call.index = next_index_++;
  if (call.file.empty()) {
    const auto known = names_.find(call.fd);
    if (known != names_.end() && call.kind != io_call::sync_directory &&
        call.kind != io_call::sync_parent && call.kind != io_call::list)
      call.file = known->second;
  }
  calls_.push_back(call);
  auto answer = rule_ ? rule_(call) : std::nullopt;
  if (answer && !applies(*answer, call.kind)) answer.reset();
  if (answer) ++hits_;
  return answer;
}

void fault_script::opened(int fd, const char* name) {
  const std::lock_guard hold(mutex_);
  names_[fd] = name;
}

void fault_io::start(io_request& request) {
  switch (request.what) {
    case io_request::kind::read: {
      const auto answer =
          script_->admit({0, io_call::start_read, request.fd, {}, request.offset, request.size});
      if (!answer) return inner_->start(request);
      request.result = short_read(request.fd, request.data, request.size, request.offset, *answer);
      return inner_->complete_later(request);
    }
    case io_request::kind::write: {
      const std::uint64_t size = bytes_of(request.iov, request.iov_count);
      const auto answer =
          script_->admit({0, io_call::start_write, request.fd, {}, request.offset, size});
      if (request.linked != nullptr) {
        return start_pair(request, answer,
                          script_->admit({0, io_call::start_sync, request.linked->fd}));
      }
      if (!answer) return inner_->start(request);
      request.result =
          short_write(request.fd, request.iov, request.iov_count, request.offset, *answer);
      return inner_->complete_later(request);
    }
    case io_request::kind::sync_data: {
      const auto answer = script_->admit({0, io_call::start_sync, request.fd});
      if (!answer) return inner_->start(request);
      request.result = -answer->error;
      return inner_->complete_later(request);
    }
  }
}

// The pair breaks as it does in the kernel: anything but a whole write cancels the sync.
void fault_io::start_pair(io_request& write, const std::optional<fault>& at_write,
                          const std::optional<fault>& at_sync) {
  if (!at_write && !at_sync) return inner_->start(write);
  io_request& sync = *write.linked;
  write.result = at_write
                     ? short_write(write.fd, write.iov, write.iov_count, write.offset, *at_write)
                     : inner_->write(write.fd, write.iov, write.iov_count, write.offset);
  const bool whole =
      write.result == static_cast<std::int64_t>(bytes_of(write.iov, write.iov_count));
  sync.result = !whole ? -ECANCELED : at_sync ? -at_sync->error : inner_->sync_data(sync.fd);
  // Each is delivered by itself from here on.
  write.linked = nullptr;
  inner_->complete_later(write);
  inner_->complete_later(sync);
}

// Through memory of its own: a short transfer must leave the rest of the caller's alone, and
// O_DIRECT cannot read an odd length.
std::int64_t fault_io::short_read(int fd, void* data, std::size_t size, std::uint64_t offset,
                                  const fault& how) {
  if (how.what == fault::kind::error) return -how.error;
  constexpr std::size_t block = 4096;
  const std::size_t rounded = (size + block) / block * block;
  const std::unique_ptr<void, void (*)(void*)> memory(std::aligned_alloc(block, rounded),
                                                      std::free);
  const std::int64_t count = inner_->read(fd, memory.get(), size, offset);
  if (count <= 0) return count;
  const std::int64_t kept = std::min(count, static_cast<std::int64_t>(moved(how, size)));
  std::memcpy(data, memory.get(), static_cast<std::size_t>(kept));
  return kept;
}

std::int64_t fault_io::short_write(int fd, const iovec* iov, unsigned count, std::uint64_t offset,
                                   const fault& how) {
  if (how.what == fault::kind::error) return -how.error;
  std::uint64_t left = moved(how, bytes_of(iov, count));
  std::vector<iovec> parts;
  for (unsigned i = 0; i < count && left != 0; ++i) {
    parts.push_back({iov[i].iov_base, std::min<std::size_t>(iov[i].iov_len, left)});
    left -= parts.back().iov_len;
  }
  return parts.empty()
             ? 0
             : inner_->write(fd, parts.data(), static_cast<unsigned>(parts.size()), offset);
}

std::int64_t fault_io::read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) {
  const auto answer = script_->admit({0, io_call::read_cached, fd, {}, offset, size});
  return answer ? short_read(fd, data, size, offset, *answer)
                : inner_->read_cached(fd, data, size, offset);
}

std::int64_t fault_io::read(int fd, void* data, std::size_t size, std::uint64_t offset) {
  const auto answer = script_->admit({0, io_call::read, fd, {}, offset, size});
  return answer ? short_read(fd, data, size, offset, *answer)
                : inner_->read(fd, data, size, offset);
}

std::int64_t fault_io::write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) {
  const auto answer = script_->admit({0, io_call::write, fd, {}, offset, bytes_of(iov, count)});
  return answer ? short_write(fd, iov, count, offset, *answer)
                : inner_->write(fd, iov, count, offset);
}

std::int64_t fault_io::sync_data(int fd) {
  const auto answer = script_->admit({0, io_call::sync_data, fd});
  return answer ? -answer->error : inner_->sync_data(fd);
}

std::int64_t fault_io::begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) {
  const auto answer = script_->admit({0, io_call::begin_write_back, fd, {}, offset, size});
  return answer ? -answer->error : inner_->begin_write_back(fd, offset, size);
}

std::int64_t fault_io::unwritten_bytes(int fd, std::uint64_t offset, std::uint64_t size) {
  const auto answer = script_->admit({0, io_call::unwritten_bytes, fd, {}, offset, size});
  return answer ? -answer->error : inner_->unwritten_bytes(fd, offset, size);
}

std::int64_t fault_io::sync_directory(int fd) {
  const auto answer = script_->admit({0, io_call::sync_directory, fd});
  return answer ? -answer->error : inner_->sync_directory(fd);
}

std::int64_t fault_io::sync_parent(int directory) {
  const auto answer = script_->admit({0, io_call::sync_parent, directory});
  return answer ? -answer->error : inner_->sync_parent(directory);
}

std::int64_t fault_io::truncate(int fd, std::uint64_t size) {
  const auto answer = script_->admit({0, io_call::truncate, fd, {}, 0, size});
  return answer ? -answer->error : inner_->truncate(fd, size);
}

std::int64_t fault_io::remove(int directory, const char* name) {
  const auto answer = script_->admit({0, io_call::remove, directory, name});
  return answer ? -answer->error : inner_->remove(directory, name);
}

std::int64_t fault_io::link(int fd, int directory, const char* name) {
  const auto answer = script_->admit({0, io_call::link, fd, name});
  return answer ? -answer->error : inner_->link(fd, directory, name);
}

std::int64_t fault_io::copy_permissions(int from, int to) {
  const auto answer = script_->admit({0, io_call::copy_permissions, to});
  return answer ? -answer->error : inner_->copy_permissions(from, to);
}

std::int64_t fault_io::list(int directory, std::vector<std::string>& names) {
  const auto answer = script_->admit({0, io_call::list, directory});
  return answer ? -answer->error : inner_->list(directory, names);
}

std::int64_t fault_io::open(int directory, const char* name, io::open_mode mode,
                            unsigned permissions, io::open_patience patience) {
  const bool creates = mode == io::open_mode::create || mode == io::open_mode::unnamed;
  const auto answer = script_->admit({0, io_call::open, directory, name, 0, 0, creates});
  if (answer) return -answer->error;
  const std::int64_t fd = inner_->open(directory, name, mode, permissions, patience);
  if (fd >= 0) script_->opened(static_cast<int>(fd), name);
  return fd;
}

std::int64_t fault_io::status(int fd, io::file_status& found) {
  const auto answer = script_->admit({0, io_call::status, fd});
  return answer ? -answer->error : inner_->status(fd, found);
}

std::int64_t fault_io::status_at(int directory, const char* name, io::file_status& found) {
  const auto answer = script_->admit({0, io_call::status_at, directory, name});
  return answer ? -answer->error : inner_->status_at(directory, name, found);
}

std::int64_t fault_io::try_lock(int fd) {
  const auto answer = script_->admit({0, io_call::try_lock, fd});
  return answer ? -answer->error : inner_->try_lock(fd);
}

std::int64_t fault_io::try_lock_shared(int fd) {
  const auto answer = script_->admit({0, io_call::try_lock_shared, fd});
  return answer ? -answer->error : inner_->try_lock_shared(fd);
}

// The kernel cannot fail to unlock: whatever is answered, the lock is free.
std::int64_t fault_io::unlock(int fd) {
  const auto answer = script_->admit({0, io_call::unlock, fd});
  const std::int64_t result = inner_->unlock(fd);
  return answer ? -answer->error : result;
}

}  // namespace conduit::test

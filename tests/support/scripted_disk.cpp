#include "support/scripted_disk.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

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
    case fault::kind::torn:
      return std::min(how.bytes, size);
    case fault::kind::error:
    case fault::kind::nothing:
    case fault::kind::withheld:
      break;
  }
  return 0;
}

}  // namespace

void scripted_disk::start(io_request& request) {
  seen_call call{0, io_call::start_sync, request.fd};
  if (request.what == io_request::kind::read)
    call = {0, io_call::start_read, request.fd, {}, request.offset, request.size};
  if (request.what == io_request::kind::write)
    call = {0,  io_call::start_write, request.fd,
            {}, request.offset,       bytes_of(request.iov, request.iov_count)};
  const auto answer = script_->admit(std::move(call));
  if (answer && answer->what == fault::kind::withheld)
    return script_->withhold([this, &request] { inner_->start(request); });
  if (!answer) return inner_->start(request);
  switch (request.what) {
    case io_request::kind::read:
      request.result = short_read(request.fd, request.data, request.size, request.offset, *answer);
      break;
    case io_request::kind::write:
      request.result =
          short_write(request.fd, request.iov, request.iov_count, request.offset, *answer);
      break;
    case io_request::kind::sync_data:
      request.result = -answer->error;
      break;
  }
  inner_->complete_later(request);
}

void scripted_disk::wait(io_request& request) noexcept {
  static_cast<void>(script_->admit({0, io_call::wait, request.fd}));
  inner_->wait(request);
}

// Through memory of its own: a short transfer must leave the rest of the caller's alone, and
// O_DIRECT cannot read an odd length.
std::int64_t scripted_disk::short_read(int fd, void* data, std::size_t size, std::uint64_t offset,
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

std::int64_t scripted_disk::short_write(int fd, const iovec* iov, unsigned count,
                                        std::uint64_t offset, const fault& how) {
  if (how.what == fault::kind::error) return -how.error;
  std::uint64_t left = moved(how, bytes_of(iov, count));
  std::vector<iovec> parts;
  for (unsigned i = 0; i < count && left != 0; ++i) {
    parts.push_back({iov[i].iov_base, std::min<std::size_t>(iov[i].iov_len, left)});
    left -= parts.back().iov_len;
  }
  const std::int64_t written =
      parts.empty() ? 0
                    : inner_->write(fd, parts.data(), static_cast<unsigned>(parts.size()), offset);
  if (how.what == fault::kind::torn) ::kill(::getpid(), SIGKILL);
  return written;
}

std::int64_t scripted_disk::read_cached(int fd, void* data, std::size_t size,
                                        std::uint64_t offset) {
  const auto answer = script_->admit({0, io_call::read_cached, fd, {}, offset, size});
  return answer ? short_read(fd, data, size, offset, *answer)
                : inner_->read_cached(fd, data, size, offset);
}

std::int64_t scripted_disk::read(int fd, void* data, std::size_t size, std::uint64_t offset,
                                 io::cache_use use) {
  const auto answer = script_->admit({0, io_call::read, fd, {}, offset, size});
  return answer ? short_read(fd, data, size, offset, *answer)
                : inner_->read(fd, data, size, offset, use);
}

std::int64_t scripted_disk::write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) {
  const auto answer = script_->admit({0, io_call::write, fd, {}, offset, bytes_of(iov, count)});
  return answer ? short_write(fd, iov, count, offset, *answer)
                : inner_->write(fd, iov, count, offset);
}

std::int64_t scripted_disk::sync_data(int fd) {
  const auto answer = script_->admit({0, io_call::sync_data, fd});
  return answer ? -answer->error : inner_->sync_data(fd);
}

std::int64_t scripted_disk::begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) {
  const auto answer = script_->admit({0, io_call::begin_write_back, fd, {}, offset, size});
  return answer ? -answer->error : inner_->begin_write_back(fd, offset, size);
}

std::int64_t scripted_disk::unwritten_bytes(int fd, std::uint64_t offset, std::uint64_t size) {
  const auto answer = script_->admit({0, io_call::unwritten_bytes, fd, {}, offset, size});
  return answer ? -answer->error : inner_->unwritten_bytes(fd, offset, size);
}

std::int64_t scripted_disk::sync_directory(int fd) {
  const auto answer = script_->admit({0, io_call::sync_directory, fd});
  return answer ? -answer->error : inner_->sync_directory(fd);
}

std::int64_t scripted_disk::sync_parent(int directory) {
  const auto answer = script_->admit({0, io_call::sync_parent, directory});
  return answer ? -answer->error : inner_->sync_parent(directory);
}

std::int64_t scripted_disk::truncate(int fd, std::uint64_t size) {
  const auto answer = script_->admit({0, io_call::truncate, fd, {}, 0, size});
  return answer ? -answer->error : inner_->truncate(fd, size);
}

std::int64_t scripted_disk::remove(int directory, const char* name) {
  const auto answer = script_->admit({0, io_call::remove, directory, name});
  return answer ? -answer->error : inner_->remove(directory, name);
}

std::int64_t scripted_disk::link(int fd, int directory, const char* name) {
  const auto answer = script_->admit({0, io_call::link, fd, name});
  return answer ? -answer->error : inner_->link(fd, directory, name);
}

std::int64_t scripted_disk::copy_permissions(int from, int to) {
  const auto answer = script_->admit({0, io_call::copy_permissions, to});
  return answer ? -answer->error : inner_->copy_permissions(from, to);
}

std::int64_t scripted_disk::list(int directory, std::vector<std::string>& names) {
  const auto answer = script_->admit({0, io_call::list, directory});
  return answer ? -answer->error : inner_->list(directory, names);
}

std::int64_t scripted_disk::open(int directory, const char* name, io::open_mode mode,
                                 unsigned permissions, io::open_patience patience) {
  const bool creates = mode == io::open_mode::create || mode == io::open_mode::unnamed;
  const bool cached_only = patience == io::open_patience::cached_only;
  const auto answer =
      script_->admit({0, io_call::open, directory, name, 0, 0, creates, cached_only});
  if (answer) return -answer->error;
  const std::int64_t fd = inner_->open(directory, name, mode, permissions, patience);
  if (fd >= 0) script_->opened(static_cast<int>(fd), name);
  return fd;
}

std::int64_t scripted_disk::status(int fd, io::file_status& found) {
  const auto answer = script_->admit({0, io_call::status, fd});
  return answer ? -answer->error : inner_->status(fd, found);
}

std::int64_t scripted_disk::status_at(int directory, const char* name, io::file_status& found) {
  const auto answer = script_->admit({0, io_call::status_at, directory, name});
  return answer ? -answer->error : inner_->status_at(directory, name, found);
}

std::int64_t scripted_disk::try_lock(int fd) {
  const auto answer = script_->admit({0, io_call::try_lock, fd});
  return answer ? -answer->error : inner_->try_lock(fd);
}

std::int64_t scripted_disk::try_lock_shared(int fd) {
  const auto answer = script_->admit({0, io_call::try_lock_shared, fd});
  return answer ? -answer->error : inner_->try_lock_shared(fd);
}

// The kernel cannot fail to unlock: whatever is answered, the lock is free.
std::int64_t scripted_disk::unlock(int fd) {
  const auto answer = script_->admit({0, io_call::unlock, fd});
  const std::int64_t result = inner_->unlock(fd);
  return answer ? -answer->error : result;
}

}  // namespace conduit::test

// What stands in files: reads, writes, syncs.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "simulation/calls/answers.hpp"
#include "simulation/calls/places.hpp"
#include "simulation/calls/real.hpp"
#include "simulation/world/change_queue.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/transfers.hpp"

using namespace conduit::simulation;

namespace {

std::int64_t sync_and_wait(open_file& file, kernel_call as) {
  const nanoseconds time = time_of_sync(*file.node);
  // It covers what was written before it began.
  const std::int64_t result = sync_file(file, as);
  if (time != 0) park(channel_of(current_task()), the_world().now + time);
  // Felt only now.
  if (result < 0) note_trouble();
  return result;
}

std::int64_t read_ours(description& what, void* to, std::size_t size) {
  for (;;) {
    const std::int64_t count = what.read(to, size);
    if (count != -EAGAIN || !what.blocking) return count;
    park(channel_of(&what));
  }
}

}  // namespace

extern "C" {

ssize_t read(int fd, void* to, std::size_t size) {
  description* const what = description_of(fd);
  if (what == nullptr) return CONDUIT_REAL(read)(fd, to, size);
  enter("read");
  return answered<ssize_t>(read_ours(*what, to, size));
}

ssize_t write(int fd, const void* from, std::size_t size) {
  description* const what = description_of(fd);
  if (what == nullptr) return CONDUIT_REAL(write)(fd, from, size);
  enter("write");
  return answered<ssize_t>(what->write(from, size));
}

ssize_t pread(int fd, void* to, std::size_t size, off_t offset) {
  const open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(pread)(fd, to, size, offset);
  enter("pread");
  if (by_chance(the_world().manners.cold_reads)) {
    const nanoseconds time = random_time(millisecond);
    current_process().own_delays += time;
    park(channel_of(current_task()), the_world().now + time);
  }
  return answered<ssize_t>(
      read_into(*file, kernel_call::read, to, size, static_cast<std::uint64_t>(offset)));
}

ssize_t preadv2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  const open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(preadv2)(fd, parts, count, offset, flags);
  enter("preadv2");
  // Some kernels cannot read without caching.
  if ((flags & RWF_NOWAIT) == 0)
    return current_process().finds_nothing_cached
               ? answered(-EOPNOTSUPP)
               : ::pread(fd, parts->iov_base, parts->iov_len, offset);
  const bool cold = file->direct || current_process().finds_nothing_cached;
  if (cold || by_chance(the_world().manners.cold_reads)) return answered(-EAGAIN);
  return answered<ssize_t>(read_into(*file, kernel_call::read_cached, parts->iov_base,
                                     parts->iov_len, static_cast<std::uint64_t>(offset)));
}

ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
  open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(pwritev)(fd, parts, count, offset);
  enter("pwritev");
  return answered<ssize_t>(write_all(*file, kernel_call::write, parts,
                                     static_cast<std::uint64_t>(count),
                                     static_cast<std::uint64_t>(offset)));
}

ssize_t pwrite(int fd, const void* from, std::size_t size, off_t offset) {
  open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(pwrite)(fd, from, size, offset);
  const iovec part{const_cast<void*>(from), size};
  return ::pwritev(fd, &part, 1, offset);
}

int fdatasync(int fd) {
  open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(fdatasync)(fd);
  enter("fdatasync");
  return answered(sync_and_wait(*file, kernel_call::sync_data));
}

int fsync(int fd) {
  open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(fsync)(fd);
  enter("fsync");
  return answered(sync_and_wait(
      *file, file->node->is_directory ? kernel_call::sync_directory : kernel_call::sync_data));
}

int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags) {
  const open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(sync_file_range)(fd, offset, size, flags);
  enter("sync_file_range");
  const std::int64_t refused = refusal(kernel_call::begin_write_back);
  if (refused == 0) write_back(*file->node);
  return answered(refused);
}

int ftruncate(int fd, off_t size) noexcept {
  const open_file* const file = file_of(fd);
  if (file == nullptr) return CONDUIT_REAL(ftruncate)(fd, size);
  enter("ftruncate");
  const std::int64_t refused = refusal(kernel_call::truncate);
  return answered(refused != 0 ? refused : truncate(*file->node, static_cast<std::uint64_t>(size)));
}

int fchmod(int fd, mode_t mode) noexcept {
  if (file_of(fd) == nullptr) return CONDUIT_REAL(fchmod)(fd, mode);
  enter("fchmod");
  return answered(refusal(kernel_call::change_mode));
}

int fchown(int fd, uid_t owner, gid_t group) noexcept {
  if (file_of(fd) == nullptr) return CONDUIT_REAL(fchown)(fd, owner, group);
  enter("fchown");
  return answered(refusal(kernel_call::change_mode));
}

}  // extern "C"

// Descriptors of files: how they come, what they are asked, and how they go. The lock is one of the
// questions.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "simulation/calls/answers.hpp"
#include "simulation/calls/places.hpp"
#include "simulation/calls/real.hpp"
#include "simulation/world/change_queue.hpp"
#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"

namespace conduit::simulation {

std::int64_t open_ours(int directory, const char* path, int flags, bool cached_only) {
  enter("open");
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  const std::int64_t refused = refusal(creates ? kernel_call::create : kernel_call::open);
  if (refused != 0) return refused;
  const place where = find_place(directory, path);
  if (where.directory == nullptr) return -ENOENT;
  const bool for_writing = (flags & O_ACCMODE) != O_RDONLY;
  if (creates || for_writing) note_writer();
  if ((flags & O_TMPFILE) == O_TMPFILE)
    return add_descriptor(new open_file(create_inode(false), true));
  inode* found = find(where);
  if (found != nullptr && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return -EEXIST;
  if (cached_only && (creates || by_chance(the_world().manners.cold_names))) return -EAGAIN;
  if (found == nullptr) {
    if ((flags & O_CREAT) == 0) return -ENOENT;
    found = &create_inode(false);
    add_name(*where.directory, where.name, *found);
  }
  if ((flags & O_DIRECTORY) != 0 && !found->is_directory) return -ENOTDIR;
  if (found->is_directory && for_writing) return -EISDIR;
  auto* const opened = new open_file(*found, for_writing);
  opened->direct = (flags & O_DIRECT) != 0;
  if ((flags & O_PATH) == 0) report_change(*found, IN_OPEN, {});
  return add_descriptor(opened);
}

}  // namespace conduit::simulation

using namespace conduit::simulation;

namespace {

// More than any process needs: its writer, its sealer, its checks, and each of three contexts.
constexpr std::ptrdiff_t lock_waits_max = 12;

void wait_for_lock(const open_file& file) {
  const channel freed = channel_of(&file.node->locked_by);
  const auto& tasks = the_world().tasks;
  const auto waiting = std::count_if(tasks.begin(), tasks.end(), [freed](const task* one) {
    return one->owner == &current_process() && one->state == task::phase::parked &&
           one->waits_for == freed;
  });
  if (waiting >= lock_waits_max) complain("a process waits for the lock with ever more threads");
  park(freed);
}

std::int64_t try_to_lock(open_file& file, int command, short type) {
  const std::int64_t refused = type == F_UNLCK ? 0 : refusal(kernel_call::lock);
  if (refused != 0) return refused;
  if (type == F_UNLCK) {
    tell_call("lock", "free");
    unlock(file);
    return 0;
  }
  if (type == F_WRLCK && !file.writable) return -EBADF;
  const auto wanted = type == F_WRLCK ? open_file::lock::exclusive : open_file::lock::shared;
  while (!try_lock(file, wanted)) {
    tell_call("lock", "is held");
    if (command != F_OFD_SETLKW) return -EAGAIN;
    wait_for_lock(file);
  }
  if (type == F_WRLCK) current_process().had_lock = the_world().now;
  tell_call("lock", type == F_WRLCK ? "exclusive" : "shared");
  return 0;
}

std::int64_t try_to_lock_process(inode& file, int command, short type) {
  const process& own = current_process();
  if (type == F_UNLCK) {
    unlock_process(file, own);
    return 0;
  }
  const auto wanted = type == F_WRLCK ? open_file::lock::exclusive : open_file::lock::shared;
  while (!try_process_lock(file, own, wanted)) {
    if (command != F_SETLKW) return -EAGAIN;
    park(channel_of(&file.locked_by));
  }
  return 0;
}

std::int64_t control(int fd, int command, std::uintptr_t argument) {
  description* const what = description_of(fd);
  if (what == nullptr) return -EBADF;
  switch (command) {
    case F_DUPFD_CLOEXEC:
    case F_DUPFD:
      return add_descriptor(what);
    case F_GETFL:
      return what->blocking ? 0 : O_NONBLOCK;
    case F_SETFL:
      what->blocking = (argument & O_NONBLOCK) == 0;
      return 0;
    case F_SETLK:
    case F_SETLKW: {
      auto* const file = dynamic_cast<open_file*>(what);
      if (file == nullptr) return -EINVAL;
      return try_to_lock_process(*file->node, command,
                                 reinterpret_cast<const struct flock*>(argument)->l_type);
    }
    case F_OFD_SETLK:
    case F_OFD_SETLKW: {
      auto* const file = dynamic_cast<open_file*>(what);
      if (file == nullptr) return -EINVAL;
      return try_to_lock(*file, command, reinterpret_cast<const struct flock*>(argument)->l_type);
    }
    case F_OFD_GETLK: {
      auto* const file = dynamic_cast<open_file*>(what);
      auto* const asked = reinterpret_cast<struct flock*>(argument);
      const auto wanted =
          asked->l_type == F_WRLCK ? open_file::lock::exclusive : open_file::lock::shared;
      if (file != nullptr && is_lock_free_for(*file, wanted)) asked->l_type = F_UNLCK;
      return 0;
    }
    default:
      return 0;
  }
}

// The boot's name, in a file of the real kernel's: the library of C++ reads it by a descriptor.
std::FILE* open_boot_id() {
  const int fd =
      static_cast<int>(real::system_call(SYS_memfd_create, reinterpret_cast<long>("boot_id"), 1));
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%08llx-0000-4000-8000-000000000000\n",
                                 static_cast<unsigned long long>(the_world().boots));
  real::system_call(SYS_write, fd, reinterpret_cast<long>(text), size);
  real::system_call(SYS_lseek, fd, 0, SEEK_SET);
  return ::fdopen(fd, "r");
}

constexpr std::string_view boot_id_path = "/proc/sys/kernel/random/boot_id";

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  if (!is_ours(AT_FDCWD, path)) return CONDUIT_REAL(open)(path, flags, mode);
  return answered(open_ours(AT_FDCWD, path, flags, false));
}

int openat(int directory, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  if (!is_ours(directory, path)) return CONDUIT_REAL(openat)(directory, path, flags, mode);
  return answered(open_ours(directory, path, flags, false));
}

FILE* fopen(const char* path, const char* mode) {
  if (in_world() && path == boot_id_path) return open_boot_id();
  return CONDUIT_REAL(fopen)(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  if (in_world() && path == boot_id_path) return open_boot_id();
  return CONDUIT_REAL(fopen64)(path, mode);
}

int close(int fd) {
  if (fd < first_descriptor || !in_world()) return CONDUIT_REAL(close)(fd);
  enter("close");
  return answered(close_descriptor(fd));
}

int dup3(int from, int to, int flags) noexcept {
  description* const what = description_of(from);
  if (what == nullptr) return CONDUIT_REAL(dup3)(from, to, flags);
  enter("dup3");
  put_descriptor(to, what);
  return to;
}

int fcntl(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  const auto argument = va_arg(more, std::uintptr_t);
  va_end(more);
  if (fd < first_descriptor || !in_world()) return CONDUIT_REAL(fcntl)(fd, command, argument);
  enter("fcntl");
  return answered(control(fd, command, argument));
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list more;
  va_start(more, request);
  auto* const argument = va_arg(more, void*);
  va_end(more);
  if (fd < first_descriptor || !in_world()) return CONDUIT_REAL(ioctl)(fd, request, argument);
  description* const what = description_of(fd);
  if (what == nullptr) return answered(-EBADF);
  // FIONBIO is all that Asio asks for here.
  what->blocking = *static_cast<const int*>(argument) == 0;
  return 0;
}

long syscall(long number, ...) noexcept {
  va_list more;
  va_start(more, number);
  long given[6];
  for (long& one : given) one = va_arg(more, long);
  va_end(more);
  constexpr long cachestat = 451;
  if (in_world() && number == SYS_openat2 &&
      is_ours(static_cast<int>(given[0]), reinterpret_cast<const char*>(given[1]))) {
    const auto& how = *reinterpret_cast<const open_how*>(given[2]);
    return answered<long>(
        open_ours(static_cast<int>(given[0]), reinterpret_cast<const char*>(given[1]),
                  static_cast<int>(how.flags), (how.resolve & RESOLVE_CACHED) != 0));
  }
  if (in_world() && number == SYS_preadv2) {
    return ::preadv2(static_cast<int>(given[0]), reinterpret_cast<const iovec*>(given[1]),
                     static_cast<int>(given[2]), given[3], static_cast<int>(given[5]));
  }
  if (in_world() && number == cachestat) {
    const std::int64_t refused = refusal(kernel_call::unwritten_bytes);
    if (refused != 0) return answered<long>(refused);
    std::memset(reinterpret_cast<void*>(given[2]), 0, 5 * sizeof(std::uint64_t));
    return 0;
  }
  if (in_world() && number == SYS_futex)
    return answered<long>(
        futex_ours(reinterpret_cast<std::uint32_t*>(given[0]), given[1], given[2]));
  return answered<long>(
      real::system_call(number, given[0], given[1], given[2], given[3], given[4], given[5]));
}

}  // extern "C"

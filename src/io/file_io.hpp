// The seam to the disk: every byte and every name of a store passes here, so that a fault-injecting
// disk can replace it. Calls are single attempts and answer like the kernel, with a count or a
// negative errno; callers handle short transfers and retries.
#pragma once

#include <conduit/detail/completion.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/uio.h>
#include <vector>

#include "io/fixed_files.hpp"

namespace conduit::io {

struct file_status {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::uint64_t size = 0;        // bytes
  std::int64_t modified_ns = 0;  // of a directory only
  bool regular = false;

  bool same_file(const file_status& other) const noexcept {
    return device == other.device && inode == other.inode;
  }
};

// Every mode opens below the directory, never through a link, and never waits for the other end of
// a FIFO.
enum class open_mode {
  read,
  read_direct,  // O_DIRECT
  read_write,   // an existing file
  create,       // a new file (O_EXCL), for reading and writing
  unnamed  // a new file in the directory that is called "." here, without a name until `link` gives
           // it one (O_TMPFILE)
};

enum class open_patience {
  may_block,
  cached_only  // -EAGAIN if a disk access is needed
};

// What a read leaves in the page cache.
enum class cache_use : std::uint8_t {
  keep,
  once  // nothing that was not there before, as far as the kernel can do that
};

class file_io {
 public:
  file_io() = default;
  file_io(const file_io&) = delete;
  file_io& operator=(const file_io&) = delete;
  virtual ~file_io() = default;

  // Asynchronous transfers. The request must live until `complete` or `drop`. `start` and `cancel`
  // may be called from any thread; `cancel` is only a wish. `wait` blocks until the kernel is done
  // with the request, without running any handler.
  virtual void start(detail::io_request& request) = 0;
  // The request already has its result: it only waits for its turn to be completed, like one that
  // was started.
  virtual void complete_later(detail::io_request& request) = 0;
  virtual void cancel(detail::io_request& request) noexcept = 0;
  virtual void wait(detail::io_request& request) noexcept = 0;
  // Nothing is queued or running: an inline attempt overtakes nobody.
  virtual bool idle() const noexcept = 0;
  // Gives the open file a number under which requests cost less, if there is one; the file must
  // stay open as long as that value lives.
  virtual fixed_file fix(int fd) noexcept = 0;

  // Immediate transfers on the calling thread. `read_cached` answers -EAGAIN instead of waiting for
  // the disk.
  virtual std::int64_t read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) = 0;
  virtual std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset,
                            cache_use use = cache_use::keep) = 0;
  virtual std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) = 0;

  // Blocking: for the helper threads.
  virtual std::int64_t sync_data(int fd) = 0;
  // Makes the kernel begin to write a part of the file to the disk. Never reads the outcome: an
  // error that one process has seen is not reported to those that open the file later, so it is
  // left to the sync that counts.
  virtual std::int64_t begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) = 0;
  // The bytes of that part, at most `size`, that are not yet written; -ENOSYS if the kernel cannot
  // tell (before 6.5). Reads no error.
  virtual std::int64_t unwritten_bytes(int fd, std::uint64_t offset, std::uint64_t size) = 0;
  virtual std::int64_t sync_directory(int fd) = 0;
  // Syncs the directory's own entry in its parent. Does nothing if the parent is on another disk,
  // or not readable for us: then somebody else made the directory, long ago.
  virtual std::int64_t sync_parent(int directory) = 0;
  virtual std::int64_t truncate(int fd, std::uint64_t size) = 0;
  virtual std::int64_t remove(int directory, const char* name) = 0;
  // Gives the open file one more name; -EEXIST if the name is taken.
  virtual std::int64_t link(int fd, int directory, const char* name) = 0;
  // Gives `to` the owner and the mode of `from`.
  virtual std::int64_t copy_permissions(int from, int to) = 0;
  virtual std::int64_t list(int directory, std::vector<std::string>& names) = 0;

  // These are quick on a local disk. `open` returns a descriptor; `permissions` apply to new files.
  virtual std::int64_t open(int directory, const char* name, open_mode mode, unsigned permissions,
                            open_patience patience = open_patience::may_block) = 0;
  virtual std::int64_t status(int fd, file_status& found) = 0;
  virtual std::int64_t status_at(int directory, const char* name,
                                 file_status& found) = 0;  // does not follow a link

  // The inter-process lock: an open file description lock over the whole file, see
  // lock_description.hpp.
  virtual std::int64_t try_lock(int fd) = 0;  // -EAGAIN while another holder has it
  virtual std::int64_t try_lock_shared(
      int fd) = 0;  // never through a description that holds the exclusive lock
  virtual std::int64_t unlock(int fd) = 0;
};

}  // namespace conduit::io

// The compiled library's view of a pending operation: an io_context's thread finishes it or, when
// that context is destroyed, drops it. Not public: the layout may change with every release.
#pragma once

#include <conduit/detail/exported.hpp>
#include <cstddef>
#include <cstdint>
#include <sys/uio.h>

namespace conduit::detail {

// Links for one intrusive list; the tag distinguishes lists that hold an object at the same time.
template <typename Tag>
struct list_hook {
  list_hook* prev = nullptr;
  list_hook* next = nullptr;
};

struct work_list;  // held by the party that works on the operation
struct away_list;  // held by the context that the operation belongs to, while another thread works
                   // on it

class CONDUIT_EXPORTED completion : public list_hook<work_list>, public list_hook<away_list> {
 public:
  completion() = default;
  completion(const completion&) = delete;
  completion& operator=(const completion&) = delete;

  // Called once, on a thread of the context that the operation belongs to.
  virtual void complete() = 0;
  // Called instead of `complete` while that context is being destroyed: frees everything, invokes
  // nothing.
  virtual void drop() noexcept = 0;
  // Takes the operation back from the party that works on it. True: it will not be delivered and
  // its buffers are free. False: it is being delivered right now. May block until the kernel has
  // released the buffers, never on another thread's event loop.
  virtual bool revoke() noexcept { return false; }

 protected:
  ~completion() = default;
};

// One attempt at one transfer, answered by one completion queue entry. The caller handles short
// results, EINTR and EAGAIN.
class CONDUIT_EXPORTED io_request : public completion {
 public:
  enum class kind : std::uint8_t { read, write, sync_data };
  enum class phase : std::uint8_t { idle, queued, in_kernel, done };

  kind what = kind::read;
  phase state = phase::idle;  // guarded by the engine's lock
  bool cancel_wanted = false;
  bool once = false;   // of `read`: leaves nothing new in the page cache
  bool drops = false;  // the same, by hand; set by the engine
  int fd = -1;
  int fixed = -1;              // of `read`: the number under which the ring knows the file, or -1
  unsigned iov_count = 0;      // of `write`
  const iovec* iov = nullptr;  // of `write`
  void* data = nullptr;        // of `read`
  std::size_t size = 0;        // of `read`: bytes
  std::uint64_t offset = 0;    // bytes from the file's start
  std::uint8_t rounds = 0;     // count of answers that say nothing of the file
  std::int64_t result = 0;     // bytes, or -errno

 protected:
  ~io_request() = default;
};

}  // namespace conduit::detail

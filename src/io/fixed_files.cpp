#include "io/fixed_files.hpp"

#include <liburing.h>
#include <sys/resource.h>

#include <algorithm>
#include <new>

namespace conduit::io {

namespace {

// More than the files that a context keeps open by default. The kernel wants no more numbers than
// the process may have descriptors.
constexpr unsigned numbers_max = 512;

unsigned numbers_allowed() noexcept {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 0;
  return static_cast<unsigned>(std::min<rlim_t>(descriptors.rlim_cur, numbers_max));
}

}  // namespace

// A table without files, since Linux 5.19.
bool fixed_files::set_up() noexcept try {
  if (registered_) return true;
  const unsigned count = numbers_allowed();
  free_.resize(count);
  for (unsigned i = 0; i < count; ++i) free_[i] = static_cast<int>(count - 1 - i);
  registered_ = count != 0 && io_uring_register_files_sparse(ring_, count) == 0;
  if (!registered_) ring_ = nullptr;
  return registered_;
} catch (const std::bad_alloc&) {
  return false;
}

int fixed_files::add(int fd) noexcept {
  // The kernel takes a negative descriptor for a number to be freed.
  if (fd < 0 || forked()) return none;
  const std::lock_guard hold(mutex_);
  if (ring_ == nullptr || !set_up() || free_.empty()) return none;
  const int number = free_.back();
  if (io_uring_register_files_update(ring_, static_cast<unsigned>(number), &fd, 1) != 1)
    return none;
  free_.pop_back();
  return number;
}

void fixed_files::remove(int number) noexcept {
  if (forked()) return;
  const std::lock_guard hold(mutex_);
  if (ring_ == nullptr) return;
  constexpr int no_file = -1;
  // A number that the kernel does not free is never given away again: it would name the old file.
  if (io_uring_register_files_update(ring_, static_cast<unsigned>(number), &no_file, 1) == 1)
    free_.push_back(number);  // has room: it was sized for all numbers
}

// The kernel would let go of the files some time after the ring, and keep their disk busy.
void fixed_files::close() noexcept {
  if (forked()) return;
  const std::lock_guard hold(mutex_);
  if (registered_ && ring_ != nullptr) io_uring_unregister_files(ring_);
  ring_ = nullptr;
}

}  // namespace conduit::io

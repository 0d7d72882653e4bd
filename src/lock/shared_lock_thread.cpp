#include "lock/shared_lock_thread.hpp"

#include <conduit/error.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "base/os_error.hpp"
#include "base/start_thread.hpp"

namespace conduit::lock {

namespace {

// A lock file that is replaced under us again and again.
constexpr unsigned reopens_max = 8;

}  // namespace

// Everything here goes straight to the kernel, not through the seam to the disk: the thread may
// outlive the store, and with it the seam's object.

shared_lock_thread::shared_lock_thread(std::string path,
                                       std::shared_ptr<shared_lock_waiters> waiters)
    : path_(std::move(path)), waiters_(std::move(waiters)) {}

std::error_code shared_lock_thread::wake() noexcept {
  const std::lock_guard hold(mutex_);
  if (running_) return {};
  std::thread thread;
  const std::error_code refused =
      start_thread(thread, [self = shared_from_this()] { self->run(); });
  if (refused) return refused;
  thread.detach();
  running_ = true;
  return {};
}

void shared_lock_thread::run() noexcept {
  while (goes_on()) {
    waiters_->serve(acquire());
    close();
  }
}

// Under the mutex: whoever begins to wait either is seen here, or starts the next thread.
bool shared_lock_thread::goes_on() noexcept {
  const std::lock_guard hold(mutex_);
  running_ = waiters_->any();
  return running_;
}

std::error_code shared_lock_thread::acquire() noexcept {
  for (unsigned attempt = 0; attempt < reopens_max; ++attempt) {
    const std::error_code unopened = open();
    // Without a lock file nobody writes that store.
    if (unopened == std::errc::no_such_file_or_directory) return {};
    if (unopened) return unopened;
    const std::error_code refused = wait();
    if (refused) return refused;
    // Another file may have got the name while we waited: then this lock is none.
    if (still_named()) return {};
    close();
  }
  return errc::locked;
}

std::error_code shared_lock_thread::open() noexcept {
  fd_ = unique_fd(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd_) return open_error(-errno);
  fork_guard_.replace(fd_.get());
  struct stat found{};
  if (::fstat(fd_.get(), &found) != 0) return os_error(-errno);
  return S_ISREG(found.st_mode) ? std::error_code{} : errc::not_a_regular_file;
}

std::error_code shared_lock_thread::wait() noexcept {
  // Whoever writes without a pause sees this, and leaves the lock free for long enough now and
  // then.
  ::futimens(fd_.get(), nullptr);
  struct flock whole{};
  whole.l_type = F_RDLCK;
  whole.l_whence = SEEK_SET;
  int result = 0;
  do {
    result = ::fcntl(fd_.get(), F_OFD_SETLKW, &whole);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? os_error(-errno) : std::error_code{};
}

bool shared_lock_thread::still_named() const noexcept {
  struct stat open_file{};
  struct stat named{};
  return ::fstat(fd_.get(), &open_file) == 0 && ::lstat(path_.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

// A child that was forked a moment ago may have the description too, and keep the lock with it.
void shared_lock_thread::close() noexcept {
  struct flock whole{};
  whole.l_type = F_UNLCK;
  whole.l_whence = SEEK_SET;
  if (fd_) ::fcntl(fd_.get(), F_OFD_SETLK, &whole);
  fork_guard_.replace(-1);
  fd_ = unique_fd();
}

}  // namespace conduit::lock

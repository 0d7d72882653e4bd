#include "lock/file_lock.hpp"

#include <conduit/error.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <asio/error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <utility>

#include "base/os_error.hpp"
#include "io/awaited.hpp"
#include "lock/lock_thread.hpp"

namespace conduit::lock {

namespace {

// How often a wait without a thread asks for the lock.
constexpr std::chrono::milliseconds ask_interval_min{1};
constexpr std::chrono::milliseconds ask_interval_max{10};

}  // namespace

file_lock::file_lock(io::file_io& disk, std::string path) : disk_(disk), path_(std::move(path)) {
  const std::filesystem::path whole(path_);
  directory_path_ = whole.has_parent_path() ? whole.parent_path().string() : ".";
  name_ = whole.filename().string();
}

file_lock::~file_lock() {
  if (thread_) thread_->stop();
}

std::error_code file_lock::open(unsigned permissions) {
  directory_ = unique_fd(::open(directory_path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) return os_error(-errno);
  const std::error_code error = open_descriptor(fd_, permissions);
  fork_guard_.replace(fd_.get());
  return error;
}

std::error_code file_lock::open_descriptor(unique_fd& into, unsigned permissions) const {
  std::int64_t fd = disk_.open(directory_.get(), name_.c_str(), io::open_mode::read_write, 0);
  if (fd == -ENOENT && permissions != 0) {
    fd = disk_.open(directory_.get(), name_.c_str(), io::open_mode::create, permissions);
    // Another process was quicker.
    if (fd == -EEXIST)
      fd = disk_.open(directory_.get(), name_.c_str(), io::open_mode::read_write, 0);
  }
  if (fd < 0) return open_error(fd);
  unique_fd opened(static_cast<int>(fd));
  io::file_status found;
  const std::int64_t known = disk_.status(opened.get(), found);
  if (known < 0) return os_error(known);
  if (!found.regular) return errc::not_a_regular_file;
  into = std::move(opened);
  return {};
}

bool file_lock::still_named() const {
  io::file_status open_file;
  io::file_status named;
  return disk_.status(fd(), open_file) >= 0 &&
         disk_.status_at(directory_.get(), name_.c_str(), named) >= 0 && open_file.same_file(named);
}

std::error_code file_lock::reopen(unsigned permissions) {
  if (thread_) thread_->stop();
  {
    const std::lock_guard hold(mutex_);
    thread_.reset();
  }
  thread_fd_ = -1;
  fork_guard_.replace(-1);
  const std::error_code error = open_descriptor(fd_, permissions);
  fork_guard_.replace(fd_.get());
  return error;
}

bool file_lock::try_acquire() noexcept { return disk_.try_lock(fd_.get()) >= 0; }

std::error_code file_lock::attempt() noexcept {
  std::int64_t result = -EINTR;
  for (unsigned tries = 0; result == -EINTR && tries < transient_retries_max; ++tries)
    result = disk_.try_lock(fd_.get());
  return os_error(result == -EACCES ? -EAGAIN : result);
}

void file_lock::knock() noexcept { ::futimens(fd_.get(), nullptr); }

asio::awaitable<std::error_code> file_lock::acquire(io::completion_port& home, bool& waited) {
  waited = false;
  const std::error_code refused = attempt();
  if (refused != std::errc::resource_unavailable_try_again) co_return refused;
  waited = true;
  if (!thread_) {
    unique_fd own;
    const std::error_code error = open_descriptor(own, 0);
    const bool none_to_be_had = error == std::errc::too_many_files_open ||
                                error == std::errc::too_many_files_open_in_system ||
                                error == std::errc::not_enough_memory;
    if (error && !none_to_be_had) co_return error;
    if (!error) start_thread(std::move(own));
  }
  if (!thread_) {
    const std::error_code asked = co_await ask_until_free(home);
    co_return asked;
  }
  io::awaited<lock_waiter> waiter;
  // The context may go away between the grant and the next step of this coroutine.
  struct on_drop {
    file_lock& self;
    const lock_waiter& waiter;
    ~on_drop() {
      if (waiter.granted >= 0 && !self.held_by_thread_) self.disk_.unlock(self.thread_fd_);
    }
  } guard{*this, waiter};
  auto begin = [&] {
    const std::lock_guard hold(mutex_);
    thread_->wait_for_lock(waiter, home);
    if (std::exchange(given_up_, false)) thread_->give_up();
  };
  co_await waiter.until_complete(std::move(begin));
  if (waiter.granted < 0) co_return os_error(waiter.granted);
  held_by_thread_ = true;
  co_return std::error_code{};
}

// Leaves `thread_` empty where none can be had.
void file_lock::start_thread(unique_fd own) {
  const int fd = own.get();
  std::shared_ptr<lock_thread> thread;
  try {
    thread = std::make_shared<lock_thread>(std::move(own));
  } catch (const std::bad_alloc&) {
    return;
  }
  if (thread->start()) return;
  thread_fd_ = fd;
  const std::lock_guard hold(mutex_);
  thread_ = std::move(thread);
}

// Without a thread the loop asks now and then, as the Python original does.
asio::awaitable<std::error_code> file_lock::ask_until_free(io::completion_port& home) {
  asio::steady_timer pause(home.context());
  auto interval = ask_interval_min;
  knock();
  for (;;) {
    pause.expires_after(interval);
    co_await pause.async_wait(asio::use_awaitable);
    if (take_given_up()) co_return asio::error::operation_aborted;
    const std::error_code refused = attempt();
    if (refused != std::errc::resource_unavailable_try_again) co_return refused;
    interval = std::min(2 * interval, ask_interval_max);
  }
}

bool file_lock::take_given_up() noexcept {
  const std::lock_guard hold(mutex_);
  return std::exchange(given_up_, false);
}

void file_lock::give_up() noexcept {
  const std::lock_guard hold(mutex_);
  given_up_ = !thread_ || !thread_->give_up();
}

void file_lock::release() noexcept {
  disk_.unlock(fd());
  held_by_thread_ = false;
}

}  // namespace conduit::lock

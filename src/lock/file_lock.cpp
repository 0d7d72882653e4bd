#include "lock/file_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <asio/error.hpp>
#include <condition_variable>
#include <new>
#include <utility>

#include "io/awaited.hpp"

namespace conduit::lock {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto ask_interval = 10ms;
// A holder that writes a small batch releases the lock within a few microseconds: less than it
// takes to wake a thread.
constexpr auto spin_max = 15us;

// A waiting coroutine. A lock that was granted and not taken is destroyed with this object.
class suspended_waiter : public detail::completion, public lock_wait::waiter {
 public:
  std::error_code refused;
  std::unique_ptr<lock_description> lock;
  std::shared_ptr<lock_wait> wait;
  io::completion_port* home = nullptr;

  void told(std::error_code error, std::unique_ptr<lock_description> held) noexcept override {
    refused = error;
    lock = std::move(held);
    home->deliver(*this);
  }
  bool revoke() noexcept override { return wait->abandon(*this); }

 protected:
  ~suspended_waiter() = default;
};

// A waiting thread.
class blocked_waiter final : public lock_wait::waiter {
 public:
  std::error_code refused;
  std::unique_ptr<lock_description> lock;

  void told(std::error_code error, std::unique_ptr<lock_description> held) noexcept override {
    const std::lock_guard hold(mutex_);
    refused = error;
    lock = std::move(held);
    told_ = true;
    changed_.notify_one();
  }
  bool wait_for(std::chrono::milliseconds time) {
    std::unique_lock hold(mutex_);
    return changed_.wait_for(hold, time, [this] { return told_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool told_ = false;
};

}  // namespace

std::error_code file_lock::open(unsigned permissions) try {
  std::unique_ptr<lock_description> opened;
  auto fresh = own_ ? nullptr : std::make_shared<lock_wait>();
  const std::error_code error =
      lock_description::open(disk_, paths_.lock_file, mode_, permissions, opened);
  if (error) return error;
  own_ = std::move(opened);
  if (!fresh) return {};
  // An abandoned wait for the previous lock file may stay in the kernel without limit.
  const std::lock_guard hold(mutex_);
  wait_ = std::move(fresh);
  thread_.reset();
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

std::error_code file_lock::attempt() noexcept {
  if (!own_) own_ = wait_->take_back();
  // An abandoned wait is still in the kernel.
  if (!own_) return std::make_error_code(std::errc::resource_unavailable_try_again);
  return own_->attempt(disk_);
}

std::error_code file_lock::begin_wait(lock_wait::waiter& who) noexcept try {
  if (!thread_) thread_.emplace(wait_, paths_.directory);
  return wait_->begin(who, own_, *thread_);
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

std::error_code file_lock::attempt_for_a_moment() noexcept {
  std::error_code refused = attempt();
  for (const auto begun = clock::now(); refused == std::errc::resource_unavailable_try_again &&
                                        own_ && clock::now() - begun < spin_max;)
    refused = attempt();
  return refused;
}

void file_lock::knock() const noexcept {
  ::utimensat(AT_FDCWD, paths_.lock_file.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

asio::awaitable<std::error_code> file_lock::acquire(io::completion_port& home, bool& waited) {
  waited = false;
  const std::error_code refused = attempt();
  if (refused != std::errc::resource_unavailable_try_again) co_return refused;
  waited = true;
  io::awaited<suspended_waiter> waiter;
  waiter.wait = wait_;
  waiter.home = &home;
  // The context may be destroyed between the grant and the next step of this coroutine.
  struct on_drop {
    file_lock& self;
    suspended_waiter& waiter;
    ~on_drop() {
      if (!waiter.lock) return;
      waiter.lock->unlock();
      self.own_ = std::move(waiter.lock);
    }
  } guard{*this, waiter};
  auto begin = [this, &waiter, &home] {
    home.send_away(waiter);
    const std::error_code error = begin_wait(waiter);
    if (error) waiter.told(error, nullptr);
  };
  co_await waiter.until_complete(std::move(begin));
  if (waiter.lock) own_ = std::move(waiter.lock);
  co_return waiter.refused;
}

std::error_code file_lock::acquire(const std::function<bool()>& go_on,
                                   std::chrono::milliseconds patience) {
  std::error_code refused = attempt();
  if (refused != std::errc::resource_unavailable_try_again) return refused;
  const auto begun = clock::now();
  blocked_waiter waiter;
  refused = begin_wait(waiter);
  if (refused) return refused;
  while (!waiter.wait_for(ask_interval)) {
    const auto waited = clock::now() - begun;
    const bool wanted = go_on();
    if ((!wanted || waited >= patience) && wait_->abandon(waiter))
      return wanted ? std::make_error_code(std::errc::timed_out) : asio::error::operation_aborted;
  }
  if (waiter.lock) own_ = std::move(waiter.lock);
  return waiter.refused;
}

void file_lock::give_up() noexcept {
  const std::lock_guard hold(mutex_);
  wait_->give_up();
}

}  // namespace conduit::lock

// One wait for the inter-process lock, shared by its owner, who may give it up, and the thread that
// waits in the kernel.
#pragma once

#include <memory>
#include <mutex>
#include <system_error>

#include "lock/lock_thread.hpp"

namespace conduit::lock {

class lock_wait final : public lock_waiters {
 public:
  // The waiting party. It is told once, under the mutex of this object.
  class waiter {
   public:
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    // `lock` holds the lock, or `refused` is set: `operation_aborted` if the wait was given up.
    virtual void told(std::error_code refused, std::unique_ptr<lock_description> lock) noexcept = 0;

   protected:
    waiter() = default;
    ~waiter() = default;
  };

  // ---- for the owner

  // Takes `lock`, which is null if an abandoned wait is still in the kernel: `who` is told when
  // that wait ends. On an error the wait has not begun: `operation_aborted`, or that of
  // `thread.wake`.
  std::error_code begin(waiter& who, std::unique_ptr<lock_description>& lock,
                        lock_thread& thread) noexcept;
  // False if `who` was told, or is being told. The thread unlocks as soon as it gets the lock.
  bool abandon(const waiter& who) noexcept;
  // The description of an abandoned wait, once the kernel has released it. Null before.
  std::unique_ptr<lock_description> take_back() noexcept;

  // ---- for any thread

  // Nobody needs the lock now: gives up the current wait, or the next one.
  void give_up() noexcept;

  // ---- for the waiting thread

  std::unique_ptr<lock_description> next() noexcept override;
  void serve(std::error_code refused, std::unique_ptr<lock_description> lock) noexcept override;

 private:
  void tell(std::error_code refused, std::unique_ptr<lock_description> lock) noexcept;

  std::mutex mutex_;  // guards all below
  waiter* waiter_ = nullptr;
  std::unique_ptr<lock_description> lock_;  // null while it is in the kernel
  bool given_up_ = false;                   // before the wait began; `begin` clears it
};

}  // namespace conduit::lock

// Open file descriptions: what a descriptor stands for, shared by its duplicates and by forked
// children.
#pragma once

#include <cstdint>

#include "simulation/world/inodes.hpp"
#include "simulation/world/tasks.hpp"

namespace conduit::simulation {

struct poll_set;

struct description {
  description() = default;
  description(const description&) = delete;
  description& operator=(const description&) = delete;
  virtual ~description();

  static void* operator new(std::size_t bytes) { return arena::allocate(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept {
    arena::release(memory, bytes);
  }

  // A read would give something now.
  virtual bool readable() const noexcept { return false; }
  virtual std::int64_t read(void*, std::size_t) { return -22; }  // EINVAL
  virtual std::int64_t write(const void*, std::size_t) { return -22; }
  virtual const char* kind() const noexcept = 0;

  unsigned holders = 0;  // descriptors, in all processes
  bool blocking = true;
  shared_vector<poll_set*> watched_by;
};

// It became readable, or more so: whoever polls it with edges is told, and whoever waits for it.
void became_readable(description& what);

// Of a file or a directory, with its lock.
struct open_file final : description {
  enum class lock : std::uint8_t { none, shared, exclusive };

  open_file(inode& what, bool for_writing);
  ~open_file() override;
  const char* kind() const noexcept override { return node->is_directory ? "directory" : "file"; }

  inode* node;
  bool writable;
  bool direct = false;
  unsigned errors_seen;
  lock held = lock::none;
};

// The lock of a whole file. False where another description's is in the way.
bool try_lock(open_file& file, open_file::lock wanted);
void unlock(open_file& file);
bool try_process_lock(inode& file, const process& owner, open_file::lock wanted);
void unlock_process(inode& file, const process& owner);
// What stands in the way of a lock.
bool is_lock_free_for(const open_file& file, open_file::lock wanted) noexcept;

struct event_counter final : description {
  bool readable() const noexcept override { return count != 0; }
  std::int64_t read(void* to, std::size_t size) override;
  std::int64_t write(const void* from, std::size_t size) override;
  const char* kind() const noexcept override { return "eventfd"; }

  std::uint64_t count = 0;
};

struct timer final : description {
  bool readable() const noexcept override { return expires <= the_world().now; }
  const char* kind() const noexcept override { return "timerfd"; }

  nanoseconds expires = never;
};

struct registration {
  int fd = -1;
  description* what = nullptr;
  std::uint32_t events = 0;
  std::uint64_t data = 0;
  bool edge = false;  // something happened since it was last reported
};

// An epoll instance. Everything is reported at its edges, which is how Asio asks.
struct poll_set final : description {
  ~poll_set() override;
  const char* kind() const noexcept override { return "epoll"; }
  registration* find(int fd, const description* what) noexcept;
  // The time at which one of its timers expires.
  nanoseconds next_timer() const noexcept;

  shared_vector<registration> registrations;
};

}  // namespace conduit::simulation

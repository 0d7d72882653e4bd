// The thread that waits for the shared lock, beside children that have inherited its descriptor.
#include "lock/shared_lock_thread.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <fcntl.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "base/unique_fd.hpp"
#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/moment.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

// One that waits, is served once, and keeps the lock until told.
class one_waiter final : public lock::shared_lock_waiters {
 public:
  bool any() noexcept override {
    if (!served_) return true;
    let_go.reach();
    return false;
  }
  void serve(std::error_code error) noexcept override {
    refused = error;
    serving.reach();
    go_on.wait();
    served_ = true;
  }

  moment serving;
  moment go_on;
  moment let_go;  // the lock was given up
  std::error_code refused;

 private:
  std::atomic<bool> served_{false};
};

// A descriptor that is open on a file, but for one of them; -1 where there is none. By name: the
// descriptors of other threads are no business of this one, says ThreadSanitizer.
int descriptor_of(const std::filesystem::path& file, int other_than) {
  struct stat wanted{};
  if (::stat(file.c_str(), &wanted) != 0) return -1;
  for (int fd = 0; fd < 1024; ++fd) {
    struct stat found{};
    const std::string name = "/proc/self/fd/" + std::to_string(fd);
    if (fd != other_than && ::stat(name.c_str(), &found) == 0 && found.st_dev == wanted.st_dev &&
        found.st_ino == wanted.st_ino)
      return fd;
  }
  return -1;
}

}  // namespace

TEST_CASE(
    "A living child that has inherited the descriptor of a shared lock does not keep the lock") {
  const bool forked_under_the_lock = GENERATE(false, true);
  CAPTURE(forked_under_the_lock);
  const temporary_directory directory;
  const std::filesystem::path path = directory / "lock";
  foreign_lock writer(path);
  const int of_writer = descriptor_of(path, -1);
  const auto waiter = std::make_shared<one_waiter>();
  const auto thread = std::make_shared<lock::shared_lock_thread>(path.string(), waiter);
  REQUIRE_FALSE(thread->wake());
  if (forked_under_the_lock) {
    writer.release();
    waiter->serving.wait();
  }
  int of_thread = -1;
  while (of_thread < 0) of_thread = descriptor_of(path, of_writer);
  // As if the fork had come just before the thread told that children must close it.
  unique_fd inherited(::fcntl(of_thread, F_DUPFD_CLOEXEC, 0));
  REQUIRE(inherited);
  const child_process child([] {
    ::raise(SIGSTOP);
    return 0;
  });
  inherited.reset();
  if (!forked_under_the_lock) writer.release();
  waiter->serving.wait();
  CHECK_FALSE(waiter->refused);
  CHECK_FALSE(lock_is_free(path));
  waiter->go_on.reach();
  waiter->let_go.wait();
  CHECK(lock_is_free(path));
}

}  // namespace conduit::test

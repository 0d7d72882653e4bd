// The thread that waits for the lock, beside children that have inherited its descriptor.
#include "lock/lock_thread.hpp"

#include <fcntl.h>

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"
#include "io/system_io.hpp"
#include "io/thread_service.hpp"
#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/moment.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

// One that waits, is served once, and keeps the lock until told.
class one_waiter final : public lock::lock_waiters {
 public:
  explicit one_waiter(std::unique_ptr<lock::lock_description> lock) : lock_(std::move(lock)) {}

  std::unique_ptr<lock::lock_description> next() noexcept override {
    if (!lock_) let_go.reach();
    return std::move(lock_);
  }
  void serve(std::error_code error,
             std::unique_ptr<lock::lock_description> /*held*/) noexcept override {
    refused = error;
    serving.reach();
    go_on.wait();
  }

  moment serving;
  moment go_on;
  moment let_go;  // the lock was given up
  std::error_code refused;

 private:
  std::unique_ptr<lock::lock_description> lock_;
};

}  // namespace

TEST_CASE(
    "a living child that has inherited the descriptor of a shared lock does not keep the lock") {
  const bool forked_under_the_lock = GENERATE(false, true);
  CAPTURE(forked_under_the_lock);
  const temporary_directory directory;
  const std::filesystem::path path = directory / "lock";
  foreign_lock writer(path);
  asio::io_context context;
  io::system_io disk{io::thread_service::of(context)};
  std::unique_ptr<lock::lock_description> own;
  REQUIRE_FALSE(lock::lock_description::open(disk, path.string(), lock::lock_mode::shared, 0, own));
  const int of_thread = own->fd();
  const auto waiter = std::make_shared<one_waiter>(std::move(own));
  lock::lock_thread thread(waiter, directory.path().string());
  REQUIRE_FALSE(thread.wake());
  if (forked_under_the_lock) {
    writer.release();
    waiter->serving.wait();
  }
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

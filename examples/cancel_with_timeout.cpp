// Deadlines. A get that lost against a timer is simply gone. A put must not be raced like that: it
// may have been stored although the timer was first, and its location would be lost. It is asked to
// stop instead, and its answer tells what happened.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_future.hpp>
#include <chrono>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unistd.h>
#include <variant>

namespace {

using namespace std::chrono_literals;
using put_result = std::tuple<std::error_code, conduit::data_location>;

// The location, or `operation_aborted` if nothing was written.
asio::awaitable<put_result> put_within(conduit::flat_file_db db, asio::const_buffer bytes,
                                       std::chrono::milliseconds limit) {
  asio::cancellation_signal stop;
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  timer.async_wait([&stop](std::error_code cancelled) {
    if (!cancelled) stop.emit(asio::cancellation_type::all);
  });
  std::error_code error;
  auto token =
      asio::bind_cancellation_slot(stop.slot(), asio::redirect_error(asio::use_awaitable, error));
  const conduit::data_location location = co_await db.put(bytes, token);
  // The timer's handler uses `stop`: it has to have run before that is destroyed.
  timer.cancel();
  co_await asio::post(timer.get_executor(), asio::use_awaitable);
  co_return put_result(error, location);
}

// `||` waits for the first success: a get that throws would wait for the timer. Its error is a
// result here.
asio::awaitable<conduit::blob> get_within(conduit::flat_file_db db, conduit::data_location location,
                                          std::chrono::milliseconds limit) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  std::error_code error;
  auto get = db.get(location, asio::redirect_error(asio::use_awaitable, error));
  std::variant<conduit::blob, std::monostate> first =
      co_await (std::move(get) || timer.async_wait(asio::use_awaitable));
  if (first.index() == 1) throw std::system_error(asio::error::timed_out);
  if (error) throw std::system_error(error);
  co_return std::get<0>(std::move(first));
}

// Another writer that does not come to an end: it holds the store's lock.
class stuck_writer {
 public:
  explicit stuck_writer(const std::filesystem::path& lock_file)
      : fd_(::open(lock_file.c_str(), O_RDWR | O_CLOEXEC)) {
    struct flock whole{};
    whole.l_type = F_WRLCK;
    if (fd_ < 0 || ::fcntl(fd_, F_OFD_SETLK, &whole) != 0)
      throw std::runtime_error("cannot lock the store");
  }
  stuck_writer(const stuck_writer&) = delete;
  stuck_writer& operator=(const stuck_writer&) = delete;
  ~stuck_writer() { ::close(fd_); }

 private:
  int fd_;
};

asio::awaitable<void> meet_deadlines(conduit::flat_file_db db, std::filesystem::path lock_file) {
  const std::string text = "in time, or not at all";
  {
    const stuck_writer other(lock_file);
    const auto [error, location] = co_await put_within(db, asio::buffer(text), 50ms);
    if (error != asio::error::operation_aborted)
      throw std::runtime_error("the put did not wait for the lock");
    std::cout << "the store is locked: nothing was written\n";
  }
  const auto [error, location] = co_await put_within(db, asio::buffer(text), 1min);
  if (error) throw std::system_error(error);
  if (location.start != 0) throw std::runtime_error("the cancelled put left something behind");
  const conduit::blob back = co_await get_within(db, location, 1min);
  if (back.text() != text) throw std::runtime_error("read something else than was stored");
  std::cout << "the lock is free: stored at " << location << '\n';

  conduit::data_location elsewhere = location;
  elsewhere.file_number += 1;
  std::error_code missing;
  try {
    co_await get_within(db, elsewhere, 1min);
  } catch (const std::system_error& failure) {
    missing = failure.code();
  }
  if (missing != conduit::errc::no_such_file)
    throw std::runtime_error("a missing file was not reported");
  std::cout << "a file that is missing is told at once: " << missing.message() << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_cancel_with_timeout SCRATCH_DIR");
  const std::filesystem::path scratch = argv[1];
  conduit::options how(scratch / "blobs");
  how.lock_path = scratch / "blobs.lock";
  asio::io_context context;
  auto db = conduit::flat_file_db::open(context, how);
  auto done = asio::co_spawn(context, meet_deadlines(db, how.lock_path), asio::use_future);
  context.run();
  done.get();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

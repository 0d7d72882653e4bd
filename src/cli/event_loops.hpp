// The io_contexts of the program, each run by a thread. Coroutines run on them until all have
// ended.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_future.hpp>
#include <atomic>
#include <conduit/flat_file_db.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace conduit::cli {

// The result of one coroutine, or its exception.
template <typename Result>
Result run_one(asio::io_context& context, asio::awaitable<Result> work) {
  auto result = asio::co_spawn(context, std::move(work), asio::use_future);
  context.run();
  context.restart();
  return result.get();
}

class event_loops {
 public:
  // Coroutine `index`, which runs on loop `index % size()`.
  using start_function = std::function<asio::awaitable<void>(unsigned index)>;

  explicit event_loops(unsigned count);

  // The store's home is the first loop, the one of the calling thread.
  asio::io_context& home() noexcept { return *contexts_.front(); }
  asio::io_context& at(unsigned index) noexcept { return *contexts_[index % contexts_.size()]; }
  unsigned size() const noexcept { return static_cast<unsigned>(contexts_.size()); }
  // One handle for each loop, `db` first.
  std::vector<flat_file_db> handles(const flat_file_db& db);

  // Runs `count` coroutines until all have ended, then throws the first exception that any of them
  // threw.
  void run(unsigned count, const start_function& start);

  // One of the coroutines failed, or somebody requested a stop: they should all end soon.
  bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
  void stop() noexcept { stopping_.store(true, std::memory_order_relaxed); }

 private:
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::atomic<bool> stopping_{false};  // any thread sets it, nobody clears it
};

// During its lifetime SIGINT and SIGTERM end the loops' coroutines instead of the process, so that
// temporary objects can be removed.
class stop_on_signal {
 public:
  explicit stop_on_signal(event_loops& loops);
  stop_on_signal(const stop_on_signal&) = delete;
  stop_on_signal& operator=(const stop_on_signal&) = delete;
  ~stop_on_signal();

  bool arrived() const noexcept { return arrived_.load(); }

 private:
  // A separate context: waiting for a signal is work, with which a loop of the store would never
  // return.
  asio::io_context context_;
  asio::signal_set signals_;
  std::atomic<bool> arrived_{false};  // set by the thread that waits for the signal
  std::jthread thread_;
};

}  // namespace conduit::cli

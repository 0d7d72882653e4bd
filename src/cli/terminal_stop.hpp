// A terminal stops a program with SIGTSTP (Ctrl-Z). A stopped process that has the lock of a store
// keeps all others waiting: so the program stops between two batches, when the lock is free.
#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <conduit/flat_file_db.hpp>
#include <memory>
#include <thread>

namespace conduit::cli {

// During its lifetime, while the store's home loop runs. If the store does not let go of the lock
// within a second, the process stops all the same.
class terminal_stop {
 public:
  explicit terminal_stop(flat_file_db db);
  terminal_stop(const terminal_stop&) = delete;
  terminal_stop& operator=(const terminal_stop&) = delete;
  ~terminal_stop();

 private:
  class one_stop;
  void wait_for_signal();
  void prepare(const std::shared_ptr<one_stop>& stop);

  flat_file_db db_;
  asio::io_context context_;
  asio::signal_set signals_{context_};
  asio::steady_timer patience_{context_};
  std::jthread thread_;
};

}  // namespace conduit::cli

// Threads that run one io_context, until the object goes.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstddef>
#include <thread>
#include <vector>

namespace conduit::test {

class loop_threads {
 public:
  explicit loop_threads(asio::io_context& context, std::size_t count = 1)
      : work_(context.get_executor()) {
    context.restart();
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([&context] { context.run(); });
  }
  loop_threads(const loop_threads&) = delete;
  loop_threads& operator=(const loop_threads&) = delete;
  ~loop_threads() { join(); }

  // Lets the loop end with its work, and waits for that.
  void join() {
    work_.reset();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

}  // namespace conduit::test

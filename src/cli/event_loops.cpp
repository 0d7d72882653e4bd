#include "cli/event_loops.hpp"

#include <asio/executor_work_guard.hpp>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>

namespace conduit::cli {
namespace {

// The results of the coroutines of one `run`.
struct outcome {
  std::mutex mutex;
  unsigned running = 0;
  std::exception_ptr first_failure;
  // The home loop carries out the puts of all others, so no loop may return before the last
  // coroutine has ended.
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> work;

  void end_one(std::exception_ptr error) {
    std::lock_guard hold(mutex);
    if (error && !first_failure) first_failure = std::move(error);
    if (--running == 0) work.clear();
  }
};

}  // namespace

event_loops::event_loops(unsigned count) {
  // No concurrency hint: the store's own threads post to every context.
  for (unsigned i = 0; i < count; ++i) contexts_.push_back(std::make_unique<asio::io_context>());
}

std::vector<flat_file_db> event_loops::handles(const flat_file_db& db) {
  std::vector<flat_file_db> bound{db};
  for (unsigned i = 1; i < size(); ++i) bound.push_back(db.bind(at(i)));
  return bound;
}

void event_loops::run(unsigned count, const start_function& start) {
  outcome all;
  all.running = count;
  if (count == 0) return;
  for (auto& context : contexts_) all.work.push_back(asio::make_work_guard(*context));
  for (unsigned i = 0; i < count; ++i) {
    asio::co_spawn(at(i), start(i), [this, &all](std::exception_ptr error) {
      if (error) stop();
      all.end_one(std::move(error));
    });
  }
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < size(); ++i) {
      threads.emplace_back([&context = at(i)] { context.run(); });
    }
    home().run();
  }
  for (auto& context : contexts_) context->restart();
  if (all.first_failure) std::rethrow_exception(all.first_failure);
}

stop_on_signal::stop_on_signal(event_loops& loops) : signals_(context_, SIGINT, SIGTERM) {
  signals_.async_wait([this, &loops](const std::error_code& error, int) {
    if (error) return;
    arrived_ = true;
    loops.stop();
  });
  thread_ = std::jthread([this] { context_.run(); });
}

stop_on_signal::~stop_on_signal() { context_.stop(); }

}  // namespace conduit::cli

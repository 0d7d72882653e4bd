// A context a thread: each thread reads through a ring of its own, by a handle that is bound to its
// context. Puts of all threads go to the context that the store was opened on, so that one has to
// run as long as anybody puts.
#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t thread_count = 3;
constexpr std::size_t blobs_a_thread = 200;

// Returns on the thread's own context after every `co_await`.
asio::awaitable<void> put_and_get(conduit::flat_file_db db, std::size_t thread) {
  for (std::size_t i = 0; i < blobs_a_thread; ++i) {
    const std::string text = std::to_string(thread) + "/" + std::to_string(i);
    const conduit::data_location location = co_await db.put(asio::buffer(text));
    const conduit::blob back = co_await db.get(location);
    if (back.text() != text) throw std::runtime_error("read something else than was stored");
  }
}

void work_on_own_context(const conduit::flat_file_db& db, std::size_t thread) {
  asio::io_context context;
  auto done = asio::co_spawn(context, put_and_get(db.bind(context), thread), asio::use_future);
  context.run();
  done.get();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_context_a_thread SCRATCH_DIR");
  asio::io_context home;  // destroyed last
  const auto db =
      conduit::flat_file_db::open(home, conduit::options(std::filesystem::path(argv[1]) / "blobs"));
  auto busy = asio::make_work_guard(home);
  std::thread home_thread([&home] { home.run(); });

  std::vector<std::future<void>> threads;
  for (std::size_t thread = 0; thread < thread_count; ++thread) {
    threads.push_back(
        std::async(std::launch::async, [&db, thread] { work_on_own_context(db, thread); }));
  }
  for (auto& thread : threads) thread.wait();
  busy.reset();
  home_thread.join();
  for (auto& thread : threads) thread.get();

  const conduit::store_stats stats = db.stats();
  std::cout << stats.puts << " puts and " << stats.gets << " gets by " << thread_count
            << " threads\n";
  return stats.puts == thread_count * blobs_a_thread && stats.gets == stats.puts ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

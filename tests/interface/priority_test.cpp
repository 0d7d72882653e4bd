// Compression leaves the processor to others; whoever has the lock between processes does not,
// since all others wait for it.
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "support/bytes.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

constexpr int lowest_priority = 19;

// Of the calling thread.
int priority() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

constexpr std::size_t whole_frame = 64U << 10;

// The priorities with which calls were made.
struct seen_priorities {
  std::mutex mutex;
  std::set<int> under_lock;
  std::set<int> reading;

  void note(std::set<int>& into) {
    const std::lock_guard hold(mutex);
    into.insert(priority());
  }
};

}  // namespace

TEST_CASE(
    "a sealed file is encoded with the lowest priority, and takes its place with the priority of "
    "everybody") {
  temporary_directory directory;
  seen_priorities seen;
  const auto script = std::make_shared<disk_script>();
  // Only the holder of the lock makes these calls.
  for (const io_call under_lock :
       {io_call::remove, io_call::link, io_call::sync_directory, io_call::try_lock}) {
    script->before(under_lock, [&](const seen_call&) { seen.note(seen.under_lock); });
  }
  script->before(io_call::read, [&](const seen_call& call) {
    if (call.size >= whole_frame) seen.note(seen.reading);
  });
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  const std::string bytes = bytes_of(1, 1U << 20);
  run(context, store.put(asio::buffer(bytes), asio::use_awaitable));
  run(context, store.roll(asio::use_awaitable));
  run(context, store.compress_file(0, asio::use_awaitable));
  CHECK(seen.under_lock == std::set<int>{priority()});
  CHECK(seen.reading == std::set<int>{lowest_priority});
}

}  // namespace conduit::test

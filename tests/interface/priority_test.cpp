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
#include "support/forwarding_disk.hpp"
#include "support/run_loop.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

constexpr int lowest_priority = 19;

// Of the calling thread.
int priority() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

// With what priority calls were made.
struct seen_priorities {
  std::mutex mutex;
  std::set<int> under_lock;
  std::set<int> reading;
};

class watched_disk final : public forwarding_disk {
 public:
  watched_disk(std::unique_ptr<io::file_io> real, seen_priorities& seen)
      : forwarding_disk(std::move(real)), seen_(seen) {}

  // Those are called by the holder of the lock alone.
  std::int64_t remove(int directory, const char* name) override {
    note(seen_.under_lock);
    return forwarding_disk::remove(directory, name);
  }
  std::int64_t link(int fd, int directory, const char* name) override {
    note(seen_.under_lock);
    return forwarding_disk::link(fd, directory, name);
  }
  std::int64_t sync_directory(int fd) override {
    note(seen_.under_lock);
    return forwarding_disk::sync_directory(fd);
  }
  std::int64_t try_lock(int fd) override {
    note(seen_.under_lock);
    return forwarding_disk::try_lock(fd);
  }
  std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    if (size >= whole_frame) note(seen_.reading);
    return forwarding_disk::read(fd, data, size, offset);
  }

  static constexpr std::size_t whole_frame = 64U << 10;

 private:
  void note(std::set<int>& into) {
    const std::lock_guard hold(seen_.mutex);
    into.insert(priority());
  }

  seen_priorities& seen_;
};

}  // namespace

TEST_CASE(
    "A sealed file is encoded with the lowest priority, and takes its place with the priority of "
    "everybody") {
  temporary_directory directory;
  seen_priorities seen;
  asio::io_context context;
  const store_on_disk store(context, options_in(directory),
                            [&](std::unique_ptr<io::file_io> real) -> std::unique_ptr<io::file_io> {
                              return std::make_unique<watched_disk>(std::move(real), seen);
                            });
  const std::string bytes = bytes_of(1, 1U << 20);
  run(context, store.put(asio::buffer(bytes), asio::use_awaitable));
  run(context, store.roll(asio::use_awaitable));
  run(context, store.compress_file(0, asio::use_awaitable));
  CHECK(seen.under_lock == std::set<int>{priority()});
  CHECK(seen.reading == std::set<int>{lowest_priority});
}

}  // namespace conduit::test

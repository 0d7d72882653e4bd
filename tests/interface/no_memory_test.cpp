// Memory that runs out in the middle of a call: whoever waits hears of it, and nothing that was
// acknowledged is lost.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <cerrno>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "files/data_file.hpp"
#include "support/failing_allocation.hpp"
#include "support/forwarding_disk.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

using whose = failing_allocation::whose;

constexpr auto no_memory = std::errc::not_enough_memory;

// The kernel knows nothing of the files while `cold` is set: each has to be opened by a thread that
// may wait.
class cold_names final : public forwarding_disk {
 public:
  cold_names(std::unique_ptr<io::file_io> real, const bool& cold)
      : forwarding_disk(std::move(real)), cold_(cold) {}
  std::int64_t open(int directory, const char* name, io::open_mode mode, unsigned permissions,
                    io::open_patience patience) override {
    if (cold_ && patience == io::open_patience::cached_only) return -EAGAIN;
    return forwarding_disk::open(directory, name, mode, permissions, patience);
  }

 private:
  const bool& cold_;
};

// The first write to a data file fails, and the first allocation after it.
class failing_write final : public forwarding_disk {
 public:
  failing_write(std::unique_ptr<io::file_io> real, std::optional<failing_allocation>& failing)
      : forwarding_disk(std::move(real)), failing_(failing) {}
  std::int64_t open(int directory, const char* name, io::open_mode mode, unsigned permissions,
                    io::open_patience patience) override {
    const std::int64_t fd = forwarding_disk::open(directory, name, mode, permissions, patience);
    if (mode == io::open_mode::create && data_file_ < 0) data_file_ = fd;
    return fd;
  }
  std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) override {
    if (fd != data_file_ || failing_) return forwarding_disk::write(fd, iov, count, offset);
    failing_.emplace(whose::of_this_thread);
    return -EIO;
  }

 private:
  std::optional<failing_allocation>& failing_;
  std::int64_t data_file_ = -1;
};

}  // namespace

TEST_CASE(
    "without memory for the list of blobs to compress every put ends, and those that were "
    "acknowledged can be read") {
  store_fixture store([](options& how) { how.compression = compression::zstd; });
  constexpr std::size_t count = 5000;
  // The list grows by doubling and is far from done here.
  constexpr std::size_t list_bytes = 2048 * sizeof(asio::const_buffer);
  std::vector<std::string> blobs;
  for (std::size_t i = 0; i < count; ++i) blobs.push_back("blob number " + std::to_string(i));
  std::deque<outcome<data_location>> puts(count);
  for (std::size_t i = 0; i < count; ++i) store.db.put(asio::buffer(blobs[i]), puts[i].handler());
  bool happened = false;
  {
    const failing_allocation failing(whose::of_this_thread, list_bytes, list_bytes);
    run_dry(store.context);
    happened = failing.happened();
  }
  REQUIRE(happened);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < count; ++i) {
    REQUIRE(puts[i].calls == 1);
    if (puts[i].error) {
      ++refused;
      REQUIRE(puts[i].error == no_memory);
    } else {
      REQUIRE(store.get(puts[i].value()) == blobs[i]);
    }
  }
  CHECK(refused != 0);
  CHECK(store.get(store.put("goes on")) == "goes on");
}

TEST_CASE(
    "without memory for the list of files a put ends with an error, and the next one is stored") {
  store_fixture store(
      [](options& how) { how.compression = GENERATE(compression::none, compression::zstd); });
  store.put("some bytes");
  // With this the thread is there already, and the directory has to be listed again.
  store.roll();
  write_file(store.data_path(9), {});
  outcome<data_location> put;
  store.db.put(asio::buffer("refused", 7), put.handler());
  bool happened = false;
  {
    const failing_allocation failing(whose::of_other_threads);
    run_dry(store.context);
    happened = failing.happened();
  }
  REQUIRE(happened);
  CHECK(put.calls == 1);
  CHECK(put.error == no_memory);
  CHECK(store.get(store.put("goes on")) == "goes on");
}

TEST_CASE("without memory for the ring's numbers a get goes on without one") {
  temporary_directory directory;
  asio::io_context context;
  flat_file_db db = flat_file_db::open(context, options_in(directory));
  outcome<data_location> put;
  db.put(asio::buffer("some bytes", 10), put.handler());
  run_dry(context);
  REQUIRE(put.well());
  outcome<blob> get;
  {
    // The numbers are all that is of this size.
    const failing_allocation failing(whose::of_this_thread, 512 * sizeof(int), 512 * sizeof(int));
    db.get(put.value(), get.handler());
    CHECK(failing.happened() == (backend_under_test() == backend::io_uring));
  }
  run_dry(context);
  CHECK(get.value().text() == "some bytes");
}

TEST_CASE(
    "without memory for a file that has to be opened a get ends with an error, and the next one "
    "succeeds") {
  temporary_directory directory;
  bool cold = false;
  asio::io_context context;
  const store_on_disk store(
      context, options_in(directory),
      [&cold](std::unique_ptr<io::file_io> real) -> std::unique_ptr<io::file_io> {
        return std::make_unique<cold_names>(std::move(real), cold);
      });
  outcome<data_location> put;
  store.put(asio::buffer("some bytes", 10), put.handler());
  run_dry(context);
  REQUIRE(put.well());
  outcome<blob> get;
  bool happened = false;
  // Beside the file, the count of its owners.
  constexpr std::size_t file_bytes = sizeof(detail::data_file);
  constexpr std::size_t shared_bytes = file_bytes + 2 * sizeof(void*);
  SECTION("on a helper thread") {
    cold = true;
    const failing_allocation failing(whose::of_other_threads, file_bytes, shared_bytes);
    store.get(put.value(), get.handler());
    run_dry(context);
    happened = failing.happened();
  }
  SECTION("at once") {
    const failing_allocation failing(whose::of_this_thread, file_bytes, shared_bytes);
    store.get(put.value(), get.handler());
    happened = failing.happened();
  }
  run_dry(context);
  REQUIRE(happened);
  CHECK(get.calls == 1);
  CHECK(get.error == no_memory);
  outcome<blob> again;
  store.get(put.value(), again.handler());
  run_dry(context);
  REQUIRE(again.well());
  CHECK(again.value().text() == "some bytes");
}

TEST_CASE("without memory a file whose write failed is poisoned all the same") {
  temporary_directory directory;
  std::optional<failing_allocation> failing;
  asio::io_context context;
  const store_on_disk store(
      context, options_in(directory),
      [&failing](std::unique_ptr<io::file_io> real) -> std::unique_ptr<io::file_io> {
        return std::make_unique<failing_write>(std::move(real), failing);
      });
  outcome<data_location> refused;
  store.put(asio::buffer("refused", 7), refused.handler());
  run_dry(context);
  REQUIRE((failing && failing->happened()));
  failing.reset();
  CHECK(refused.calls == 1);
  CHECK(refused.error == no_memory);
  outcome<data_location> next;
  store.put(asio::buffer("goes on", 7), next.handler());
  run_dry(context);
  REQUIRE(next.well());
  CHECK(next.value().file_number == 1);
}

}  // namespace conduit::test

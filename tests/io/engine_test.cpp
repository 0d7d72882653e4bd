// What both engines promise to whoever gives them requests: which of them are completed, and with
// what.
#include "io/engine.hpp"

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <sys/uio.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>

#include "base/unique_fd.hpp"
#include "io/ring_service.hpp"
#include "io/thread_service.hpp"
#include "support/backend.hpp"
#include "support/bytes.hpp"
#include "support/page_cache.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

using detail::io_request;

io::engine& engine_of(asio::io_context& context) {
  if (backend_under_test() == backend::threads) return io::thread_service::of(context);
  return io::ring_service::of(context);
}

class counted_request final : public io_request {
 public:
  counted_request(kind wanted, int of_file) {
    what = wanted;
    fd = of_file;
  }
  void complete() override { ++completions; }
  void drop() noexcept override { ++drops; }

  unsigned completions = 0;
  unsigned drops = 0;
};

// Begins two more when it is dropped.
class parent_request final : public io_request {
 public:
  parent_request(io_request& begun, io_request& answered) : begun_(begun), answered_(answered) {}
  void complete() override {}
  void drop() noexcept override {
    engine->start(begun_);
    engine->complete_later(answered_);
  }

  io::engine* engine = nullptr;

 private:
  io_request& begun_;
  io_request& answered_;
};

}  // namespace

TEST_CASE("requests that begin where another one is dropped with its context are dropped too") {
  counted_request begun(io_request::kind::read, -1);
  counted_request answered(io_request::kind::read, -1);
  parent_request second(begun, answered);
  counted_request beside(io_request::kind::read, -1);
  parent_request first(second, beside);
  {
    asio::io_context context;
    first.engine = second.engine = &engine_of(context);
    first.engine->start(first);
  }
  CHECK(begun.drops == 1);
  CHECK(answered.drops == 1);
  CHECK(beside.drops == 1);
  CHECK(begun.completions + answered.completions + beside.completions == 0);
}

TEST_CASE("reads once of a file that cannot be read without caching give its bytes all the same") {
  // A file in memory refuses such reads.
  const unique_fd file(::memfd_create("bytes", MFD_CLOEXEC));
  constexpr std::size_t part_bytes = 1000;
  const std::string bytes = bytes_of(5, 100 * part_bytes);
  REQUIRE(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  std::string found(bytes.size(), '\0');
  std::deque<counted_request> reads;
  asio::io_context context;
  for (int round = 0; round < 2; ++round) {
    found.assign(bytes.size(), '\0');
    reads.clear();
    for (std::size_t at = 0; at < bytes.size(); at += part_bytes) {
      counted_request& read = reads.emplace_back(io_request::kind::read, file.get());
      read.once = true;
      read.data = found.data() + at;
      read.size = part_bytes;
      read.offset = at;
      engine_of(context).start(read);
    }
    context.restart();
    context.run();
    for (const counted_request& read : reads) {
      CHECK(read.completions == 1);
      CHECK(read.result == static_cast<std::int64_t>(part_bytes));
    }
    CHECK(found == bytes);
  }
}

TEST_CASE("a read once of a hot file leaves it hot behind one of a file that refuses such reads") {
  const unique_fd refusing(::memfd_create("bytes", MFD_CLOEXEC));
  REQUIRE(::write(refusing.get(), "bytes", 5) == 5);
  const temporary_directory directory;
  const std::filesystem::path path = directory / "hot";
  write_file(path, bytes_of(6, 1U << 20));
  const std::string hot = read_file(path);
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  asio::io_context context;
  for (const int fd : {refusing.get(), file.get()}) {
    std::string found(hot.size(), '\0');
    counted_request read(io_request::kind::read, fd);
    read.once = true;
    read.data = found.data();
    read.size = found.size();
    engine_of(context).start(read);
    context.restart();
    context.run();
    REQUIRE(read.result > 0);
  }
  CHECK(cached_bytes(path) == hot.size());
}

}  // namespace conduit::test

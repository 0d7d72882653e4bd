// What both engines promise to whoever gives them requests: which of them are completed, and with
// what.
#include "io/engine.hpp"

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <sys/uio.h>

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "base/unique_fd.hpp"
#include "io/ring_service.hpp"
#include "io/thread_service.hpp"
#include "support/backend.hpp"
#include "support/bytes.hpp"
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

// A write and the sync that is linked to it.
struct linked_pair {
  linked_pair(int fd, std::string& bytes)
      : part{bytes.data(), bytes.size()},
        write(io_request::kind::write, fd),
        sync(io_request::kind::sync_data, fd) {
    write.iov = &part;
    write.iov_count = 1;
    write.linked = &sync;
  }

  iovec part;
  counted_request write;
  counted_request sync;
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

TEST_CASE("a linked pair is completed by its sync, for both, and not by its write") {
  std::string bytes = bytes_of(1, 100'000);
  const temporary_directory directory;
  const unique_fd file(::open((directory / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  asio::io_context context;
  io::engine& engine = engine_of(context);
  linked_pair pair(file.get(), bytes);
  engine.start(pair.write);
  context.run();
  CHECK(pair.write.completions == 0);
  CHECK(pair.sync.completions == 1);
  CHECK(pair.write.result == static_cast<std::int64_t>(bytes.size()));
  CHECK(pair.sync.result == 0);
  CHECK(engine.idle());
  CHECK(read_file(directory / "file") == bytes);
}

TEST_CASE("a linked pair whose write fails is completed by its sync too") {
  std::string bytes = bytes_of(2, 1000);
  const temporary_directory directory;
  write_file(directory / "file", "");
  const unique_fd not_for_writing(::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC));
  asio::io_context context;
  io::engine& engine = engine_of(context);
  linked_pair pair(not_for_writing.get(), bytes);
  engine.start(pair.write);
  context.run();
  CHECK(pair.write.completions == 0);
  CHECK(pair.sync.completions == 1);
  CHECK(pair.write.result == -EBADF);
  CHECK(pair.sync.result == -ECANCELED);
  CHECK(engine.idle());
}

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

}  // namespace conduit::test

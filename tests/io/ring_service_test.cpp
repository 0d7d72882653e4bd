// Requests that the kernel keeps for a while. They read from a pipe, which answers when a test
// wants it to.
#include "io/ring_service.hpp"

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/run_loop.hpp"

namespace conduit::test {

namespace {

using detail::io_request;

struct pipe_ends {
  pipe_ends() {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    out.reset(ends[0]);
    in.reset(ends[1]);
  }

  unique_fd out;
  unique_fd in;
};

class pipe_read final : public io_request {
 public:
  explicit pipe_read(const pipe_ends& from) {
    fd = from.out.get();
    data = got.data();
    size = got.size();
  }
  void complete() override { ++completions; }
  void drop() noexcept override {}

  std::string got = std::string(9, '\0');
  unsigned completions = 0;
};

// A read that begins another one when it is answered.
class chained_read final : public io_request {
 public:
  void begin(io::ring_service& ring, const pipe_ends& from) {
    fd = from.out.get();
    data = &got;
    size = 1;
    ring.start(*this);
  }
  void complete() override { then(); }
  void drop() noexcept override {}
  bool is_with_kernel() const { return state == phase::in_kernel; }

  std::function<void()> then = [] {};
  char got = 0;
};

// Hands a request to the kernel on a thread that ends with that.
void submit_on_a_thread(asio::io_context& context, io_request& request) {
  std::thread([&] {
    io::ring_service::of(context).start(request);
    context.run_one();
  }).join();
  context.restart();
}

}  // namespace

TEST_CASE("a read that is answered after the end of the thread that submitted it ends well") {
  if (io::try_ring()) return;  // forbidden here
  const pipe_ends pipe;
  asio::io_context context;
  pipe_read read(pipe);
  submit_on_a_thread(context, read);
  CHECK(read.completions == 0);
  REQUIRE(::write(pipe.in.get(), "something", 9) == 9);
  context.run();
  CHECK(read.completions == 1);
  CHECK(read.result == 9);
  CHECK(read.got == "something");
}

TEST_CASE(
    "a read that is cancelled after the end of the thread that submitted it is not tried again") {
  if (io::try_ring()) return;  // forbidden here
  const pipe_ends pipe;
  asio::io_context context;
  pipe_read read(pipe);
  submit_on_a_thread(context, read);
  io::ring_service::of(context).cancel(read);
  context.run();
  CHECK(read.completions == 1);
  CHECK(read.result == -ECANCELED);
}

TEST_CASE("a read into memory that is none ends, however often it is tried") {
  if (io::try_ring()) return;  // forbidden here
  const pipe_ends pipe;
  asio::io_context context;
  pipe_read read(pipe);
  read.data = nullptr;
  REQUIRE(::write(pipe.in.get(), "something", 9) == 9);
  io::ring_service::of(context).start(read);
  context.run();
  CHECK(read.completions == 1);
  CHECK(read.result == -EFAULT);
}

TEST_CASE("while a disk works it gets the next requests before all handlers have run") {
  if (io::try_ring()) return;  // forbidden here
  constexpr std::size_t count = 20;
  const std::vector<pipe_ends> pipes(2 * count);
  asio::io_context context;
  io::ring_service& ring = io::ring_service::of(context);
  std::vector<chained_read> reads(2 * count);
  std::size_t begun = count;
  std::size_t given_early = 0;
  for (std::size_t i = 0; i < count; ++i) {
    reads[i].then = [&] {
      // These handlers run in one turn.
      if (begun < count + 16 && begun > count) given_early += reads[count].is_with_kernel();
      reads[begun].begin(ring, pipes[begun]);
      ++begun;
    };
    reads[i].begin(ring, pipes[i]);
  }
  context.poll();
  for (std::size_t i = 0; i < count; ++i) REQUIRE(::write(pipes[i].in.get(), "x", 1) == 1);
  while (begun < 2 * count) context.run_one();
  CHECK(given_early > 0);
  for (std::size_t i = count; i < 2 * count; ++i) REQUIRE(::write(pipes[i].in.get(), "y", 1) == 1);
  context.run();
  for (std::size_t i = count; i < 2 * count; ++i) CHECK(reads[i].got == 'y');
}

}  // namespace conduit::test

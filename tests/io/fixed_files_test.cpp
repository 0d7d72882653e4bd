// Files that a ring knows by number: whose bytes a number gives, and that nobody holds a file once
// it is closed.
#include "io/fixed_files.hpp"

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "io/ring_service.hpp"
#include "support/bytes.hpp"
#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

using detail::io_request;

class read_by_number final : public io_request {
 public:
  explicit read_by_number(int number) {
    fixed = number;
    data = got.data();
    size = got.size();
  }
  void complete() override { got.resize(result < 0 ? 0 : static_cast<std::size_t>(result)); }
  void drop() noexcept override {}

  std::string got = std::string(100, '\0');
};

// A context with a ring, and files to register there.
struct ring_and_files {
  temporary_directory directory;
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();

  std::string path(const std::string& name) const { return (directory / name).string(); }
  unique_fd open(const std::string& name) const {
    write_file(path(name), "the bytes of " + name);
    return unique_fd(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
  }
  io::ring_service& ring() { return io::ring_service::of(*context); }
  std::string read(int number) {
    read_by_number request(number);
    ring().start(request);
    context->restart();
    context->run();
    return request.got;
  }
  // The kernel grants such a lease only while nobody else has the file open.
  bool is_held(const std::string& name) const {
    const unique_fd alone(::open(path(name).c_str(), O_RDWR | O_CLOEXEC));
    return ::fcntl(alone.get(), F_SETLEASE, F_WRLCK) != 0;
  }
};

}  // namespace

TEST_CASE("a ring reads a file by the number that it gave it") {
  ring_and_files host;
  const unique_fd first = host.open("first");
  const unique_fd second = host.open("second");
  const io::fixed_file one = host.ring().fix(first.get());
  const io::fixed_file other = host.ring().fix(second.get());
  REQUIRE(one.number() != io::fixed_files::none);
  REQUIRE(other.number() != one.number());
  CHECK(host.read(one.number()) == "the bytes of first");
  CHECK(host.read(other.number()) == "the bytes of second");
}

TEST_CASE("the number of a closed file gives the bytes of the next file that gets it") {
  ring_and_files host;
  std::optional<unique_fd> first = host.open("first");
  int number = io::fixed_files::none;
  {
    const io::fixed_file fixed = host.ring().fix(first->get());
    number = fixed.number();
    CHECK(host.read(number) == "the bytes of first");
  }
  first.reset();
  CHECK(host.read(number).empty());
  const unique_fd second = host.open("second");
  const io::fixed_file fixed = host.ring().fix(second.get());
  CHECK(fixed.number() == number);
  CHECK(host.read(number) == "the bytes of second");
}

TEST_CASE("a ring holds a file while it has a number, and not any longer") {
  ring_and_files host;
  std::optional<unique_fd> file = host.open("file");
  std::optional<io::fixed_file> fixed(host.ring().fix(file->get()));
  REQUIRE(fixed->number() != io::fixed_files::none);
  file.reset();
  CHECK(host.is_held("file"));
  SECTION("until its value goes") { fixed.reset(); }
  SECTION("until the context goes, and the value afterwards") { host.context.reset(); }
  CHECK_FALSE(host.is_held("file"));
}

TEST_CASE("a ring that has no number left gives none, and one again once a file is closed") {
  ring_and_files host;
  const unique_fd file = host.open("file");
  std::vector<io::fixed_file> fixed;
  do {
    fixed.push_back(host.ring().fix(file.get()));
  } while (fixed.back().number() != io::fixed_files::none && fixed.size() < 100'000);
  CHECK(fixed.size() > 100);
  CHECK(fixed.size() < 100'000);
  CHECK(host.ring().fix(file.get()).number() == io::fixed_files::none);
  fixed.pop_back();
  fixed.pop_back();
  const io::fixed_file again = host.ring().fix(file.get());
  REQUIRE(again.number() != io::fixed_files::none);
  CHECK(host.read(again.number()) == "the bytes of file");
}

TEST_CASE("a forked child that destroys its numbers takes none from its parent") {
  ring_and_files host;
  const unique_fd file = host.open("file");
  auto fixed = std::make_unique<io::fixed_file>(host.ring().fix(file.get()));
  REQUIRE(fixed->number() != io::fixed_files::none);
  CHECK(in_child([&] {
          fixed.reset();
          return 0;
        }) == 0);
  CHECK(host.read(fixed->number()) == "the bytes of file");
}

TEST_CASE("a file that is not open gets no number") {
  ring_and_files host;
  CHECK(host.ring().fix(-1).number() == io::fixed_files::none);
  const unique_fd file = host.open("file");
  CHECK(host.ring().fix(file.get()).number() != io::fixed_files::none);
}

}  // namespace conduit::test

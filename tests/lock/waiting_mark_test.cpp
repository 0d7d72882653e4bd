// The mark of a wait for the lock, and the holder's question after such marks.
#include "lock/waiting_mark.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {
namespace {

struct marked_directory {
  marked_directory() { marks.begin(path); }

  const temporary_directory directory;
  const std::string path = directory.path().string();
  lock::waiting_marks marks;
};

// A copy of the newest descriptor that is open on the directory.
unique_fd inherited_from(const std::string& path) {
  const std::filesystem::path wanted = std::filesystem::canonical(path);
  for (int fd = 1023; fd >= 0; --fd) {
    std::error_code closed;
    const std::filesystem::path entry = "/proc/self/fd/" + std::to_string(fd);
    if (std::filesystem::read_symlink(entry, closed) == wanted)
      return unique_fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  }
  return {};
}

}  // namespace

TEST_CASE("somebody waits as long as one of several marks stands") {
  marked_directory own;
  CHECK_FALSE(own.marks.any());
  auto first = std::make_unique<lock::waiting_mark>(own.path);
  auto second = std::make_unique<lock::waiting_mark>(own.path);
  first.reset();
  CHECK(own.marks.any());
  second.reset();
  CHECK_FALSE(own.marks.any());
}

TEST_CASE("a living child that has inherited the descriptor of a mark does not keep the mark") {
  marked_directory own;
  auto mark = std::make_unique<lock::waiting_mark>(own.path);
  const unique_fd inherited = inherited_from(own.path);
  REQUIRE(inherited);
  mark.reset();
  CHECK_FALSE(own.marks.any());
}

TEST_CASE("a forked child gives the descriptor of a mark away") {
  marked_directory own;
  auto mark = std::make_unique<lock::waiting_mark>(own.path);
  child_process child([] {
    while (true) ::pause();
    return 0;
  });
  mark.reset();
  CHECK_FALSE(own.marks.any());
}

TEST_CASE("a holder that cannot ask takes it that somebody waits") {
  lock::waiting_marks marks;
  CHECK(marks.any());
  marks.begin("/nonexistent");
  CHECK(marks.any());
}

TEST_CASE("a waiter without a descriptor for its mark waits unmarked") {
  marked_directory own;
  CHECK(in_child([&] {
          const rlimit none{0, 0};
          EXPECT_IN_CHILD(::setrlimit(RLIMIT_NOFILE, &none) == 0);
          const lock::waiting_mark mark(own.path);
          EXPECT_IN_CHILD(!own.marks.any());
          return 0;
        }) == 0);
}

}  // namespace conduit::test

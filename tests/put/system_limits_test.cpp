// What the operating system may refuse: room for a file, descriptors, locked memory, permission.
// Each in a child process, since limits cannot be taken back.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>

#include "support/bytes.hpp"
#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

void limit(int resource, rlim_t value) {
  struct rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
  now.rlim_cur = value;
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &now) != 0)
    throw std::system_error(errno, std::system_category());
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd"))
    count += entry.is_symlink() ? 1U : 0U;
  return count;
}

// Whoever may do everything becomes somebody who may not.
void give_up_rights() {
  if (::geteuid() != 0) return;
  // A user of its own: the kernel adds up the locked memory of all processes of one, and takes its
  // time to give a ring's back.
  const auto user = static_cast<uid_t>(60000 + ::getpid() % 5000);
  if (::setresuid(user, user, user) != 0) throw std::system_error(errno, std::system_category());
}

int child_with_file_limit(const machine& host) {
  ::signal(SIGXFSZ, SIG_IGN);
  limit(RLIMIT_FSIZE, 4U << 20);
  process writer = host.start();
  const std::string big = bytes_of(1, 2'400'000);
  const std::string small = bytes_of(2, 2000);
  const auto first = writer->put(big);
  EXPECT_IN_CHILD(!first.error);
  EXPECT_IN_CHILD(writer->put(big).error.value() == EFBIG);
  EXPECT_IN_CHILD(host.size_of(0) == big.size());
  EXPECT_IN_CHILD(lock_is_free(host.lock_path()));
  const auto second = writer->put(small);
  EXPECT_IN_CHILD(!second.error && second.value.file_number == 0 &&
                  second.value.start == big.size());
  EXPECT_IN_CHILD(writer->get(first.value).value == big);
  EXPECT_IN_CHILD(writer->get(second.value).value == small);
  // The next file has room again.
  EXPECT_IN_CHILD(writer->roll().value == 1);
  EXPECT_IN_CHILD(writer->put(big).value.file_number == 1);
  EXPECT_IN_CHILD(!writer->sync());
  return 0;
}

int child_without_descriptors(const machine& host) {
  process writer = host.start();
  const auto known = writer->put("some bytes");
  EXPECT_IN_CHILD(writer->roll().value == 1);
  const auto unknown = writer->put("in the next file");
  EXPECT_IN_CHILD(writer->get(known.value).value == "some bytes");
  limit(RLIMIT_NOFILE, open_descriptors());
  std::vector<unique_fd> rest;
  for (;;) {
    unique_fd one(::dup(STDERR_FILENO));
    if (!one) break;
    rest.push_back(std::move(one));
  }
  // What is open goes on, what must be opened is refused, and nothing is lost.
  EXPECT_IN_CHILD(writer->get(known.value).value == "some bytes");
  EXPECT_IN_CHILD(writer->get(unknown.value).error.value() == EMFILE);
  EXPECT_IN_CHILD(writer->put("more bytes").value.file_number == 1);
  EXPECT_IN_CHILD(writer->roll().error.value() == EMFILE);
  EXPECT_IN_CHILD(writer->files().error.value() == EMFILE);
  rest.clear();
  limit(RLIMIT_NOFILE, 1024);
  EXPECT_IN_CHILD(writer->get(unknown.value).value == "in the next file");
  EXPECT_IN_CHILD(writer->files().value.size() >= 2);
  EXPECT_IN_CHILD(!writer->roll().error);
  EXPECT_IN_CHILD(!writer->put("more bytes").error);
  return 0;
}

// Opens the store with ever more descriptors, from none, until that succeeds.
int child_that_opens_with_few_descriptors(const machine& host) {
  const std::size_t before = open_descriptors();
  const auto lowest_free = static_cast<std::size_t>(unique_fd(::dup(STDERR_FILENO)).get());
  for (std::size_t spare = 0; spare < 64; ++spare) {
    bool opened = false;
    limit(RLIMIT_NOFILE, lowest_free + spare);
    try {
      process writer = host.start();
      opened = true;
      const auto blob = writer->put("some bytes");
      if (!blob.error) {
        EXPECT_IN_CHILD(writer->get(blob.value).error.value() == EMFILE ||
                        writer->get(blob.value).value == "some bytes");
      } else {
        EXPECT_IN_CHILD(blob.error.value() == EMFILE);
      }
      if (!blob.error && spare > 40) return 0;
    } catch (const std::system_error& refused) {
      EXPECT_IN_CHILD(!opened);
      EXPECT_IN_CHILD(refused.code().value() == EMFILE);
    }
    limit(RLIMIT_NOFILE, 1024);
    EXPECT_IN_CHILD(open_descriptors() == before);
  }
  return 2;
}

int child_in_unwritable_directory(const machine& host, const data_location& known) {
  give_up_rights();
  {
    process writer = host.start();
    EXPECT_IN_CHILD(writer->get(known).value == "some bytes");
    EXPECT_IN_CHILD(writer->put("more bytes").error == std::errc::permission_denied);
    EXPECT_IN_CHILD(writer->roll().error == std::errc::permission_denied);
    EXPECT_IN_CHILD(writer->get(known).value == "some bytes");
    EXPECT_IN_CHILD(lock_is_free(host.lock_path()));
  }
  EXPECT_IN_CHILD(host.start([](options& how) { how.read_only = true; })->get(known).value ==
                  "some bytes");
  try {
    host.start([&](options& how) { how.lock_path = host.how.data_directory / "x.lock"; });
    return 3;
  } catch (const std::system_error& refused) {
    EXPECT_IN_CHILD(refused.code() == std::errc::permission_denied);
  }
  return 0;
}

}  // namespace

TEST_CASE(
    "an append beyond the limit of a file's size fails with EFBIG and leaves the store usable") {
  machine host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  CHECK(in_child([&] { return child_with_file_limit(host); }) == 0);
}

TEST_CASE("without free descriptors what is open goes on and the rest fails with EMFILE") {
  machine host;
  CHECK(in_child([&] { return child_without_descriptors(host); }) == 0);
}

TEST_CASE("a store that cannot be opened for want of descriptors leaves none open") {
  machine host;
  CHECK(in_child([&] { return child_that_opens_with_few_descriptors(host); }) == 0);
}

TEST_CASE("a store works with 64 KiB of locked memory") {
  machine host;
  fs::permissions(host.directory.path(), fs::perms::all);
  CHECK(in_child([&] {
          limit(RLIMIT_MEMLOCK, 64U << 10);
          give_up_rights();
          process writer = host.start();
          const std::string big = bytes_of(1, 2'400'000);
          const auto one = writer->put(big);
          EXPECT_IN_CHILD(!one.error && writer->get(one.value).value == big);
          return 0;
        }) == 0);
}

TEST_CASE(
    "in a directory that cannot be written reading goes on and puts fail with a clear error") {
  machine host;
  data_location known;
  {
    process writer = host.start([](options& how) { how.file_mode = 0644; });
    known = writer->put("some bytes").value;
  }
  constexpr fs::perms look_only = fs::perms::owner_read | fs::perms::owner_exec |
                                  fs::perms::group_read | fs::perms::group_exec |
                                  fs::perms::others_read | fs::perms::others_exec;
  fs::permissions(host.directory.path(), look_only);
  fs::permissions(host.lock_path(), fs::perms::all);
  fs::permissions(host.how.data_directory, look_only);
  CHECK(in_child([&] { return child_in_unwritable_directory(host, known); }) == 0);
  // So that it can be removed.
  fs::permissions(host.directory.path(), fs::perms::owner_all);
  fs::permissions(host.how.data_directory, fs::perms::owner_all);
}

#include "files/open_files.hpp"

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "files/file_name.hpp"
#include "io/system_io.hpp"
#include "io/thread_service.hpp"
#include "support/bytes.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

using detail::data_file;
using detail::open_effort;
using detail::open_files;

// A directory of plain files, each holding its number as text.
struct files_under_test {
  explicit files_under_test(std::size_t limit) : files(disk, directory.get(), limit) {}

  void create(std::uint32_t number) {
    write_file(path / files::file_name(number).text(), std::to_string(number));
  }

  std::shared_ptr<data_file> open(std::uint32_t number) {
    return files.open(number, false, open_effort::may_block, error);
  }

  // More often than a file has to be found to come to hand.
  void find_often(std::uint32_t number) {
    for (unsigned i = 0; i < 20; ++i) static_cast<void>(files.find(number));
  }
  bool is_at_hand(std::uint32_t number) {
    return files.with_file_at_hand(number, [](const data_file&) {});
  }

  std::string content(const data_file& file) {
    std::string text(20, '\0');
    const std::int64_t count = disk.read(file.fd(), text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

  temporary_directory path;
  asio::io_context context;
  io::system_io disk{io::thread_service::of(context)};
  unique_fd directory{::open(path.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  open_files files;
  std::error_code error;
};

}  // namespace

TEST_CASE("a file is found once it was opened") {
  files_under_test all(4);
  all.create(1);
  all.create(2);
  CHECK_FALSE(all.files.find(1));
  const auto first = all.open(1);
  REQUIRE(first);
  CHECK_FALSE(all.error);
  CHECK(all.content(*first) == "1");
  CHECK(all.files.find(1) == first);
  CHECK(all.files.find(1) == first);
  CHECK_FALSE(all.files.find(2));
  const auto second = all.open(2);
  CHECK(all.files.find(2) == second);
  CHECK(all.files.find(1) == first);
}

TEST_CASE("no more files stay open than the limit and those in use are kept by their users") {
  files_under_test all(3);
  for (std::uint32_t number = 0; number < 20; ++number) all.create(number);
  const auto kept = all.open(0);
  for (std::uint32_t number = 1; number < 20; ++number) {
    REQUIRE(all.open(number));
    REQUIRE(all.files.find(number));
    std::size_t open = 0;
    for (std::uint32_t one = 0; one < 20; ++one) open += all.files.find(one) ? 1U : 0U;
    REQUIRE(open <= 3);
  }
  CHECK(all.content(*kept) == "0");
}

TEST_CASE("a limit of one file is enough") {
  files_under_test all(1);
  all.create(1);
  all.create(2);
  for (int round = 0; round < 3; ++round) {
    REQUIRE(all.open(1));
    CHECK(all.files.find(1));
    REQUIRE(all.open(2));
    CHECK_FALSE(all.files.find(1));
  }
}

TEST_CASE("a forgotten file is opened anew") {
  files_under_test all(4);
  all.create(1);
  const auto old = all.open(1);
  std::filesystem::remove(all.path / "data_00000001.dat");
  write_file(all.path / "data_00000001.dat", "new");
  CHECK(all.files.find(1) == old);
  all.files.forget(1);
  CHECK_FALSE(all.files.find(1));
  CHECK(all.files.take_deleted().front() == old);
  const auto found = all.open(1);
  REQUIRE(found);
  CHECK(all.files.find(1) == found);
  CHECK(all.content(*found) == "new");
  CHECK(all.content(*old) == "1");
  all.files.forget(17);  // was never there
}

TEST_CASE("deleted files are forgotten and no others") {
  files_under_test all(8);
  for (std::uint32_t number = 0; number < 4; ++number) {
    all.create(number);
    all.open(number);
  }
  std::filesystem::remove(all.path / "data_00000001.dat");
  std::filesystem::rename(all.path / "data_00000002.dat", all.path / "elsewhere");
  CHECK(all.files.take_deleted().size() == 1);
  CHECK(all.files.find(0));
  CHECK_FALSE(all.files.find(1));
  CHECK(all.files.find(2));
  CHECK(all.files.find(3));
}

TEST_CASE("the reasons why a file cannot be opened are told apart") {
  files_under_test all(4);
  std::filesystem::create_directory(all.path / "data_00000001.dat");
  ::mkfifo((all.path / "data_00000002.dat").c_str(), 0600);
  std::filesystem::create_symlink("/dev/zero", all.path / "data_00000003.dat");
  write_file(all.path / "data_00000004.dat.zst", "not empty");
  write_file(all.path / "data_00000005.dat", "");
  write_file(all.path / "data_00000005.dat.zst", "hidden by nothing");
  write_file(all.path / "data_00000006.dat", "");
  CHECK_FALSE(all.open(0));
  CHECK(all.error == errc::no_such_file);
  for (const std::uint32_t number : {1U, 2U, 3U}) {
    CAPTURE(number);
    CHECK_FALSE(all.open(number));
    CHECK(all.error == errc::not_a_regular_file);
  }
  CHECK(all.open(4));
  CHECK_FALSE(all.error);
  const auto behind_empty =
      all.open(5);  // the empty file of an original does not hide the compressed one
  REQUIRE(behind_empty);
  CHECK(behind_empty->id.form == file_form::zstd);
  CHECK(all.open(6));
  CHECK_FALSE(all.error);
  for (std::uint32_t number = 0; number < 4; ++number) CHECK_FALSE(all.files.find(number));
}

TEST_CASE("a file may be opened for direct reads") {
  files_under_test all(4);
  all.create(1);
  const auto file = all.files.open(1, true, open_effort::may_block, all.error);
  REQUIRE(file);
  CHECK(file->opened_for_direct);
  CHECK(all.files.find(1) == file);
  const auto buffered = all.open(1);  // takes its place
  REQUIRE(buffered);
  CHECK_FALSE(buffered->direct);
  CHECK(all.files.find(1) == buffered);
}

TEST_CASE("a file that is found again and again comes to hand") {
  files_under_test all(4);
  all.create(1);
  all.create(2);
  const auto first = all.open(1);
  const auto second = all.open(2);
  CHECK_FALSE(all.is_at_hand(1));
  all.find_often(1);
  CHECK(all.is_at_hand(1));
  CHECK_FALSE(all.is_at_hand(2));
  all.find_often(2);
  CHECK(all.is_at_hand(2));
  CHECK_FALSE(all.is_at_hand(1));
}

TEST_CASE("a compressed file does not come to hand") {
  files_under_test all(4);
  write_file(all.path / files::file_name(1, file_form::zstd).text(), "frames");
  REQUIRE(all.open(1));
  all.find_often(1);
  CHECK_FALSE(all.is_at_hand(1));
}

TEST_CASE("a file in the hand of one read is found by all others") {
  files_under_test all(4);
  all.create(1);
  const auto file = all.open(1);
  all.find_often(1);
  const bool in_hand = all.files.with_file_at_hand(1, [&](const data_file&) {
    CHECK_FALSE(all.is_at_hand(1));
    CHECK(all.files.find(1) == file);
  });
  CHECK(in_hand);
  CHECK(all.is_at_hand(1));
}

TEST_CASE("a forgotten file is not at hand, nor one that was opened again") {
  files_under_test all(4);
  all.create(1);
  REQUIRE(all.open(1));
  all.find_often(1);
  all.files.forget(1);
  CHECK_FALSE(all.is_at_hand(1));
  all.find_often(1);
  CHECK_FALSE(all.is_at_hand(1));
  REQUIRE(all.open(1));
  all.find_often(1);
  CHECK(all.is_at_hand(1));
  const auto again = all.open(1);
  CHECK_FALSE(all.is_at_hand(1));
  all.find_often(1);
  const data_file* used = nullptr;
  CHECK(all.files.with_file_at_hand(1, [&](const data_file& file) { used = &file; }));
  CHECK(used == again.get());
}

TEST_CASE("a file is forgotten only when the read that has it in its hand is over") {
  files_under_test all(4);
  all.create(1);
  REQUIRE(all.open(1));
  all.find_often(1);
  std::latch forgetting{1};
  std::atomic<bool> is_over{false};
  std::atomic<bool> was_over{false};
  std::thread forgetter;
  CHECK(all.files.with_file_at_hand(1, [&](const data_file&) {
    forgetter = std::thread([&] {
      forgetting.count_down();
      all.files.forget(1);
      was_over = is_over.load();
    });
    forgetting.wait();
    for (unsigned i = 0; i < 1000; ++i) std::this_thread::yield();
    is_over = true;
  }));
  forgetter.join();
  CHECK(was_over);
}

TEST_CASE("a deleted file that was at hand is closed") {
  files_under_test all(4);
  all.create(1);
  const std::weak_ptr<data_file> file = all.open(1);
  all.find_often(1);
  CHECK(all.is_at_hand(1));
  std::filesystem::remove(all.path / files::file_name(1).text());
  CHECK(all.files.take_deleted().front() == file.lock());
  CHECK(file.expired());
  CHECK_FALSE(all.is_at_hand(1));
}

}  // namespace conduit::test

// Rules 2, 4 to 7, 10, 11 and 16 of the protocol on disk, as far as they are about the mutable file
// of a compressed store.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <conduit/error.hpp>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

TEST_CASE("rule 6: whenever the lock is released the file ends in a table of all its frames") {
  const machine host = compressed_host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  process writer = host.start();
  std::string all;
  for (std::uint64_t round = 0; round < 30; ++round) {
    const std::string bytes = bytes_of(round, 1 + round * round * 300);
    const auto one = writer->put(bytes);
    REQUIRE(!one.error);
    CHECK(one.value.file_number == 0);
    CHECK(one.value.start == all.size());
    all += bytes;
    CHECK(one.value.end == all.size());
    REQUIRE(lock_is_free(host.lock_path()));
    REQUIRE(table_in(zstd_path(host, 0)).plain_size() == all.size());
  }
  CHECK(decompressed(zstd_path(host, 0)) == all);
}

TEST_CASE("rule 6: the table of a file is written before the next one is created") {
  const machine host = compressed_host();
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 100000)).error);
  bool stood = false;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.creates) stood = table_in(zstd_path(host, 0)).plain_size() == 100000;
    return std::nullopt;
  });
  REQUIRE(writer->roll().value == 1);
  CHECK(stood);
  CHECK(fs::exists(zstd_path(host, 1)));
}

TEST_CASE("rule 4: a compressed put goes on behind what another process of ours appended") {
  const machine host = compressed_host();
  process first = host.start();
  process second = host.start();
  std::string all;
  for (std::uint64_t round = 0; round < 40; ++round) {
    const std::string bytes = bytes_of(round, 64 + round * 100);
    const auto here = (round % 2 == 0 ? first : second)->put(bytes);
    REQUIRE(!here.error);
    REQUIRE(here.value.file_number == 0);
    REQUIRE(here.value.start == all.size());
    all += bytes;
  }
  CHECK(decompressed(zstd_path(host, 0)) == all);
  CHECK(table_in(zstd_path(host, 0)).count() == 40);
}

TEST_CASE("rule 4: a compressed put goes on behind what an original appended") {
  const machine host = compressed_host();
  process writer = host.start();
  std::string all;
  for (std::uint64_t round = 0; round < 10; ++round) {
    const std::string ours = bytes_of(round, 3000);
    REQUIRE(writer->put(ours).value.start == all.size());
    all += ours;
    const std::string theirs = bytes_of(100 + round, 5000);
    REQUIRE(append_as_zstd_original(host, 0, theirs).start == all.size());
    all += theirs;
  }
  CHECK(decompressed(zstd_path(host, 0)) == all);
  CHECK(host.names().size() == 1);
}

TEST_CASE("rule 4: a table that was overwritten without a change of the file's size is noticed") {
  const machine host =
      compressed_host([](options& how) { how.durability = durability::fdatasync; });
  process writer = host.start();
  const auto before = writer->put(bytes_of(1, 5000));
  const auto frames = table_in(zstd_path(host, 0));
  overwrite(zstd_path(host, 0), frames.stored_size(), std::string(8, 'x'));
  const auto after = writer->put(bytes_of(2, 5000));
  REQUIRE(!after.error);
  CHECK(after.value.file_number == 0);
  CHECK(after.value.start == before.value.end);
  CHECK(decompressed(zstd_path(host, 0)) == bytes_of(1, 5000) + bytes_of(2, 5000));
  CHECK(writer.events.count(event::kind::tail_mended) == 1);
}

TEST_CASE("rule 5: a torn tail behind the recorded end is cut off by the next put") {
  const machine host = compressed_host();
  const std::string bytes = bytes_of(1, 70000);
  REQUIRE(!host.start()->put(bytes).error);
  const fs::path file = zstd_path(host, 0);
  const std::string whole = read_file(file);
  const auto frames = table_in(file);
  cut_table(file);
  SECTION("the table is missing") {}
  SECTION("half of the table stands") { append_to(file, whole.substr(frames.stored_size(), 11)); }
  SECTION("half a frame stands over the table") { append_to(file, whole.substr(0, 1000)); }
  SECTION("something else stands there") { append_to(file, bytes_of(9, 333)); }
  SECTION("a whole frame nobody was told of, and half of one") {
    append_to(file, whole.substr(0, frames[0].sizes.stored + 10));
  }
  process writer = host.start();
  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 0);
  CHECK(writer.events.count(event::kind::tail_mended) == 1);
  const std::string plain = decompressed(file);
  CHECK(plain.substr(0, bytes.size()) == bytes);
  CHECK(plain.substr(next.value.start) == "more bytes");
  CHECK(table_in(file).plain_size() == plain.size());
}

TEST_CASE("rule 5: a file with a bad byte before the recorded end is never written again") {
  const machine host = compressed_host();
  REQUIRE(!host.start()->put(bytes_of(1, 70000)).error);
  const fs::path file = zstd_path(host, 0);
  const std::uint64_t middle = table_in(file)[0].sizes.stored / 2;
  SECTION("a byte is wrong") { overwrite(file, middle, "?!?!"); }
  SECTION("the file ends early") { fs::resize_file(file, middle); }
  SECTION("the file is empty") { fs::resize_file(file, 0); }
  const std::string before = read_file(file);
  process writer = host.start();
  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
  CHECK(read_file(file) == before);
  CHECK(writer.events.count(event::kind::file_in_doubt) == 1);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
}

TEST_CASE("rule 2: without a record of this boot a compressed file is left as it is") {
  machine host = compressed_host();
  REQUIRE(!host.start()->put(bytes_of(1, 1000)).error);
  cut_table(zstd_path(host, 0));
  const std::string before = read_file(zstd_path(host, 0));
  SECTION("another boot") { host.reboot(); }
  SECTION("no record") { fs::resize_file(host.lock_path(), 0); }
  process writer = host.start();
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(read_file(zstd_path(host, 0)) == before);
  CHECK(decompressed(zstd_path(host, 1)) == "more bytes");
}

TEST_CASE("rule 5: an error while the frames are walked stops the put and changes nothing") {
  const machine host = compressed_host();
  REQUIRE(!host.start()->put(bytes_of(1, 5000)).error);
  process writer = host.start();
  const std::string before = read_file(zstd_path(host, 0));
  writer.script->fail_next(io_call::read, fault::with_error(EIO), ".zst");
  CHECK(writer->put("more bytes").error == std::errc::io_error);
  CHECK(read_file(zstd_path(host, 0)) == before);
  CHECK(lock_is_free(host.lock_path()));
  CHECK(writer->put("more bytes").value.start == 5000);
}

TEST_CASE("rule 11: where there is no room the old table stands again") {
  const machine host = compressed_host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  const std::size_t size = GENERATE(1000U, 1000000U);
  const fault how =
      GENERATE(fault::with_error(ENOSPC), fault::with_error(EDQUOT), fault::with_error(EFBIG));
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 5000)).error);
  bool shortened = false;
  bool failed = false;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    const bool appends = (call.kind == io_call::start_write || call.kind == io_call::write) &&
                         call.file.ends_with(".zst");
    if (!appends || failed) return std::nullopt;
    if (!std::exchange(shortened, true)) return fault{fault::kind::short_half};
    failed = true;
    return how;
  });
  CHECK(writer->put(bytes_of(2, size)).error.value() == how.error);
  CHECK(failed);
  CHECK(lock_is_free(host.lock_path()));
  CHECK(decompressed(zstd_path(host, 0)) == bytes_of(1, 5000));
  CHECK(table_in(zstd_path(host, 0)).plain_size() == 5000);
  writer.script->set_rule({});
  const auto next = writer->put("more bytes");
  CHECK(next.value.file_number == 0);
  CHECK(next.value.start == 5000);
}

TEST_CASE(
    "rule 11: where not even the table finds room the frames end the file and the next put writes "
    "it") {
  const machine host = compressed_host();
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 5000)).error);
  const std::uint64_t end = table_in(zstd_path(host, 0)).stored_size();
  writer.script->set_rule([first = true](const seen_call& call) mutable -> std::optional<fault> {
    if (call.kind != io_call::write || !call.file.ends_with(".zst")) return std::nullopt;
    if (std::exchange(first, false)) return fault{fault::kind::short_half};
    return fault::with_error(ENOSPC);
  });
  CHECK(writer->put(bytes_of(2, 5000)).error.value() == ENOSPC);
  CHECK(fs::file_size(zstd_path(host, 0)) == end);
  CHECK(writer->put(bytes_of(2, 5000)).error.value() == ENOSPC);
  // One says that the table is missing, and one for each put that its write failed.
  CHECK(writer.events.count(event::kind::write_failed) == 3);
  writer.script->set_rule({});
  CHECK(writer->put(bytes_of(3, 5000)).value.start == 5000);
  CHECK(decompressed(zstd_path(host, 0)) == bytes_of(1, 5000) + bytes_of(3, 5000));
}

TEST_CASE("rule 11: a put that could write nothing leaves the table that stands") {
  const durability wanted = GENERATE(durability::none, durability::fdatasync);
  const machine host([&](options& how) {
    how.compression = compression::zstd;
    how.durability = wanted;
  });
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 5000)).error);
  const std::string before = read_file(zstd_path(host, 0));
  const bool record_too = GENERATE(false, true);
  writer.script->set_rule([record_too](const seen_call& call) -> std::optional<fault> {
    const bool writes = call.kind == io_call::write || call.kind == io_call::start_write;
    if (!writes || (!record_too && !call.file.ends_with(".zst"))) return std::nullopt;
    return fault::with_error(ENOSPC);
  });
  CHECK(writer->put(bytes_of(2, 5000)).error.value() == ENOSPC);
  CHECK(writer->put(bytes_of(2, 5000)).error.value() == ENOSPC);
  CHECK((read_file(zstd_path(host, 0)) == before));
  writer.script->set_rule({});
  CHECK(writer->put(bytes_of(3, 5000)).value.start == 5000);
  CHECK(decompressed(zstd_path(host, 0)) == bytes_of(1, 5000) + bytes_of(3, 5000));
}

TEST_CASE(
    "rule 6: a store whose context dies before it has looked at the file writes no table that it "
    "owes over the blobs of others") {
  const machine host = compressed_host();
  std::optional<process> owing;
  owing.emplace(host, host.how);
  REQUIRE(!(*owing)->put(bytes_of(1, 5000)).error);
  owing->script->set_rule([](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::write || !call.file.ends_with(".zst")) return std::nullopt;
    return fault::with_error(ENOSPC);
  });
  REQUIRE((*owing)->put(bytes_of(2, 5000)).error.value() == ENOSPC);
  process other = host.start();
  const auto appended = other->put(bytes_of(3, 5000));
  REQUIRE(appended.value.file_number == 0);
  REQUIRE(other->roll().value == 1);
  std::promise<void> looking;
  std::promise<void> dying;
  owing->script->set_rule([&, once = false](const seen_call& call) mutable -> std::optional<fault> {
    if (call.kind != io_call::list || std::exchange(once, true)) return std::nullopt;
    looking.set_value();
    dying.get_future().wait();
    return std::nullopt;
  });
  const auto deletion = (*owing)->begin_delete(7);
  const std::future<void> looks = looking.get_future();
  while (looks.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    (*owing)->context().restart();
    (*owing)->context().poll_one();
  }
  dying.set_value();
  owing.reset();
  CHECK_FALSE(deletion->has_value());
  CHECK(decompressed(zstd_path(host, 0)) == bytes_of(1, 5000) + bytes_of(3, 5000));
  CHECK((host.start()->get(appended.value).value == bytes_of(3, 5000)));
}

TEST_CASE(
    "rule 10: after a failed sync the frames stay with their table and the next put begins a new "
    "file") {
  const machine host =
      compressed_host([](options& how) { how.durability = durability::fdatasync; });
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 5000)).error);
  writer.script->fail_next(io_call::start_sync, fault::with_error(EIO));
  CHECK(writer->put(bytes_of(2, 5000)).error == std::errc::io_error);
  CHECK(table_in(zstd_path(host, 0)).plain_size() == 10000);
  CHECK(host.record()->poisoned == 0U);
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
  CHECK(writer->sync() == errc::poisoned);
}

TEST_CASE("rule 16: a compressed mutable file with a second hard link is left for the next one") {
  const machine host = compressed_host();
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  fs::create_hard_link(zstd_path(host, 0), host.directory / "backup");
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(decompressed(host.directory / "backup") == "some bytes");
}

TEST_CASE(
    "rule 16: a torn compressed file with a second hard link keeps every byte, whatever is done to "
    "the store") {
  const machine host = compressed_host();
  const bool empty = GENERATE(false, true);
  {
    process writer = host.start();
    if (empty) {
      writer.script->fail_every(io_call::write, fault::with_error(EIO), ".zst");
      REQUIRE(!writer->roll().error);
    } else {
      REQUIRE(!writer->put(bytes_of(1, 20000)).error);
    }
  }
  if (!empty) cut_table(zstd_path(host, 0));
  fs::create_hard_link(zstd_path(host, 0), host.directory / "backup");
  const std::string before = read_file(host.directory / "backup");
  process next = host.start();
  SECTION("a put") { CHECK(next->put("more bytes").value.file_number == 1); }
  SECTION("a roll") { CHECK(next->roll().value == 1); }
  SECTION("a sync") { CHECK(!next->sync()); }
  SECTION("a deletion") { CHECK(next->delete_file(7) == errc::no_such_file); }
  SECTION("mending on request") { CHECK(next->recover_file(0).error.value() == EMLINK); }
  CHECK(!next->close());
  CHECK(read_file(host.directory / "backup") == before);
}

TEST_CASE(
    "rule 16: a table that is still to be written is not written once the file has a second hard "
    "link") {
  const machine host = compressed_host();
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  // Half of a frame stands over the table.
  writer.script->set_rule([first = true](const seen_call& call) mutable -> std::optional<fault> {
    if (call.kind == io_call::truncate) return fault::with_error(EIO);
    if (call.kind != io_call::write || !call.file.ends_with(".zst")) return std::nullopt;
    return std::exchange(first, false) ? fault{fault::kind::short_half} : fault::with_error(ENOSPC);
  });
  REQUIRE(writer->put("no room").error.value() == ENOSPC);
  writer.script->set_rule({});
  fs::create_hard_link(zstd_path(host, 0), host.directory / "backup");
  const std::string before = read_file(host.directory / "backup");
  CHECK(writer->roll().value == 1);
  CHECK(read_file(host.directory / "backup") == before);
}

TEST_CASE("rule 5: a file that came into doubt gets no table, though one was still to be written") {
  const machine host = compressed_host();
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 20000)).error);
  writer.script->fail_every(io_call::write, fault::with_error(ENOSPC), ".zst");
  REQUIRE(writer->put("no room").error.value() == ENOSPC);
  writer.script->set_rule({});
  // Another process appended behind it, and that is lost.
  host.change_record([](lock::lock_record& record) { record.end += 1000; });
  const std::string before = read_file(zstd_path(host, 0));
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(writer.events.count(event::kind::file_in_doubt) == 1);
  CHECK(read_file(zstd_path(host, 0)) == before);
}

TEST_CASE(
    "rule 15: what is known of a compressed file's frames goes with the file, whose inode may come "
    "back") {
  const machine host = compressed_host();
  REQUIRE(!host.start()->put("the first").error);
  process writer = host.start([](options& how) { how.compression = compression::follow; });
  REQUIRE(writer->put("some bytes").value.file_number == 0);
  auto open_file = writer->home().state->unsynced->all().front().file;
  std::weak_ptr<conduit::detail::append_file> gone = open_file;
  io::file_status identity;
  struct stat found{};
  REQUIRE(::fstat(open_file->fd.get(), &found) == 0);
  identity.device = found.st_dev;
  identity.inode = found.st_ino;
  CHECK(writer->home().state->frames_of_tail(identity) != nullptr);
  open_file.reset();
  process other = host.start([](options& how) { how.compression = compression::none; });
  REQUIRE(other->roll().value == 1);
  REQUIRE(!other->delete_file(0));
  REQUIRE(writer->put("goes into the next").value.file_number == 1);
  REQUIRE(gone.expired());
  CHECK(writer->home().state->frames_of_tail(identity) == nullptr);
}

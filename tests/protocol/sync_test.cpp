// Rule 10 of the protocol on disk: what `sync` does before it takes the lock, and what it must not
// forget.
#include <algorithm>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"
#include "support/zstd_files.hpp"

namespace conduit::test {

namespace {

// More than `sync` leaves for the time under the lock.
constexpr std::size_t much = 3U << 20;

// A sync of a data file, or the beginning of its write-back, and what stood in the lock file and
// around it then.
struct seen_sync {
  io_call kind;
  std::string file;
  bool locked;
  std::optional<std::uint32_t> marked;
};

// Notes these, and answers each with `answer`.
void watch_syncs(const machine& host, process& writer, std::vector<seen_sync>& into,
                 std::function<std::optional<fault>(const seen_sync&)> answer = {}) {
  writer.script->set_rule([&host, &into, answer = std::move(answer)](
                              const seen_call& call) -> std::optional<fault> {
    const bool syncs = call.kind == io_call::sync_data || call.kind == io_call::begin_write_back;
    if (!syncs || !call.file.starts_with("data_")) return std::nullopt;
    into.push_back({call.kind, call.file, !lock_is_free(host.lock_path()), host.record()->syncing});
    return answer ? answer(into.back()) : std::nullopt;
  });
}

}  // namespace

TEST_CASE("rule 10: sync needs no lock for the files that were left") {
  machine host;
  process writer = host.start();
  for (std::uint32_t number = 0; number < 3; ++number) {
    REQUIRE(writer->put("some bytes").value.file_number == number);
    REQUIRE(!writer->roll().error);
  }
  REQUIRE(writer->put("more bytes").value.file_number == 3);
  std::vector<seen_sync> syncs;
  watch_syncs(host, writer, syncs);
  REQUIRE(!writer->sync());
  REQUIRE(syncs.size() == 4);
  for (const seen_sync& one : syncs) {
    CHECK(one.locked == (one.file == "data_00000003.dat"));
    CHECK(one.marked.has_value() == one.locked);
  }
}

TEST_CASE(
    "rule 10: another process puts while sync is busy with a file that was left, and has much of "
    "the mutable one written back") {
  machine host(
      [](options& how) { how.compression = GENERATE(compression::none, compression::zstd); });
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(!writer->roll().error);
  REQUIRE(!writer->put(bytes_of(1, much)).error);
  process other = host.start();
  std::vector<io_call> put_at;
  std::vector<seen_sync> syncs;
  watch_syncs(host, writer, syncs, [&](const seen_sync& one) -> std::optional<fault> {
    if (!one.locked && !other->put("meanwhile").error) put_at.push_back(one.kind);
    return std::nullopt;
  });
  REQUIRE(!writer->sync());
  CHECK(std::count(put_at.begin(), put_at.end(), io_call::begin_write_back) >= 1);
  // A compressed file may have been synced already when it was left.
  if (host.how.compression == compression::none)
    CHECK(std::count(put_at.begin(), put_at.end(), io_call::sync_data) == 1);
  CHECK(std::count_if(syncs.begin(), syncs.end(),
                      [](const seen_sync& one) { return one.locked; }) == 1);
  CHECK(syncs.back().locked);
}

TEST_CASE(
    "rule 10: before it has the lock, sync has the mutable file written back and asks nobody how "
    "that went") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, much)).error);
  std::vector<seen_sync> syncs;
  SECTION("an error of that is nobody's, where the sync that counts succeeds") {
    watch_syncs(host, writer, syncs, [](const seen_sync& one) {
      return one.kind == io_call::begin_write_back ? std::optional(fault::with_error(EIO))
                                                   : std::nullopt;
    });
    CHECK(!writer->sync());
    CHECK_FALSE(host.record()->poisoned);
    CHECK(writer->put("more").value.file_number == 0);
  }
  SECTION("that it went well is worth nothing, where the sync that counts fails") {
    watch_syncs(host, writer, syncs, [](const seen_sync& one) {
      return one.locked ? std::optional(fault::with_error(EIO)) : std::nullopt;
    });
    CHECK(writer->sync().value() == EIO);
    CHECK(host.record()->poisoned == 0U);
    CHECK(writer->put("more").value.file_number == 1);
  }
  REQUIRE(syncs.size() >= 2);
  for (const seen_sync& one : syncs) CHECK(one.locked == (one.kind == io_call::sync_data));
  CHECK(syncs.front().kind == io_call::begin_write_back);
  CHECK_FALSE(syncs.front().marked);
  CHECK(syncs.back().kind == io_call::sync_data);
  CHECK(syncs.back().marked == 0U);
}

TEST_CASE(
    "rule 10: where the kernel cannot tell what is not written yet, sync has the mutable file "
    "written back once") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, much)).error);
  writer.script->fail_every(io_call::unwritten_bytes, fault::with_error(ENOSYS));
  REQUIRE(!writer->sync());
  CHECK(writer.calls(io_call::begin_write_back).size() == 1);
  CHECK(writer.script->hits() == 1);
}

TEST_CASE(
    "rule 10: a file that was left and fails to sync without the lock fails this sync and poisons "
    "all later ones") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(!writer->roll().error);
  REQUIRE(!writer->put("more bytes").error);
  writer.script->fail_next(io_call::sync_data, fault::with_error(EIO), "data_00000000.dat");
  CHECK(writer->sync().value() == EIO);
  CHECK(writer->sync() == errc::poisoned);
  CHECK(writer->sync() == errc::poisoned);
  CHECK(writer->put("still goes").value.file_number == 1);
}

TEST_CASE("rule 10: a write while a file is synced in the background is left to the next sync") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  conduit::detail::unsynced_files& unsynced = *writer->home().state->unsynced;
  const auto before = unsynced.all().front();
  SECTION("it began and ended since") {
    REQUIRE(!writer->put("more bytes").error);
    unsynced.synced(before);
  }
  SECTION("it has begun and not ended") {
    unsynced.begin_write(before.file);
    const auto meanwhile = unsynced.find(*before.file);
    unsynced.synced(*meanwhile);
    unsynced.end_write(*before.file);
  }
  REQUIRE(unsynced.all().size() == 1);
  writer.script->forget_calls();
  REQUIRE(!writer->sync());
  CHECK(writer.calls(io_call::sync_data, "data_00000000.dat").size() == 1);
  CHECK(unsynced.all().empty());
}

}  // namespace conduit::test

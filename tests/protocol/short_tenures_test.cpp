// Nobody keeps the lock for long: a job of many steps lets others in between, and files are read
// without it.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>
#include <thread>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"
#include "support/zstd_files.hpp"

namespace conduit::test {

namespace {

// Four blobs in a compressed file, which cannot be made smaller.
constexpr std::size_t blob_bytes = 1U << 20;
constexpr std::uint64_t file_bytes = 4 * blob_bytes;
// The table, and what is read around it.
constexpr std::uint64_t little = 256U << 10;

void fill(process& writer) {
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    REQUIRE(!writer->put(bytes_of(seed, blob_bytes)).error);
}

// Sums up what is asked of the data files, with the lock and in all.
struct read_bytes {
  std::atomic<std::uint64_t> locked{0};
  std::atomic<std::uint64_t> all{0};
};

void count_reads(const machine& host, process& reader, read_bytes& into) {
  reader.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    const bool reads = call.kind == io_call::read || call.kind == io_call::read_cached ||
                       call.kind == io_call::start_read;
    if (!reads || !call.file.ends_with(".zst")) return std::nullopt;
    into.all += call.size;
    if (!lock_is_free(host.lock_path())) into.locked += call.size;
    return std::nullopt;
  });
}

}  // namespace

TEST_CASE("rule 15: while many files are deleted others get the lock in between") {
  constexpr std::uint32_t files = 20;
  machine host;
  std::atomic<std::int64_t> syncs{0};
  // A slow disk: time passes with each sync of the directory.
  host.clock = [&] {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(3 * syncs.load()));
  };
  process remover = host.start();
  REQUIRE(!remover->put("some bytes").error);
  for (std::uint32_t number = 0; number < files; ++number)
    REQUIRE(remover->roll().value == number + 1);
  process other = host.start();
  REQUIRE(other->put("more bytes").value.file_number == files);
  std::promise<void> put_ended;
  const std::shared_future<void> end_of_put = put_ended.get_future().share();
  bool ended_before_the_last = false;
  blocking_store::pending<data_location> put;
  std::thread putter;
  remover.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind == io_call::sync_directory) ++syncs;
    // It has left the lock to others, and asks for it again.
    if (call.kind == io_call::try_lock && putter.joinable()) end_of_put.wait();
    if (call.kind != io_call::remove) return std::nullopt;
    ended_before_the_last =
        end_of_put.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    if (putter.joinable()) return std::nullopt;
    putter = std::thread([&] {
      put = other->begin_put("still more");
      while (!put->has_value()) other->context().run_one();
      put_ended.set_value();
    });
    return std::nullopt;
  });
  const auto deleted = remover->delete_before(files);
  putter.join();
  CHECK(!deleted.error);
  CHECK(deleted.value == files);
  CHECK(host.names() == std::vector<std::string>{"data_00000020.dat"});
  CHECK(!(*put)->error);
  CHECK(ended_before_the_last);
}

TEST_CASE(
    "rule 17: verify reads only little of a damaged mutable file while it keeps others from "
    "writing") {
  const machine host = compressed_host();
  process writer = host.start();
  fill(writer);
  corrupt_byte(zstd_path(host, 0), 1000);
  read_bytes reads;
  count_reads(host, writer, reads);
  const auto report = writer->verify(0);
  REQUIRE(!report.error);
  CHECK_FALSE(report.value.faults.empty());
  CHECK(reads.all >= file_bytes);
  CHECK(reads.locked > 0);
  CHECK(reads.locked <= little);
}

TEST_CASE(
    "rule 17: a get of a blob that no file holds reads only little of a sealed file without a "
    "table while it keeps others from writing") {
  const machine host = compressed_host();
  {
    process writer = host.start();
    fill(writer);
    REQUIRE(writer->roll().value == 1);
  }
  cut_table(zstd_path(host, 0));
  process reader = host.start([](options& how) {
    how.create = false;
    how.read_only = true;
  });
  data_location beyond;
  beyond.start = std::uint64_t{1} << 40;
  beyond.end = beyond.start + 5;
  read_bytes reads;
  count_reads(host, reader, reads);
  CHECK(reader->get(beyond).error);
  CHECK(reads.all >= file_bytes);
  CHECK(reads.locked <= little);
}

}  // namespace conduit::test

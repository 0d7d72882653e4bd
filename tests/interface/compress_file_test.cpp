// compress_file and the compression of sealed files in the background: results, refusals,
// statistics, cancellation and ends.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>
#include <optional>

#include "support/bytes.hpp"
#include "support/machine.hpp"
#include "support/moment.hpp"
#include "support/store_fixture.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

constexpr auto on_seal = [](options& how) {
  how.compression = compression::zstd_on_seal;
  how.max_file_size = 100'000;
};

std::string half_compressible(std::uint64_t seed, std::size_t size) {
  return bytes_of(seed, size / 2) + std::string(size - size / 2, 'z');
}

}  // namespace

TEST_CASE("compress_file works with every way of waiting for it") {
  store_fixture store;
  std::vector<data_location> places;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    places.push_back(store.put(half_compressible(seed, 20'000)));
    store.roll();
  }
  CHECK(store.run(store.db.compress_file(0)).plain_bytes == 20'000);
  std::optional<std::error_code> called_back;
  store.db.compress_file(1, [&](std::error_code error, const file_compression& done) {
    called_back = error;
    CHECK(done.stored_bytes < 20'000);
  });
  CHECK_FALSE(called_back);
  auto future = store.db.compress_file(2, asio::use_future);
  store.context.restart();
  store.context.run();
  CHECK(called_back == std::error_code{});
  CHECK(future.get().number == 2);
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    CHECK(store.get(places[seed]) == half_compressible(seed, 20'000));
}

TEST_CASE("compress_file refuses what it cannot do, and changes nothing") {
  store_fixture store;
  store.put("some bytes");
  CHECK(store.error_of(store.db.compress_file(0)) == errc::mutable_file);
  CHECK(store.error_of(store.db.compress_file(7)) == errc::no_such_file);
  store.roll();
  fs::create_symlink("data_00000000.dat", store.data_path(5));
  CHECK(store.error_of(store.db.compress_file(5)) == errc::not_a_regular_file);
  fs::create_directory(store.data_path(0).string() + ".zst");
  CHECK(store.error_of(store.db.compress_file(0)) == errc::not_a_regular_file);
  fs::remove(store.data_path(0).string() + ".zst");
  const second_opening reader(store, [](options& how) { how.read_only = true; });
  asio::io_context& context = const_cast<asio::io_context&>(reader.context);
  CHECK(test::error_of(context, reader.db.compress_file(0)) == errc::read_only);
  store.run(store.db.close());
  CHECK(store.error_of(store.db.compress_file(0)) == errc::closed);
  CHECK(fs::exists(store.data_path(0)));
}

TEST_CASE("an empty sealed file becomes an empty compressed one") {
  store_fixture store;
  const data_location nothing = store.put("");
  store.roll();
  const file_compression done = store.run(store.db.compress_file(0));
  CHECK(done.plain_bytes == 0);
  CHECK(done.stored_bytes == 17);  // a table of no frames
  CHECK(store.get(nothing).empty());
  CHECK_FALSE(fs::exists(store.data_path(0)));
}

TEST_CASE("a compressed file is as it was after another compress_file, which says its sizes") {
  store_fixture store;
  store.put(half_compressible(1, 50'000));
  store.roll();
  const file_compression first = store.run(store.db.compress_file(0));
  const file_compression again = store.run(store.db.compress_file(0));
  CHECK(again.plain_bytes == first.plain_bytes);
  CHECK(again.stored_bytes == first.stored_bytes);
  CHECK(again.frames == first.frames);
  CHECK(store.db.stats().files_compressed == 1);
}

TEST_CASE("compress_file refuses the mutable file in either form") {
  store_fixture store([](options& how) { how.compression = compression::zstd; });
  store.put(half_compressible(1, 50'000));
  CHECK(store.error_of(store.db.compress_file(0)) == errc::mutable_file);
  store.roll();
  CHECK(store.run(store.db.compress_file(0)).plain_bytes == 50'000);
}

TEST_CASE("the compression of a file can be cancelled, and the plain file stays") {
  const machine host;
  process writer = host.start([](options& how) { how.frame_bytes = 1000; });
  const std::string bytes = bytes_of(1, 200'000);
  const data_location where = writer->put(bytes).value;
  REQUIRE(writer->roll().value == 1);
  asio::cancellation_signal stop;
  moment begun;
  moment cancelled;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind == io_call::read && call.file.ends_with(".dat") && !begun.reached()) {
      begun.reach();
      cancelled.wait();
    }
    return std::nullopt;
  });
  std::optional<std::error_code> ended;
  auto handler = asio::bind_cancellation_slot(
      stop.slot(), [&](std::error_code error, const file_compression&) { ended = error; });
  asio::async_initiate<decltype(handler), void(std::error_code, file_compression)>(
      detail::initiation<detail::compress_call>(
          const_cast<detail::binding&>(writer->home()).shared_from_this()),
      handler, std::uint32_t{0});
  begun.wait();
  stop.emit(asio::cancellation_type::terminal);
  cancelled.reach();
  writer->context().restart();
  writer->context().run();
  CHECK(ended == asio::error::operation_aborted);
  CHECK(host.names() == std::vector<std::string>{"data_00000000.dat", "data_00000001.dat"});
  CHECK((writer->get(where).value == bytes));
}

TEST_CASE("close waits for a compression that was asked for") {
  store_fixture store;
  store.put(half_compressible(1, 50'000));
  store.roll();
  auto compressed = store.db.compress_file(0, asio::use_future);
  auto closed = store.db.close(asio::use_future);
  store.context.restart();
  store.context.run();
  closed.get();
  CHECK(compressed.get().plain_bytes == 50'000);
}

TEST_CASE("a context may be destroyed while a compression is under way") {
  temporary_directory directory;
  auto context = std::make_unique<asio::io_context>();
  flat_file_db db = flat_file_db::open(*context, options_in(directory));
  const std::string bytes = bytes_of(1, 3'000'000);
  const data_location where = test::run(*context, db.put(asio::buffer(bytes)));
  test::run(*context, db.roll());
  bool called = false;
  db.compress_file(0, [&](std::error_code, const file_compression&) { called = true; });
  db.compress_file(0, [&](std::error_code, const file_compression&) { called = true; });
  db = {};
  context.reset();
  CHECK_FALSE(called);
  asio::io_context next;
  const flat_file_db again = flat_file_db::open(next, options_in(directory));
  CHECK((test::run(next, again.get(where)).text() == bytes));
}

TEST_CASE("the last handle may go while a compression is under way: it ends as if it had stayed") {
  store_fixture store;
  store.put(half_compressible(1, 50'000));
  store.roll();
  std::optional<std::error_code> ended;
  store.db.compress_file(0, [&](std::error_code error, const file_compression&) { ended = error; });
  store.db = {};
  store.context.restart();
  store.context.run();
  // Begun or not yet, by the time the handle died.
  REQUIRE(ended);
  CHECK((!*ended || *ended == asio::error::operation_aborted));
}

TEST_CASE("with zstd_on_seal sealed files are compressed while no io_context runs") {
  const machine host(on_seal);
  process writer = host.start();
  std::vector<std::pair<data_location, std::string>> stored;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const std::string bytes = half_compressible(seed, 40'000);
    stored.emplace_back(writer->put(bytes).value, bytes);
  }
  const std::uint32_t mutable_number = stored.back().first.file_number;
  REQUIRE(mutable_number == 3);
  // Nothing runs the context from here on.
  REQUIRE(writer.events.wait_for(event::kind::file_compressed, mutable_number));
  const std::vector<std::string> expected{"data_00000000.dat.zst", "data_00000001.dat.zst",
                                          "data_00000002.dat.zst", "data_00000003.dat"};
  CHECK(host.names() == expected);
  for (const auto& [where, bytes] : stored) CHECK((writer->get(where).value == bytes));
  for (const auto& [where, bytes] : stored) CHECK((host.start()->get(where).value == bytes));
  for (std::uint32_t number = 0; number < mutable_number; ++number)
    CHECK(writer->verify(number).value.faults.empty());
}

TEST_CASE("with zstd_on_seal a file that an earlier process left plain is compressed too") {
  const machine host([](options& how) { how.max_file_size = 100'000; });
  const std::string bytes = half_compressible(1, 40'000);
  data_location where;
  {
    process plain = host.start();
    where = plain->put(bytes).value;
    REQUIRE(plain->roll().value == 1);
    REQUIRE(plain->roll().value == 2);
  }
  process sealing = host.start(on_seal);
  REQUIRE(sealing.events.wait_for(event::kind::file_compressed, 2));
  CHECK(host.names() == std::vector<std::string>{"data_00000000.dat.zst", "data_00000001.dat.zst",
                                                 "data_00000002.dat"});
  CHECK((sealing->get(where).value == bytes));
}

TEST_CASE(
    "with zstd_on_seal a file that cannot be compressed is reported once and the next one is not "
    "held up") {
  const machine host([](options& how) { how.max_file_size = 100'000; });
  const std::string bytes = half_compressible(1, 40'000);
  data_location where;
  {
    process plain = host.start();
    where = plain->put(bytes).value;
    REQUIRE(plain->roll().value == 1);
    REQUIRE_FALSE(plain->put(bytes).error);
    REQUIRE(plain->roll().value == 2);
  }
  // Both forms, and they differ.
  write_file(zstd_path(host, 0), "no compressed file");
  process sealing = host.start(on_seal);
  REQUIRE(sealing.events.wait_for(event::kind::file_compressed, 1));
  REQUIRE_FALSE(sealing->roll().error);
  REQUIRE(sealing.events.wait_for(event::kind::file_compressed, 2));
  CHECK(sealing.events.count(event::kind::file_not_compressed) == 1);
  CHECK(host.names().at(0) == "data_00000000.dat");
  CHECK((read_file(zstd_path(host, 0)) == "no compressed file"));
}

TEST_CASE("a closed store compresses nothing in the background any more, and its lock is free") {
  const machine host(on_seal);
  process writer = host.start();
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    REQUIRE_FALSE(writer->put(half_compressible(seed, 40'000)).error);
  REQUIRE_FALSE(writer->close());
  const std::size_t compressed = writer.events.count(event::kind::file_compressed);
  writer.script->forget_calls();
  // Whoever comes next takes over what is left.
  process next = host.start();
  REQUIRE(next.events.wait_for(event::kind::file_compressed, 9 - compressed));
  CHECK(writer.calls(io_call::try_lock).empty());
  CHECK(writer.calls(io_call::link).empty());
}

TEST_CASE("the statistics say what compression made of the bytes, per file and in sum") {
  const machine host;
  process writer = host.start();
  REQUIRE_FALSE(writer->put(half_compressible(1, 40'000)).error);
  REQUIRE(writer->roll().value == 1);
  REQUIRE_FALSE(writer->put(half_compressible(2, 60'000)).error);
  REQUIRE(writer->roll().value == 2);
  const file_compression first = writer->compress_file(0).value;
  const file_compression second = writer->compress_file(1).value;
  const compression_report report = writer->home().state->compressed.report();
  REQUIRE(report.files.size() == 2);
  CHECK(report.files[0].number == 0);
  CHECK(report.files[0].plain_bytes == 40'000);
  CHECK(report.files[1].stored_bytes == second.stored_bytes);
  CHECK(report.sum.plain_bytes == 100'000);
  CHECK(report.sum.stored_bytes == first.stored_bytes + second.stored_bytes);
  CHECK(report.sum.encode_us == first.encode_us + second.encode_us);
  CHECK(report.sum.level == 3);
}

TEST_CASE("puts into a compressed file are in the statistics of compression") {
  store_fixture store([](options& how) { how.compression = compression::zstd; });
  store.put(half_compressible(1, 300'000));
  store.put(half_compressible(2, 100'000));
  const compression_report report = store.db.compression();
  REQUIRE(report.files.size() == 1);
  CHECK(report.files[0].plain_bytes == 400'000);
  CHECK(report.files[0].stored_bytes < 300'000);
  CHECK(report.files[0].frames >= 7);
  CHECK(report.files[0].encode_us > 0);
  CHECK(report.files[0].frame_bytes == 65'536);
}

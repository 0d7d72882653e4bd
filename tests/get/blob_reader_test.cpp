// Blobs as streams.
#include <conduit/blob_reader.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "support/bytes.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

enum class stored_as { plain, direct, frames, read_once };

store_fixture::change as(stored_as form) {
  return [form](options& how) {
    how.compression = form == stored_as::frames ? compression::zstd : compression::none;
    how.direct_io = form == stored_as::direct;
    how.read_once = form == stored_as::read_once;
    how.frame_bytes = 20'000;
  };
}

stored_as any_form() {
  return GENERATE(stored_as::plain, stored_as::direct, stored_as::frames, stored_as::read_once);
}

// Text that shrinks to a few per cent, and is nowhere the same.
std::string blob_text(std::size_t size) {
  std::string text;
  for (std::uint64_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * i) + "\n";
  text.resize(size);
  return text;
}

// One blob in a sealed file, between others.
struct stored_blob {
  explicit stored_blob(stored_as form, std::size_t size = 3'000'001) : store(as(form)) {
    bytes = blob_text(size);
    store.put("before");
    location = store.put(bytes);
    store.put("behind");
    store.roll();
  }

  store_fixture store;
  std::string bytes;
  data_location location;
};

asio::awaitable<std::string> read_to_end(blob_reader& reader, std::size_t buffer_bytes) {
  std::string all;
  std::string part(buffer_bytes, '\0');
  for (;;) {
    std::error_code error;
    const std::size_t count = co_await reader.async_read_some(
        asio::buffer(part), asio::redirect_error(asio::use_awaitable, error));
    all.append(part, 0, count);
    if (error == asio::error::eof) co_return all;
    if (error) throw std::system_error(error);
    if (count == 0) throw std::logic_error("nothing was read");
  }
}

}  // namespace

TEST_CASE("a reader gives the bytes of its slice in order, whatever the buffer's size") {
  stored_blob stored(any_form());
  const std::uint64_t size = stored.bytes.size();
  const auto [start, end] =
      GENERATE_REF(std::pair(std::uint64_t{0}, slice::to_end),
                   std::pair(std::uint64_t{19'999}, size - 1), std::pair(size - 5, size));
  const std::string expected = stored.bytes.substr(start, std::min(end, size) - start);
  for (const std::size_t buffer_bytes : {7'777U, 65'536U, 4'000'000U}) {
    blob_reader reader = stored.store.db.open_reader(stored.location, {start, end});
    CHECK(reader.size() == expected.size());
    CHECK(stored.store.run(read_to_end(reader, buffer_bytes)) == expected);
  }
}

TEST_CASE("a reader reads ahead as much as it may, or nothing") {
  stored_blob stored(stored_as::frames);
  for (const std::size_t ahead : {0U, 1U, 2U, 50'000U, 100U << 20}) {
    blob_reader reader =
        stored.store.db.open_reader(stored.location, {}, {.read_ahead_bytes = ahead});
    CHECK(stored.store.run(read_to_end(reader, 30'000)) == stored.bytes);
  }
}

TEST_CASE("an empty slice is at its end at once") {
  stored_blob stored(any_form());
  blob_reader reader = stored.store.db.open_reader(stored.location, {5, 5});
  CHECK(reader.size() == 0);
  CHECK(stored.store.run(read_to_end(reader, 10)).empty());
}

TEST_CASE("a slice that is not in its blob, or a file that is not there, fails the first read") {
  stored_blob stored(any_form());
  const flat_file_db& db = stored.store.db;
  blob_reader outside = db.open_reader(stored.location, {0, stored.bytes.size() + 1});
  CHECK(outside.size() == 0);
  CHECK(stored.store.error_of(read_to_end(outside, 10)) == errc::out_of_range);
  blob_reader nowhere = db.open_reader({77, 0, 0, 10});
  CHECK(stored.store.error_of(read_to_end(nowhere, 10)) == errc::no_such_file);
}

TEST_CASE("a read without room gives nothing and is no error") {
  stored_blob stored(any_form());
  blob_reader reader = stored.store.db.open_reader(stored.location);
  outcome<std::size_t> read;
  reader.async_read_some(std::array<asio::mutable_buffer, 2>(), read.handler());
  CHECK_FALSE(read.called());
  run_dry(stored.store.context);
  CHECK(read.well());
  CHECK(read.value() == 0);
}

TEST_CASE("the composed reads of Asio consume a reader") {
  stored_blob stored(any_form());
  blob_reader reader = stored.store.db.open_reader(stored.location);
  const auto consume = [](blob_reader& from) -> asio::awaitable<std::string> {
    std::string text;
    const std::size_t line = co_await asio::async_read_until(from, asio::dynamic_buffer(text), '\n',
                                                             asio::use_awaitable);
    std::string rest(100'000, '\0');
    const std::size_t count =
        co_await asio::async_read(from, asio::buffer(rest), asio::use_awaitable);
    if (text.substr(0, line) != "line 0\n" || count != rest.size())
      throw std::logic_error("another line");
    co_return text + rest;
  };
  const std::string found = stored.store.run(consume(reader));
  CHECK(found == stored.bytes.substr(0, found.size()));
}

TEST_CASE("a reader pipes into a socket") {
  stored_blob stored(any_form());
  using socket = asio::local::stream_protocol::socket;
  socket near(stored.store.context);
  socket far(stored.store.context);
  asio::local::connect_pair(near, far);
  const auto send = [](blob_reader from, socket to) -> asio::awaitable<void> {
    std::array<char, 9'999> part{};
    for (;;) {
      std::error_code error;
      const std::size_t count = co_await from.async_read_some(
          asio::buffer(part), asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      co_await asio::async_write(to, asio::buffer(part, count), asio::use_awaitable);
    }
  };
  asio::co_spawn(stored.store.context,
                 send(stored.store.db.open_reader(stored.location), std::move(near)),
                 [](const std::exception_ptr&) {});
  std::string received;
  outcome<std::size_t> all;
  asio::async_read(far, asio::dynamic_buffer(received), all.handler());
  run_dry(stored.store.context);
  CHECK(all.error == asio::error::eof);
  CHECK(received == stored.bytes);
}

TEST_CASE("a reader reads on when its file is deleted, and when it is compressed") {
  const stored_as form = any_form();
  stored_blob stored(form);
  store_fixture& store = stored.store;
  blob_reader reader = store.db.open_reader(stored.location);
  std::string first(50'000, '\0');
  REQUIRE(store.run(asio::async_read(reader, asio::buffer(first), asio::use_awaitable)) ==
          first.size());
  if (form != stored_as::frames && GENERATE(false, true)) {
    store.run(store.db.compress_file(stored.location.file_number));
  } else {
    store.run(store.db.delete_file(stored.location.file_number));
  }
  CHECK(first + store.run(read_to_end(reader, 60'000)) == stored.bytes);
}

TEST_CASE("a reader outlives the handle that made it") {
  stored_blob stored(any_form());
  blob_reader reader = stored.store.db.open_reader(stored.location);
  stored.store.db = {};
  CHECK(stored.store.run(read_to_end(reader, 60'000)) == stored.bytes);
}

TEST_CASE("the reads of a closed store's reader fail") {
  stored_blob stored(any_form());
  blob_reader reader = stored.store.db.open_reader(stored.location);
  stored.store.run(stored.store.db.close());
  CHECK(stored.store.error_of(read_to_end(reader, 10)) == errc::closed);
}

TEST_CASE("the bytes before a damaged frame are given, and then the error") {
  stored_blob stored(stored_as::frames);
  const std::filesystem::path file =
      stored.store.data_path(stored.location.file_number).string() + ".zst";
  corrupt_byte(file, std::filesystem::file_size(file) / 2);
  blob_reader reader = stored.store.db.open_reader(stored.location);
  std::string read;
  std::string part(8'000, '\0');
  outcome<std::size_t> one;
  while (!one.error) {
    reader.async_read_some(asio::buffer(part), one.handler());
    run_dry(stored.store.context);
    read.append(part, 0, one.value());
  }
  CHECK(one.error == errc::corrupt);
  CHECK(read == stored.bytes.substr(0, read.size()));
  // All frames before, but for what a read of 8,000 bytes across the edge would have given.
  CHECK(read.size() > stored.bytes.size() / 3);
  reader.async_read_some(asio::buffer(part), one.handler());
  run_dry(stored.store.context);
  CHECK(one.error == errc::corrupt);
}

TEST_CASE("the last bytes of a blob with a wrong checksum are not given if that is asked for") {
  stored_blob stored(any_form());
  data_location wrong = stored.location;
  wrong.checksum ^= 1U;
  const flat_file_db& db = stored.store.db;
  for (const std::size_t buffer_bytes : {50'000U, 999'999U}) {
    blob_reader trusting = db.open_reader(wrong);
    CHECK(stored.store.run(read_to_end(trusting, buffer_bytes)) == stored.bytes);
    blob_reader checking = db.open_reader(wrong, {}, {.verify_checksum = true});
    CHECK(stored.store.error_of(read_to_end(checking, buffer_bytes)) == errc::corrupt);
    std::string more(10, '\0');
    CHECK(stored.store.error_of(checking.async_read_some(asio::buffer(more))) == errc::corrupt);
    blob_reader right = db.open_reader(stored.location, {}, {.verify_checksum = true});
    CHECK(stored.store.run(read_to_end(right, buffer_bytes)) == stored.bytes);
    blob_reader part = db.open_reader(wrong, {1, slice::to_end}, {.verify_checksum = true});
    CHECK(stored.store.run(read_to_end(part, buffer_bytes)) == stored.bytes.substr(1));
  }
}

TEST_CASE("a cancelled read has moved nothing") {
  stored_blob stored(stored_as::frames);
  blob_reader reader = stored.store.db.open_reader(stored.location);
  std::string first(10'000, '\0');
  REQUIRE(stored.store.run(reader.async_read_some(asio::buffer(first), asio::use_awaitable)) ==
          first.size());
  // What is read ahead comes with a turn of the loop.
  std::string part(10'000, '\0');
  outcome<std::size_t> read;
  asio::cancellation_signal stop;
  blob_reader again = stored.store.db.open_reader(stored.location);
  reader.async_read_some(asio::buffer(part), read.handler());
  run_dry(stored.store.context);
  REQUIRE(read.well());
  std::string got = first + part.substr(0, read.value());
  for (int i = 0; i < 300 && got.size() < stored.bytes.size(); ++i) {
    reader.async_read_some(asio::buffer(part),
                           asio::bind_cancellation_slot(stop.slot(), read.handler()));
    if (i % 2 == 0) stop.emit(asio::cancellation_type::all);
    run_dry(stored.store.context);
    if (read.error) {
      CHECK(read.error == asio::error::operation_aborted);
    } else {
      got.append(part, 0, read.value());
    }
  }
  CHECK(got == stored.bytes.substr(0, got.size()));
}

TEST_CASE("a read that waits for what is read ahead can be cancelled") {
  stored_blob stored(stored_as::frames);
  blob_reader reader = stored.store.db.open_reader(stored.location);
  std::string part(10'000, '\0');
  outcome<std::size_t> first;
  outcome<std::size_t> second;
  asio::cancellation_signal stop;
  reader.async_read_some(asio::buffer(part), [&](std::error_code error, std::size_t count) {
    first.handler()(error, count);
    // The bytes behind it are on their way, and cannot come before this handler ends.
    reader.async_read_some(asio::buffer(part),
                           asio::bind_cancellation_slot(stop.slot(), second.handler()));
    stop.emit(asio::cancellation_type::terminal);
    CHECK_FALSE(second.called());
  });
  run_dry(stored.store.context);
  CHECK(first.well());
  CHECK(second.error == asio::error::operation_aborted);
  CHECK(stored.store.run(read_to_end(reader, 10'000)) == stored.bytes.substr(10'000));
}

TEST_CASE("a reader may go while it reads ahead, and while a read is under way") {
  stored_blob stored(any_form());
  std::string part(10'000, '\0');
  outcome<std::size_t> read;
  std::optional<blob_reader> reader = stored.store.db.open_reader(stored.location);
  const bool before = GENERATE(false, true);
  if (before) REQUIRE(stored.store.run(reader->async_read_some(asio::buffer(part))) != 0);
  reader->async_read_some(asio::buffer(part), read.handler());
  reader.reset();
  run_dry(stored.store.context);
  CHECK(read.called());
  if (!read.error) {
    CHECK(part.substr(0, read.value()) == stored.bytes.substr(before ? 10'000 : 0, read.value()));
  }
}

TEST_CASE("a context may go while a reader reads") {
  const stored_as form = any_form();
  stored_blob stored(form);
  outcome<std::size_t> read;
  std::string part(10'000, '\0');
  const bool before = GENERATE(false, true);
  {
    asio::io_context context;
    const flat_file_db bound = stored.store.db.bind(context);
    blob_reader reader = bound.open_reader(stored.location);
    if (before) REQUIRE(run(context, reader.async_read_some(asio::buffer(part))) != 0);
    reader.async_read_some(asio::buffer(part), read.handler());
  }
  CHECK_FALSE(read.called());
  CHECK(read.pending() == 0);
}

TEST_CASE("a context may go with a coroutine that holds a reader") {
  stored_blob stored(any_form());
  for (int turns = 0; turns < 12; ++turns) {
    asio::io_context context;
    const flat_file_db bound = stored.store.db.bind(context);
    const auto read = [](blob_reader reader) -> asio::awaitable<void> {
      co_await read_to_end(reader, 10'000);
    };
    asio::co_spawn(context, read(bound.open_reader(stored.location)),
                   [](const std::exception_ptr&) {});
    for (int i = 0; i < turns; ++i) context.poll_one();
  }
}

TEST_CASE("readers, their buffers, their ends and cancellations at random") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  stored_blob stored(any_form(), 700'000);
  struct running {
    explicit running(blob_reader from) : reader(std::move(from)) {}
    blob_reader reader;
    std::uint64_t at = 0;
    std::uint64_t end = 0;
    std::string part;
    outcome<std::size_t> read;
    asio::cancellation_signal stop;
    bool over = false;
  };
  for (int round = 0; round < 10; ++round) {
    std::vector<std::unique_ptr<running>> all;
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t start = below(stored.bytes.size());
      const std::uint64_t end = start + below(stored.bytes.size() - start + 1);
      all.push_back(std::make_unique<running>(stored.store.db.open_reader(
          stored.location, {start, end}, {.read_ahead_bytes = below(600'000)})));
      all.back()->at = start;
      all.back()->end = end;
    }
    const auto begin = [&](running& one) {
      one.part.assign(1 + below(below(4) == 0 ? 400'000 : 20'000), '\0');
      one.reader.async_read_some(asio::buffer(one.part),
                                 asio::bind_cancellation_slot(one.stop.slot(), one.read.handler()));
    };
    for (auto& one : all) begin(*one);
    for (std::size_t left = all.size(); left != 0;) {
      stored.store.context.restart();
      stored.store.context.run_for(std::chrono::milliseconds(1 + below(2)));
      for (auto& one : all) {
        if (!one || one->over) continue;
        if (!one->read.called()) {
          if (below(3) == 0) one->stop.emit(asio::cancellation_type::all);
          continue;
        }
        const std::error_code error = std::exchange(one->read.error, {});
        one->read.calls = 0;
        if (error == asio::error::eof) CHECK(one->at == one->end);
        one->over = error == asio::error::eof;
        if (error && !one->over) REQUIRE(error == asio::error::operation_aborted);
        if (!error) {
          REQUIRE(one->part.substr(0, one->read.value()) ==
                  stored.bytes.substr(one->at, one->read.value()));
          one->at += one->read.value();
        }
        if (!one->over) begin(*one);
        left -= one->over;
      }
    }
  }
}

}  // namespace conduit::test

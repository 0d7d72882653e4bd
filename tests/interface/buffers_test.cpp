// What puts and gets take for bytes: buffers, sequences and ranges of them; and puts that do not
// wait for room.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <ranges>
#include <sstream>
#include <string>
#include <unordered_set>
#include <vector>

#include "support/foreign_lock.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

// Cuts the bytes at random places; some parts are empty.
std::vector<asio::const_buffer> parts_of(std::string_view bytes, std::mt19937& random) {
  std::vector<asio::const_buffer> parts;
  while (!bytes.empty()) {
    const std::size_t size = std::uniform_int_distribution<std::size_t>(
        0, std::min<std::size_t>(bytes.size(), 40'000))(random);
    parts.emplace_back(bytes.data(), size);
    bytes.remove_prefix(size);
  }
  parts.emplace_back();
  return parts;
}

store_fixture::change with(compression form) {
  return [form](options& how) {
    how.compression = form;
    how.frame_bytes = 16U << 10;
  };
}

// Elements that own their bytes and are made on the fly would be gone before a put began.
constexpr auto made_blob = [](int) { return blob(); };
constexpr auto made_parts = [](int) { return std::vector<asio::const_buffer>(); };
constexpr auto made_blobs = [](int) { return std::vector<blob>(); };
using numbers = std::ranges::iota_view<int, int>;
static_assert(!detail::blob_range<std::ranges::transform_view<numbers, decltype(made_blob)>>);
static_assert(!detail::blob_range<std::ranges::transform_view<numbers, decltype(made_blobs)>>);
static_assert(!detail::blob_source<std::ranges::transform_view<numbers, decltype(made_blob)>>);
static_assert(detail::blob_range<std::ranges::transform_view<numbers, decltype(made_parts)>>);
static_assert(detail::blob_range<std::vector<std::vector<blob>>>);

// One put of a random form, with a signal that can cancel it.
struct any_put {
  std::string bytes;
  asio::cancellation_signal stop;
  outcome<data_location> one;
  outcome<std::vector<data_location>> many;

  bool called() const { return one.called() || many.called(); }
  std::error_code error() const { return one.called() ? one.error : many.error; }

  void start(flat_file_db& db, std::mt19937& random) {
    const auto parts = parts_of(bytes, random);
    auto bound = [this](auto handler) {
      return asio::bind_cancellation_slot(stop.slot(), std::move(handler));
    };
    switch (random() % 4) {
      case 0:
        return db.put(asio::buffer(bytes), bound(one.handler()));
      case 1:
        return db.put(parts, bound(one.handler()));
      case 2:
        return db.try_put(parts, bound(one.handler()));
      default:
        return db.put_many(std::vector{parts, {}, parts}, bound(many.handler()));
    }
  }

  bool stored_in(store_fixture& store) {
    if (one.called()) return store.get(one.value()) == bytes;
    const auto& places = many.value();
    return places.size() == 3 && store.get(places[0]) == bytes && store.get(places[1]).empty() &&
           store.get(places[2]) == bytes;
  }
};

}  // namespace

TEST_CASE(
    "a blob put in parts is the same as one put in one piece, checksum included (seed 20240811)") {
  const compression form = GENERATE(compression::none, compression::zstd);
  store_fixture store(with(form));
  std::mt19937 random(20240811);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text =
        bytes_of(seed, std::uniform_int_distribution<std::size_t>(0, 200'000)(random));
    const data_location whole = store.put(text);
    const data_location cut = store.run(store.db.put(parts_of(text, random)));
    CHECK(cut.size() == whole.size());
    CHECK(cut.checksum == whole.checksum);
    CHECK((store.get(cut) == text));
  }
}

TEST_CASE("more parts than one write of the system takes are one blob") {
  const compression form = GENERATE(compression::none, compression::zstd);
  store_fixture store(with(form));
  const std::string text = bytes_of(1, 5000);
  std::vector<asio::const_buffer> parts;
  for (const char& byte : text) parts.emplace_back(&byte, 1);
  const data_location where = store.run(store.db.put(parts));
  CHECK((store.get(where) == text));
}

TEST_CASE("put_many takes ranges of strings, of buffers and of sequences, empty ones among them") {
  const compression form = GENERATE(compression::none, compression::zstd);
  store_fixture store(with(form));
  const std::string header = "header";
  const std::string body = bytes_of(2, 30'000);
  using message = std::array<asio::const_buffer, 2>;
  const std::list<message> messages{
      {asio::buffer(header), asio::buffer(body)}, {}, {asio::const_buffer(), asio::buffer(body)}};
  const auto places = store.run(store.db.put_many(messages));
  REQUIRE(places.size() == 3);
  CHECK((store.get(places[0]) == header + body));
  CHECK(store.get(places[1]).empty());
  CHECK((store.get(places[2]) == body));
  std::vector<blob> kept;
  kept.push_back(store.run(store.db.get(places[0])));
  kept.push_back(store.run(store.db.get(places[1])));
  const auto again = store.run(store.db.put_many(kept));
  REQUIRE(again.size() == 2);
  CHECK((store.get(again[0]) == header + body));
  CHECK(again[0].checksum == places[0].checksum);
}

TEST_CASE("get_into reads a whole blob, into memory that has room for it") {
  store_fixture store;
  const std::string text = bytes_of(3, 1000);
  const data_location where = store.put(text);
  std::string into(1000, '\0');
  CHECK(store.run(store.db.get_into(where, asio::buffer(into))) == 1000);
  CHECK((into == text));
  CHECK(store.error_of(store.db.get_into(where, asio::buffer(into.data(), 999))) ==
        errc::out_of_range);
}

TEST_CASE("try_put tells at once that there is no room, and stores where there is some") {
  store_fixture store([](options& how) { how.pending_put_bytes = 1000; });
  const std::string text = bytes_of(4, 600);
  outcome<data_location> first;
  outcome<data_location> refused;
  outcome<data_location> waiting;
  outcome<data_location> behind;
  store.db.try_put(asio::buffer(text), first.handler());
  store.db.try_put(asio::buffer(text), refused.handler());
  store.db.put(asio::buffer(text), waiting.handler());
  // There would be room for this one, were it not for the one that waits.
  store.db.try_put(asio::buffer(text.data(), 10), behind.handler());
  CHECK_FALSE(refused.error);
  run_dry(store.context);
  REQUIRE(first.well());
  REQUIRE(waiting.well());
  CHECK(refused.error == errc::busy);
  CHECK(behind.error == errc::busy);
  CHECK((store.get(first.value()) == text));
  CHECK((store.get(waiting.value()) == text));
  const std::string header = "header";
  const std::array<asio::const_buffer, 2> parts{asio::buffer(header), asio::buffer(text)};
  CHECK((store.get(store.run(store.db.try_put(parts))) == header + text));
}

TEST_CASE(
    "puts of every form, cancelled at random beside a foreign lock, give back the room they took "
    "(seed 20241126)") {
  const compression form = GENERATE(compression::none, compression::zstd);
  constexpr std::size_t room = 50'000;
  store_fixture store([form](options& how) {
    with(form)(how);
    how.pending_put_bytes = room;
  });
  std::mt19937 random(20241126);
  std::list<any_put> puts;
  std::optional<foreign_lock> foreign;
  for (int step = 0; step < 600; ++step) {
    if (step % 100 == 0) {
      run_dry(store.context);  // the store may have the lock
      foreign.emplace(store.lock_path());
    }
    if (step % 100 == 30) foreign.reset();
    any_put& put = puts.emplace_back();
    put.bytes = bytes_of(random(), std::uniform_int_distribution<std::size_t>(0, 20'000)(random));
    put.start(store.db, random);
    if (random() % 3 == 0)
      std::next(puts.rbegin(),
                static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(puts.size(), 8)))
          ->stop.emit(asio::cancellation_type::all);
    if (random() % 2 == 0) store.context.restart();
    for (std::size_t turns = random() % 4; turns != 0; --turns) store.context.poll_one();
  }
  run_dry(store.context);
  std::map<std::error_code, int> ends;
  for (any_put& put : puts) {
    REQUIRE(put.called());
    ++ends[put.error()];
    if (!put.error()) CHECK(put.stored_in(store));
  }
  CHECK(ends.size() == 3);
  CHECK(ends[{}] > 50);
  CHECK(ends[errc::busy] > 10);
  CHECK(ends[asio::error::operation_aborted] > 50);

  // All the room is there, and no more than that.
  const std::string all(room, 'x');
  outcome<data_location> whole;
  outcome<data_location> beyond;
  const foreign_lock other(store.lock_path());
  store.context.restart();
  store.db.try_put(asio::buffer(all), whole.handler());
  store.db.try_put(asio::buffer(all.data(), 1), beyond.handler());
  while (!beyond.called()) store.context.run_one();
  CHECK(beyond.error == errc::busy);
  CHECK_FALSE(whole.called());
}

TEST_CASE("roll without a number begins the next file, with every kind of token") {
  store_fixture store;
  const std::uint32_t before = store.put("some bytes").file_number;
  CHECK(store.run(store.db.roll()) == before + 1);
  outcome<std::uint32_t> rolled;
  store.db.roll(rolled.handler());
  run_dry(store.context);
  CHECK(rolled.value() == before + 2);
  CHECK(store.run(store.db.roll(before + 10, asio::use_awaitable)) == before + 10);
}

TEST_CASE(
    "locations are ordered as the blobs lie in the store, can be hashed, and are written as their "
    "text") {
  store_fixture store;
  std::vector<data_location> places;
  for (int i = 0; i < 5; ++i) {
    places.push_back(store.put("some bytes"));
    places.push_back(store.put("more"));
    store.roll();
  }
  CHECK(std::is_sorted(places.begin(), places.end()));
  CHECK(places[0] < places[1]);
  const std::unordered_set<data_location> known(places.begin(), places.end());
  CHECK(known.size() == places.size());
  CHECK(known.contains(places[3]));
  std::ostringstream text;
  text << places[3];
  CHECK(text.str() == places[3].to_string());
}

TEST_CASE("a context without locks is refused, whose loop other threads could not wake") {
  const temporary_directory directory;
  asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
  std::error_code error;
  const flat_file_db db = flat_file_db::open(context, options_in(directory), error);
  CHECK(error == errc::bad_options);
  CHECK_FALSE(db.is_open());
}

TEST_CASE(
    "a handle with another executor is the same store, and its awaitables have that executor") {
  store_fixture store;
  using own_executor = asio::io_context::executor_type;
  const auto typed = asio::use_awaitable_t<own_executor>::as_default_on(store.db);
  const data_location known = store.put("some bytes");
  const auto work = [](auto db, data_location where) -> asio::awaitable<std::string, own_executor> {
    const blob bytes = co_await db.get(where);
    co_await db.sync();
    co_return std::string(bytes.text());
  };
  std::string found;
  asio::co_spawn(store.context.get_executor(), work(typed, known),
                 [&](const std::exception_ptr& error, std::string text) {
                   REQUIRE_FALSE(error);
                   found = std::move(text);
                 });
  run_dry(store.context);
  CHECK(found == "some bytes");
}

}  // namespace conduit::test

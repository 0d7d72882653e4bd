// Gets of compressed files: slices over many frames, the cache, and files that are not what they
// should be.
#include <catch2/catch.hpp>
#include <cerrno>
#include <conduit/error.hpp>
#include <random>

#include "base/checksum.hpp"
#include "get/framed_store.hpp"

using namespace conduit;
using namespace conduit::test;

TEST_CASE("any slice over any frames is read, whatever the cache and the number of codec threads") {
  const std::size_t cache = GENERATE(0U, 100000U, 32U << 20);
  framed_store store(40, GENERATE(1U, 3000U, 64U << 10, 300000U));
  process reader = store.host.start([&](options& how) {
    how.read_only = true;
    how.frame_cache_bytes = cache;
    how.codec_threads = 3;
  });
  std::mt19937_64 random(cache);
  for (int round = 0; round < 60; ++round) {
    const std::size_t start = random() % store.plain.size();
    const std::size_t end = start + random() % (store.plain.size() - start + 1);
    CAPTURE(cache, start, end);
    const auto found = reader->get(at(0, start, end));
    REQUIRE(!found.error);
    REQUIRE(found.value == store.plain.substr(start, end - start));
  }
  CHECK(reader->get(at(0, 0, store.plain.size() + 1)).error == errc::out_of_range);
  CHECK(reader->get(at(0, store.plain.size(), store.plain.size())).value.empty());
  CHECK(reader->get(at(1, 0, 1)).error == errc::out_of_range);
  CHECK(reader->get(at(2, 0, 1)).error == errc::no_such_file);
}

TEST_CASE(
    "a long slice is read in chunks, each with one read, where the page cache has none of it") {
  framed_store store(300, 200000);
  process reader = store.host.start(read_only);
  reader.script->fail_every(io_call::read_cached, fault::with_error(EAGAIN));
  REQUIRE(reader->get(at(0, 5, store.plain.size() - 5)).value ==
          store.plain.substr(5, store.plain.size() - 10));
  const auto reads = reader.calls(io_call::start_read);
  CHECK(reads.size() >= 4);
  for (const seen_call& read : reads) CHECK(read.size <= 8U << 20);
}

TEST_CASE("the threads that decode a long slice read its cached part, in small pieces") {
  const std::size_t frame_bytes = GENERATE(1000U, 200000U);
  framed_store store(400, frame_bytes);
  process reader = store.host.start(read_only);
  REQUIRE(reader->get(at(0, 5, store.plain.size() - 5)).value ==
          store.plain.substr(5, store.plain.size() - 10));
  CHECK(reader.calls(io_call::start_read).empty());
  const auto reads = reader.calls(io_call::read_cached);
  if (frame_bytes == 1000) CHECK(reads.size() < 20);
  for (const seen_call& read : reads) CHECK(read.size <= 512U << 10);
}

TEST_CASE(
    "a long slice is read from the medium from its first uncached byte on, and nothing is decoded "
    "twice") {
  framed_store store(30, 200000);
  process reader = store.host.start([](options& how) {
    how.read_only = true;
    how.codec_threads = 1;
  });
  const std::uint64_t held = store.frames.without_table().size() / 2;
  reader.script->set_rule([held](const seen_call& call) -> std::optional<fault> {
    const bool lacking = call.kind == io_call::read_cached && call.offset + call.size > held;
    return lacking ? std::optional(fault::with_error(EAGAIN)) : std::nullopt;
  });
  REQUIRE(reader->get(at(0, 0, store.plain.size())).value == store.plain);
  const auto reads = reader.calls(io_call::start_read);
  REQUIRE(!reads.empty());
  CHECK(reads.front().offset > 0);
  CHECK(reads.front().offset <= held);
  store_stats stats;
  reader->home().state->count_reads(stats);
  CHECK(stats.frames_decoded == 30);
}

TEST_CASE("a long slice that is cached up to its middle is read on in chunks of bounded memory") {
  framed_store store(300, 200000);
  const unsigned threads = GENERATE(1U, 3U);
  process reader = store.host.start([threads](options& how) {
    how.read_only = true;
    how.codec_threads = threads;
  });
  const std::uint64_t held = store.frames.without_table().size() / 3;
  reader.script->set_rule([held](const seen_call& call) -> std::optional<fault> {
    const bool lacking = call.kind == io_call::read_cached && call.offset + call.size > held;
    return lacking ? std::optional(fault::with_error(EAGAIN)) : std::nullopt;
  });
  CHECK(reader->get(at(0, 5, store.plain.size() - 5)).value ==
        store.plain.substr(5, store.plain.size() - 10));
  const auto reads = reader.calls(io_call::start_read);
  CHECK(reads.size() >= 2);
  for (const seen_call& read : reads) CHECK(read.size <= 8U << 20);
}

TEST_CASE("a frame too large for a piece is read by the engine") {
  framed_store store(2, 3U << 20);
  process reader = store.host.start(read_only);
  CHECK(reader->get(at(0, 5, 4U << 20)).value == store.plain.substr(5, (4U << 20) - 5));
  CHECK(!reader.calls(io_call::start_read).empty());
}

TEST_CASE("a short slice costs one read of the frame that covers it, and the next one none") {
  framed_store store(20, 64U << 10);
  process reader = store.host.start(read_only);
  REQUIRE(!reader->get(at(0, 0, 10)).error);
  reader.script->forget_calls();
  const std::uint64_t start = 5 * (64U << 10) + 100;
  CHECK(reader->get(at(0, start, start + 50)).value == store.plain.substr(start, 50));
  CHECK(reader.calls(io_call::read_cached).size() + reader.calls(io_call::start_read).size() == 1);
  CHECK(reader.calls(io_call::try_lock_shared).empty());
  CHECK(reader->get(at(0, start + 50, start + 80)).value == store.plain.substr(start + 50, 30));
  CHECK(reader->get_in_coroutine(at(0, start + 80, start + 90)).value ==
        store.plain.substr(start + 80, 10));
  CHECK(reader.calls(io_call::read_cached).size() + reader.calls(io_call::start_read).size() == 1);
}

TEST_CASE("many reads of one frame at the same time decode it once") {
  framed_store store(4, 64U << 10);
  process reader = store.host.start(read_only);
  REQUIRE(!reader->get(at(0, 0, 0))
               .error);  // opens it: a file that is opened twice has its frames twice
  std::vector<blocking_store::pending<blob>> pending;
  for (std::uint64_t i = 0; i < 100; ++i)
    pending.push_back(reader->begin_get(at(0, 70000 + i, 70100 + i)));
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto found = reader->wait(pending[i]);
    REQUIRE(!found.error);
    REQUIRE(found.value.text() == std::string_view(store.plain).substr(70000 + i, 100));
  }
  store_stats stats;
  reader->home().state->count_reads(stats);
  CHECK(stats.frames_decoded == 1);
  CHECK(stats.cache_misses == 1);
  CHECK(stats.cache_hits == 99);
  CHECK(stats.gets == 101);
}

TEST_CASE("two reads that need each other's frames do not wait for each other") {
  framed_store store(8, 64U << 10);
  process reader = store.host.start(read_only);
  REQUIRE(!reader->get(at(0, 0, 0)).error);
  std::vector<blocking_store::pending<blob>> pending;
  const std::uint64_t frame = 64U << 10;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::uint64_t first = i % 6;
    pending.push_back(
        reader->begin_get(at(0, (first + 1) * frame - 10, (first + 2 - i % 2) * frame + 10)));
  }
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::uint64_t start = (i % 6 + 1) * frame - 10;
    const auto found = reader->wait(pending[i]);
    REQUIRE(!found.error);
    REQUIRE(found.value.text() ==
            std::string_view(store.plain).substr(start, (i % 6 + 2 - i % 2) * frame + 10 - start));
  }
  store_stats stats;
  reader->home().state->count_reads(stats);
  CHECK(stats.frames_decoded <= 8 + 30);  // whole frames in the middle have no use for the cache
}

TEST_CASE("the cache keeps no more than its bytes") {
  framed_store store(60, 10000);
  process reader = store.host.start([](options& how) {
    how.read_only = true;
    how.frame_cache_bytes = 100000;
  });
  for (std::uint64_t i = 0; i < 60; ++i) {
    CHECK(reader->get(at(0, i * 10000 + 3, i * 10000 + 7)).value ==
          store.plain.substr(i * 10000 + 3, 4));
    CHECK(reader->home().state->decoded_frames.size_bytes() <= 100000);
  }
  CHECK(reader->home().state->decoded_frames.size_bytes() == 100000);
}

TEST_CASE("a whole blob must have its location's checksum, and frames theirs") {
  framed_store store(3, 50000);
  process reader = store.host.start(read_only);
  data_location whole = at(0, 10, 120000);
  whole.checksum = checksum_of(std::as_bytes(std::span(store.plain).subspan(10, 119990)));
  CHECK(!reader->get(whole).error);
  whole.checksum ^= 1U;
  CHECK(reader->get(whole).error == errc::corrupt);
  CHECK(!reader->get(whole, {1, 100}).error);
  // In the middle of the second frame, which is stored as it is.
  const std::uint64_t second = store.frames.sizes()[0].stored;
  corrupt_byte(store.path(0), second + 20000);
  process next = store.host.start(read_only);
  CHECK(next->get(at(0, 50010, 50020)).error == errc::corrupt);
  CHECK(next.events.count(event::kind::data_corrupt) == 1);
  CHECK(next.events.all().back().offset == second);
  CHECK(next->get(at(0, 49000, 50000)).value == store.plain.substr(49000, 1000));
  CHECK(next->get(at(0, 100000, 150000)).value == store.plain.substr(100000));
  const auto report = next->verify(0);
  REQUIRE(report.value.faults.size() == 1);
  CHECK(report.value.frames == 3);
  CHECK(report.value.faults[0].frame == 1);
  CHECK(report.value.faults[0].offset == second);
}

TEST_CASE("short, interrupted and failing reads are mended or reported") {
  framed_store store(40, 30000);
  process reader = store.host.start(read_only);
  REQUIRE(!reader->get(at(0, 0, 1)).error);
  const auto reads = [](const seen_call& call) {
    return call.kind == io_call::start_read || call.kind == io_call::read_cached;
  };
  reader.script->set_rule([&, count = 0](const seen_call& call) mutable -> std::optional<fault> {
    if (!reads(call)) return std::nullopt;
    return ++count % 2 == 0 ? fault{fault::kind::short_half} : fault::with_error(EINTR);
  });
  CHECK(reader->get(at(0, 7, 1100000)).value == store.plain.substr(7, 1100000 - 7));
  reader.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    return reads(call) ? std::optional(fault::with_error(EIO)) : std::nullopt;
  });
  CHECK(reader->get(at(0, 7, 1100000)).error == std::errc::io_error);
  CHECK(reader->get(at(0, 100000, 100001)).error == std::errc::io_error);
  reader.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    return reads(call) ? std::optional(fault{fault::kind::nothing}) : std::nullopt;
  });
  CHECK(reader->get(at(0, 7, 1100000)).error);
  reader.script->set_rule({});
  CHECK(reader->get(at(0, 7, 1100000)).value == store.plain.substr(7, 1100000 - 7));
}

TEST_CASE("an error at any call of a first read is its error and nothing else") {
  framed_store store(6, 30000);
  std::vector<seen_call> calls;
  const std::uint32_t number = GENERATE(0U, 1U);
  const bool sticky = GENERATE(false, true);
  if (number == 1) store.write(1, store.frames.without_table());
  {
    process reader = store.host.start(read_only);
    reader.script->forget_calls();
    REQUIRE(!reader->get(at(number, 10, 170000)).error);
    calls = reader.script->calls();
  }
  for (const seen_call& call : calls) {
    for (const int error : {EIO, EINTR, EMFILE, EAGAIN}) {
      if (!applies(fault::with_error(error), call.kind)) continue;
      CAPTURE(call.to_string(), error, sticky);
      process reader = store.host.start(read_only);
      const std::size_t index = call.index;
      reader.script->fail_at(index, fault::with_error(error), sticky);
      const auto found = reader->get(at(number, 10, 170000));
      if (!found.error) CHECK(found.value == store.plain.substr(10, 169990));
      reader.script->set_rule({});
      CHECK(reader->get(at(number, 10, 170000)).value == store.plain.substr(10, 169990));
    }
  }
}

TEST_CASE("hostile files end with an error, in bounded memory") {
  framed_store store(3, 1000);
  const byte_vector good = store.frames.without_table();
  const auto sizes = store.frames.sizes();
  const auto lying = [&](std::uint32_t stored, std::uint32_t plain) {
    auto all = sizes;
    all[1] = {stored, plain};
    return join({good, table_of(all)});
  };
  byte_vector file;
  bool served = true;  // the frames are sound: what a table says of them is not believed
  SECTION("an entry of one byte that holds four GiB") { file = lying(1, 0xFFFFFFFF); }
  SECTION("an entry without plain bytes") { file = lying(sizes[1].stored, 0); }
  SECTION("an entry with too many plain bytes") { file = lying(sizes[1].stored, 5000); }
  SECTION("a footer that claims more frames than there can be") {
    file = join({good, number(0x184D2A5E, 4), number(9, 4), number(0xFFFFFFFF, 4), number(0, 1),
                 number(0x8F92EAB1, 4)});
  }
  SECTION("a frame that says it holds 2^62 bytes") {
    file = join({header_of({0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40}), raw_block(text_of(1, 100), true)});
    served = false;
  }
  SECTION("a window of terabytes") {
    file = join({header_of({0x00, 0xF8}), raw_block(text_of(1, 100), true)});
    served = false;
  }
  SECTION("a dictionary") {
    file = join({header_of({0x21, 0x07, 100}), raw_block(text_of(1, 100), true)});
    served = false;
  }
  store.write(0, file);
  process reader = store.host.start(read_only);
  const auto found = reader->get(at(0, 0, 100));
  if (served) CHECK(found.value == store.plain.substr(0, 100));
  if (!served) CHECK(found.error == errc::corrupt);
  if (served) CHECK(reader->get(at(0, 1500, 3000)).value == store.plain.substr(1500));
  CHECK(reader->verify(0).value.faults.size() == 1);
}

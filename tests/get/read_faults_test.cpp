// Reads that the kernel answers in part, not yet, or with an error.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

bool reads(const seen_call& call) {
  return call.kind == io_call::start_read || call.kind == io_call::read_cached;
}

// The first so many reads end like this.
disk_script::rule first_reads(std::size_t count, fault how) {
  return [count, how](const seen_call& call) mutable -> std::optional<fault> {
    if (!reads(call) || count == 0) return std::nullopt;
    --count;
    return how;
  };
}

// A store with one sealed blob in the middle of a file, read in the page cache's way or by
// O_DIRECT.
struct sealed_blob {
  explicit sealed_blob(std::size_t size) : bytes(bytes_of(7, size)) {
    REQUIRE(!store->put(bytes_of(1, 777)).error);
    where = store->put(bytes).value;
    REQUIRE(!store->put(bytes_of(2, 777)).error);
    REQUIRE(!store->roll().error);
    store.script->forget_calls();
  }

  std::size_t reads_started() const { return store.calls(io_call::start_read).size(); }

  const bool direct = GENERATE(false, true);
  machine host{[this](options& how) { how.direct_io = direct; }};
  process store{host.start()};
  const std::string bytes;
  data_location where;
};

}  // namespace

TEST_CASE("short reads are continued where they ended") {
  sealed_blob blob(GENERATE(100U, 5000U, 300000U));
  const std::size_t count = GENERATE(1U, 2U, 4U);
  const fault how = GENERATE(fault{fault::kind::short_half}, fault{fault::kind::short_by_one});
  blob.store.script->set_rule(first_reads(count, how));
  const auto whole = blob.store->get(blob.where);
  // By O_DIRECT nothing can be read on from within a block: such a read is a short file, and an
  // error.
  if (!blob.direct) REQUIRE(!whole.error);
  CHECK((whole.error ? whole.value.empty() : whole.value == blob.bytes));
  CHECK(blob.store.script->hits() >= 1);
  blob.store.script->set_rule({});
  CHECK(blob.store->get(blob.where).value == blob.bytes);
}

TEST_CASE("reads that are interrupted or have to wait are tried again") {
  sealed_blob blob(GENERATE(100U, 300000U));
  const int error = GENERATE(EINTR, EAGAIN);
  blob.store.script->set_rule(first_reads(20, fault::with_error(error)));
  CHECK(blob.store->get(blob.where).value == blob.bytes);
  CHECK(blob.store.script->hits() == 20);
}

TEST_CASE("a read that is interrupted for ever ends with an error") {
  sealed_blob blob(300000);
  const int error = GENERATE(EINTR, EAGAIN);
  blob.store.script->fail_every(io_call::start_read, fault::with_error(error));
  const auto whole = blob.store->get(blob.where);
  CHECK(whole.error.value() == error);
  CHECK(whole.value.empty());
  CHECK(blob.reads_started() < 200);
  blob.store.script->set_rule({});
  CHECK(blob.store->get(blob.where).value == blob.bytes);
}

TEST_CASE("a read that moves nothing for ever is out of range") {
  sealed_blob blob(GENERATE(100U, 300000U));
  blob.store.script->set_rule(first_reads(1000000, fault{fault::kind::nothing}));
  const auto whole = blob.store->get(blob.where);
  CHECK(whole.error == errc::out_of_range);
  CHECK(whole.value.empty());
  CHECK(blob.reads_started() < 10);
}

TEST_CASE("a read error is the error of its get and of no other") {
  sealed_blob blob(GENERATE(100U, 300000U));
  blob.store.script->fail_next(io_call::start_read, fault::with_error(EIO));
  // The fast way reads from the page cache and does not meet the error.
  blob.store.script->set_rule([](const seen_call& call) -> std::optional<fault> {
    if (!reads(call)) return std::nullopt;
    return fault::with_error(EIO);
  });
  const auto whole = blob.store->get(blob.where);
  CHECK(whole.error == std::errc::io_error);
  CHECK(whole.value.empty());
  const auto fast = blob.store->get_in_coroutine(blob.where);
  CHECK(fast.error == std::errc::io_error);
  std::string memory(blob.bytes.size(), 'x');
  CHECK(blob.store->get_into(blob.where, {}, asio::buffer(memory)).value == 0);
  blob.store.script->set_rule({});
  CHECK(blob.store->get(blob.where).value == blob.bytes);
  CHECK(blob.store->get_in_coroutine(blob.where).value == blob.bytes);
}

TEST_CASE("the page cache serves reads if O_DIRECT turns out not to work") {
  machine host([](options& how) { how.direct_io = true; });
  process store = host.start();
  const std::string bytes = bytes_of(1, 20000);
  const auto blob = store->put(bytes);
  REQUIRE(!store->roll().error);
  SECTION("at the open") {
    store.script->fail_next(io_call::open, fault::with_error(EINVAL), "data_00000000.dat");
  }
  SECTION("at the first read") {
    store.script->fail_next(io_call::start_read, fault::with_error(EINVAL));
  }
  CHECK(store->get(blob.value, {3, 19000}).value == bytes.substr(3, 18997));
  CHECK(store.script->hits() == 1);
}

TEST_CASE("a file that is not cached is opened by a helper and then read") {
  sealed_blob blob(300000);
  blob.store.script->fail_next(io_call::open, fault::with_error(EAGAIN), "data_00000000.dat");
  CHECK(blob.store->get(blob.where).value == blob.bytes);
  CHECK(blob.store.script->hits() == 1);
  CHECK(blob.store.calls(io_call::open, "data_00000000.dat").size() == 2);
}

TEST_CASE("an error at the open or at the look at the size is the error of the get") {
  sealed_blob blob(300000);
  SECTION("the open fails") {
    blob.store.script->fail_next(io_call::open, fault::with_error(EMFILE));
  }
  SECTION("the open by a helper fails") {
    blob.store.script->set_rule(
        [first = true](const seen_call& call) mutable -> std::optional<fault> {
          if (call.kind != io_call::open) return std::nullopt;
          const int error = first ? EAGAIN : EMFILE;
          first = false;
          return fault::with_error(error);
        });
  }
  SECTION("the size cannot be had") {
    blob.store.script->fail_every(io_call::status, fault::with_error(EIO), ".dat");
  }
  const auto whole = blob.store->get(blob.where);
  CHECK((whole.error.value() == EMFILE || whole.error.value() == EIO));
  CHECK(whole.value.empty());
  blob.store.script->set_rule({});
  CHECK(blob.store->get(blob.where).value == blob.bytes);
}

TEST_CASE(
    "verify reads on after short and interrupted reads, and reports an error with its offset") {
  machine host;
  process store = host.start();
  REQUIRE(!store->put(bytes_of(1, 9000000)).error);
  store.script->set_rule([count = 0](const seen_call& call) mutable -> std::optional<fault> {
    if (call.kind != io_call::read) return std::nullopt;
    return ++count % 2 == 0 ? fault{fault::kind::short_half} : fault::with_error(EINTR);
  });
  const auto sound = store->verify(0);
  CHECK(!sound.error);
  CHECK(sound.value.bytes == 9000000);
  CHECK(sound.value.faults.empty());

  store.script->set_rule([](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::read || call.offset < 4000000) return std::nullopt;
    return fault::with_error(EIO);
  });
  const auto broken = store->verify(0);
  REQUIRE(broken.value.faults.size() == 1);
  CHECK(broken.value.faults[0].offset == broken.value.bytes);
  CHECK(broken.value.bytes >= 4000000);
  CHECK(broken.value.faults[0].error == std::errc::io_error);
  CHECK(store->verify(1).error == errc::no_such_file);
}

TEST_CASE("a directory that cannot be listed is the error of files") {
  machine host;
  process store = host.start();
  REQUIRE(!store->put("some bytes").error);
  store.script->fail_next(GENERATE(io_call::list, io_call::status_at), fault::with_error(EIO));
  CHECK(store->files().error == std::errc::io_error);
  CHECK(store->files().value.size() == 1);
}

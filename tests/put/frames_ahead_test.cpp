// A batch of a compressed store that is encoded while the one before it is written.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>

#include "support/bytes.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"
#include "support/thread_limit.hpp"

namespace conduit::test {

namespace {

// Durable puts of a store of its own; the sync of the first batch does not end before `release`.
class waiting_store {
 public:
  waiting_store() {
    // Starts all threads but those of the pool.
    outcome<data_location> before;
    store->put(asio::buffer("something before", 16), before.handler());
    run_dry(context);
    REQUIRE(before.well());
    threads_ = count_threads();
    context.restart();
    script->set_rule([](const seen_call& call) -> std::optional<fault> {
      if (call.kind != io_call::start_sync) return std::nullopt;
      return fault{fault::kind::withheld};
    });
  }

  bool waits_for_sync() {
    return run_until_holds(context, [this] { return script->withholds(); });
  }
  // The pool has no thread before it has a frame to encode.
  bool encodes_ahead() {
    return run_until_holds(context, [this] { return count_threads() > threads_; });
  }
  void release() {
    script->set_rule({});
    script->start_withheld();
  }
  std::string get(const data_location& location) {
    outcome<blob> found;
    store->get(location, found.handler());
    run_dry(context);
    REQUIRE(found.well());
    return {reinterpret_cast<const char*>(found.value().data()), found.value().size()};
  }

  temporary_directory directory;
  asio::io_context context;
  const std::shared_ptr<disk_script> script = std::make_shared<disk_script>();
  std::optional<store_on_disk> store{std::in_place, context, how(directory), scripted(script)};

  // Small enough for the loop's thread to encode it; the others are batches of their own.
  const std::string first_bytes = bytes_of(1, 3000);
  const std::string second_bytes = bytes_of(2, 60'000);
  const std::string third_bytes = bytes_of(3, 70'000);
  outcome<data_location> first;
  outcome<data_location> second;
  outcome<data_location> third;

 private:
  static options how(const temporary_directory& directory) {
    options result = options_in(directory);
    result.compression = compression::zstd;
    result.durability = durability::fdatasync;
    result.batch_bytes = 4096;
    return result;
  }

  unsigned threads_ = 0;
};

}  // namespace

TEST_CASE("a batch is encoded while the one before it waits for its sync") {
  waiting_store of;
  of.store->put(asio::buffer(of.first_bytes), of.first.handler());
  of.store->put(asio::buffer(of.second_bytes), of.second.handler());
  of.store->put(asio::buffer(of.third_bytes), of.third.handler());
  REQUIRE(of.waits_for_sync());
  CHECK(of.encodes_ahead());
  CHECK(!of.first.called());
  of.release();
  run_dry(of.context);
  REQUIRE((of.first.well() && of.second.well() && of.third.well()));
  CHECK(of.second.value().start == of.first.value().end);
  CHECK(of.third.value().start == of.second.value().end);
  CHECK(of.get(of.first.value()) == of.first_bytes);
  CHECK(of.get(of.second.value()) == of.second_bytes);
  CHECK(of.get(of.third.value()) == of.third_bytes);
}

TEST_CASE("a put that is encoded ahead can be cancelled and leaves no gap") {
  waiting_store of;
  asio::cancellation_signal cancel;
  of.store->put(asio::buffer(of.first_bytes), of.first.handler());
  of.store->put(asio::buffer(of.second_bytes),
                asio::bind_cancellation_slot(cancel.slot(), of.second.handler()));
  of.store->put(asio::buffer(of.third_bytes), of.third.handler());
  REQUIRE(of.waits_for_sync());
  REQUIRE(of.encodes_ahead());
  cancel.emit(asio::cancellation_type::terminal);
  of.release();
  run_dry(of.context);
  CHECK(of.second.error == asio::error::operation_aborted);
  REQUIRE((of.first.well() && of.third.well()));
  CHECK(of.third.value().start == of.first.value().end);
  CHECK(of.get(of.third.value()) == of.third_bytes);
}

TEST_CASE("a batch that was encoded ahead outlives the failed sync of the one before it") {
  waiting_store of;
  of.store->put(asio::buffer(of.first_bytes), of.first.handler());
  of.store->put(asio::buffer(of.second_bytes), of.second.handler());
  of.script->set_rule({});
  of.script->fail_next(io_call::start_sync, fault::with_error(EIO));
  run_dry(of.context);
  CHECK(of.first.error == std::errc::io_error);
  REQUIRE(of.second.well());
  CHECK(of.second.value().file_number == 1);
  CHECK(of.get(of.second.value()) == of.second_bytes);
}

TEST_CASE("a context that dies beside a put encoded ahead gets its memory back first") {
  waiting_store of;
  auto other = std::make_unique<asio::io_context>();
  auto bytes = std::make_unique<std::string>(bytes_of(4, 8U << 20));
  outcome<data_location> ahead;
  of.store->put(asio::buffer(of.first_bytes), of.first.handler());
  of.store->bind(*other).put(asio::buffer(*bytes), ahead.handler());
  of.store->put(asio::buffer(of.third_bytes), of.third.handler());
  REQUIRE(of.waits_for_sync());
  REQUIRE(of.encodes_ahead());
  other.reset();
  bytes.reset();
  CHECK(ahead.pending() == 0);
  of.release();
  run_dry(of.context);
  CHECK(ahead.calls == 0);
  REQUIRE((of.first.well() && of.third.well()));
  CHECK(of.get(of.third.value()) == of.third_bytes);
}

TEST_CASE("a store may go while a batch is encoded ahead") {
  outcome<data_location> first;
  outcome<data_location> ahead;
  const std::string bytes = bytes_of(5, 8U << 20);
  {
    waiting_store of;
    of.store->put(asio::buffer(of.first_bytes), first.handler());
    of.store->put(asio::buffer(bytes), ahead.handler());
    REQUIRE(of.waits_for_sync());
    REQUIRE(of.encodes_ahead());
    SECTION("with its context") {}
    SECTION("before its context") {
      of.store.reset();
      of.release();
      run_dry(of.context);
      CHECK((first.well() && ahead.well()));
    }
  }
  CHECK(first.pending() + ahead.pending() == 0);
}

}  // namespace conduit::test

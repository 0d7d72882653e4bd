// Cancellation: a put is written or it is not, a get lets go of its buffer only after the kernel
// did.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "support/foreign_lock.hpp"
#include "support/loop_threads.hpp"
#include "support/moment.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

using asio::bind_cancellation_slot;
using asio::cancellation_signal;
using asio::cancellation_type;

constexpr std::size_t large_bytes = 4U << 20;

}  // namespace

TEST_CASE("a queued put ends as aborted with every type of cancellation and is not written") {
  const auto type = GENERATE(cancellation_type::terminal, cancellation_type::partial,
                             cancellation_type::total, cancellation_type::all);
  store_fixture store;
  const data_location first = store.put("the first");
  foreign_lock other_process(store.lock_path());
  cancellation_signal signal;
  outcome<data_location> cancelled;
  outcome<data_location> kept;
  store.db.put(asio::buffer("cancelled", 9),
               bind_cancellation_slot(signal.slot(), cancelled.handler()));
  store.db.put(asio::buffer("kept", 4), kept.handler());
  store.context.restart();
  store.context.poll();
  signal.emit(type);
  CHECK(cancelled.calls == 0);  // never inside the emission
  other_process.release();
  store.context.run();
  CHECK(cancelled.error == asio::error::operation_aborted);
  REQUIRE(kept.well());
  CHECK(kept.value().start == first.end);
  CHECK(store.get(kept.value()) == "kept");
}

TEST_CASE("a cancellation of no type is none") {
  store_fixture store;
  cancellation_signal signal;
  outcome<data_location> put;
  store.db.put(asio::buffer("kept", 4), bind_cancellation_slot(signal.slot(), put.handler()));
  signal.emit(cancellation_type::none);
  run_dry(store.context);
  CHECK(put.well());
}

TEST_CASE("a put cancelled before the loop runs is not written") {
  store_fixture store;
  store.put("the first");
  cancellation_signal signal;
  outcome<data_location> put;
  store.db.put(asio::buffer("cancelled", 9), bind_cancellation_slot(signal.slot(), put.handler()));
  signal.emit(cancellation_type::terminal);
  run_dry(store.context);
  CHECK(put.error == asio::error::operation_aborted);
  CHECK(store.files()[0].plain_bytes == 9);
}

TEST_CASE("every queued operation of the writer can be cancelled and the others keep their order") {
  store_fixture store;
  const data_location first = store.put("the first");
  store.roll();
  foreign_lock other_process(store.lock_path());
  std::vector<cancellation_signal> signals(6);
  outcome<std::vector<data_location>> puts;
  outcome<> sync;
  outcome<std::uint32_t> roll;
  outcome<> removal;
  outcome<std::size_t> removals;
  outcome<> close;
  outcome<data_location> kept;
  store.db.put_many({asio::buffer("a", 1), asio::buffer("b", 1)},
                    bind_cancellation_slot(signals[0].slot(), puts.handler()));
  store.db.sync(bind_cancellation_slot(signals[1].slot(), sync.handler()));
  store.db.roll(0, bind_cancellation_slot(signals[2].slot(), roll.handler()));
  store.db.put(asio::buffer("kept", 4), kept.handler());
  store.db.delete_file(first.file_number,
                       bind_cancellation_slot(signals[3].slot(), removal.handler()));
  store.db.delete_before(100, bind_cancellation_slot(signals[4].slot(), removals.handler()));
  store.db.close(bind_cancellation_slot(signals[5].slot(), close.handler()));
  store.context.restart();
  store.context.poll();
  for (auto& signal : signals) signal.emit(cancellation_type::total);
  other_process.release();
  store.context.run();
  for (const std::error_code& error :
       {puts.error, sync.error, roll.error, removal.error, removals.error, close.error}) {
    CHECK(error == asio::error::operation_aborted);
  }
  REQUIRE(kept.well());
  CHECK(kept.value().file_number == first.file_number + 1);
  CHECK(kept.value().start == 0);
  CHECK(puts.value().empty());
  store.reopen();
  CHECK(store.get(first) == "the first");
  CHECK(store.files().size() == 2);
}

TEST_CASE("a put that waits for room in the queue can be cancelled") {
  store_fixture store([](options& how) { how.pending_put_bytes = 1000; });
  store.put("the first");
  foreign_lock other_process(store.lock_path());
  const std::string bytes = bytes_of(1, 800);
  cancellation_signal signal;
  outcome<data_location> queued;
  outcome<data_location> cancelled;
  outcome<data_location> behind;
  store.db.put(asio::buffer(bytes), queued.handler());
  store.db.put(asio::buffer(bytes), bind_cancellation_slot(signal.slot(), cancelled.handler()));
  store.db.put(asio::buffer(bytes), behind.handler());
  CHECK(store.db.stats().put_queue_waits == 2);
  store.context.restart();
  store.context.poll();
  signal.emit(cancellation_type::partial);
  other_process.release();
  store.context.run();
  CHECK(cancelled.error == asio::error::operation_aborted);
  REQUIRE(queued.well());
  REQUIRE(behind.well());
  CHECK(behind.value().start == queued.value().end);
}

TEST_CASE("a put that is being written completes as if it had not been cancelled") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  run(context, store.roll(asio::use_awaitable));
  cancellation_signal signal;
  // The request is on its way to the kernel: the put is in a batch.
  script->before(io_call::start_write,
                 [&](const seen_call&) { signal.emit(cancellation_type::terminal); });
  const std::string bytes = bytes_of(2, large_bytes);
  outcome<data_location> put;
  store.put(asio::buffer(bytes), bind_cancellation_slot(signal.slot(), put.handler()));
  run_dry(context);
  REQUIRE(put.well());
  CHECK(run(context, store.get(put.value(), asio::use_awaitable)).text() == bytes);
}

TEST_CASE("a roll that runs completes as if it had not been cancelled") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  moment creating;
  moment go_on;
  script->before(io_call::open, [&](const seen_call& call) {
    if (!call.creates) return;
    creating.reach();
    go_on.wait();
  });
  cancellation_signal signal;
  outcome<std::uint32_t> roll;
  store.roll(bind_cancellation_slot(signal.slot(), roll.handler()));
  loop_threads home(context);
  creating.wait();
  signal.emit(cancellation_type::all);
  go_on.reach();
  home.join();
  CHECK(roll.well());
}

TEST_CASE(
    "a sync cancelled while it syncs one file leaves the others, and the put behind it need not "
    "wait for them") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  for (int file = 0; file < 5; ++file) {
    run(context, store.put(asio::buffer("some bytes", 10), asio::use_awaitable));
    run(context, store.roll(asio::use_awaitable));
  }
  moment syncing;
  moment go_on;
  std::atomic<int> synced{0};
  script->before(io_call::sync_data, [&](const seen_call&) {
    ++synced;
    syncing.reach();
    go_on.wait();
  });
  cancellation_signal signal;
  outcome<> sync;
  outcome<data_location> put;
  store.sync(bind_cancellation_slot(signal.slot(), sync.handler()));
  store.put(asio::buffer("more bytes", 10), put.handler());
  loop_threads home(context);
  syncing.wait();
  signal.emit(cancellation_type::total);
  go_on.reach();
  home.join();
  CHECK(sync.error == asio::error::operation_aborted);
  CHECK(put.well());
  CHECK(synced == 1);
}

TEST_CASE("a get cancelled before its turn ends as aborted or with the right bytes") {
  const auto type =
      GENERATE(cancellation_type::terminal, cancellation_type::partial, cancellation_type::total);
  const bool cold = GENERATE(true, false);
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  const std::string bytes = bytes_of(3, 2000);
  const data_location location = run(context, store.put(asio::buffer(bytes), asio::use_awaitable));
  run(context, store.get(location, asio::use_awaitable));
  if (cold) script->fail_every(io_call::read_cached, fault::with_error(EAGAIN));
  cancellation_signal signal;
  outcome<blob> get;
  store.get(location, bind_cancellation_slot(signal.slot(), get.handler()));
  signal.emit(type);
  CHECK(get.calls == 0);
  run_dry(context);
  REQUIRE(get.calls == 1);
  if (cold) {
    CHECK(get.error == asio::error::operation_aborted);
    CHECK(get.value().empty());
  } else {
    CHECK_FALSE(get.error);
    CHECK(get.value().text() == bytes);
  }
}

TEST_CASE("gets cancelled while the kernel or a thread has them end either way") {
  store_fixture store;
  const std::string bytes = bytes_of(4, large_bytes);
  const data_location location = store.put(bytes);
  unsigned aborted = 0;
  unsigned read = 0;
  for (std::size_t turns = 0; turns < 30; ++turns) {
    std::vector<cancellation_signal> signals(8);
    std::vector<outcome<blob>> gets(signals.size());
    for (std::size_t i = 0; i < signals.size(); ++i) {
      store.db.get(location, bind_cancellation_slot(signals[i].slot(), gets[i].handler()));
    }
    store.context.restart();
    for (std::size_t i = 0; i < turns % 5; ++i) store.context.poll_one();
    for (auto& signal : signals) signal.emit(cancellation_type::terminal);
    store.context.run();
    for (auto& get : gets) {
      REQUIRE(get.calls == 1);
      REQUIRE((get.error == asio::error::operation_aborted ||
               (!get.error && get.value().text() == bytes)));
      ++(get.error ? aborted : read);
    }
  }
  CHECK(aborted + read == 240);
}

TEST_CASE("a get cancelled while its file is opened ends as aborted") {
  store_fixture store;
  cancellation_signal signal;
  outcome<blob> get;
  // A file that is too short is opened anew by a helper thread.
  const data_location location = store.put("something");
  store.db.get({location.file_number, 0, 0, 100},
               bind_cancellation_slot(signal.slot(), get.handler()));
  signal.emit(cancellation_type::terminal);
  run_dry(store.context);
  CHECK((get.error == asio::error::operation_aborted || get.error == errc::out_of_range));
  CHECK(get.calls == 1);
}

TEST_CASE("files and verify can be cancelled") {
  store_fixture store;
  const std::string bytes = bytes_of(5, 16U << 20);
  const data_location location = store.put(bytes);
  cancellation_signal for_files;
  cancellation_signal for_verify;
  outcome<std::vector<file_info>> files;
  outcome<verify_report> verify;
  store.db.files(bind_cancellation_slot(for_files.slot(), files.handler()));
  store.db.verify(location.file_number,
                  bind_cancellation_slot(for_verify.slot(), verify.handler()));
  for_files.emit(cancellation_type::terminal);
  for_verify.emit(cancellation_type::terminal);
  run_dry(store.context);
  CHECK(files.calls == 1);
  REQUIRE(verify.calls == 1);
  CHECK((!verify.error || verify.error == asio::error::operation_aborted));
}

TEST_CASE("cancelling after the end reaches nobody") {
  store_fixture store;
  const data_location location = store.put("something");
  cancellation_signal signal;
  outcome<data_location> put;
  outcome<blob> get;
  store.db.put(asio::buffer("kept", 4), bind_cancellation_slot(signal.slot(), put.handler()));
  run_dry(store.context);
  signal.emit(cancellation_type::terminal);
  store.db.get(location, bind_cancellation_slot(signal.slot(), get.handler()));
  run_dry(store.context);
  signal.emit(cancellation_type::terminal);
  CHECK(put.well());
  CHECK(get.well());
}

TEST_CASE("a put and a timer in a coroutine leave nothing behind when the timer wins") {
  store_fixture store;
  const data_location first = store.put("the first");
  foreign_lock other_process(store.lock_path());
  auto timed_put = [](flat_file_db db, std::string bytes,
                      std::chrono::milliseconds patience) -> asio::awaitable<bool> {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, patience);
    cancellation_signal signal;
    timer.async_wait([&signal](std::error_code error) {
      if (!error) signal.emit(cancellation_type::total);
    });
    bool stored = true;
    try {
      co_await db.put(asio::buffer(bytes),
                      asio::bind_cancellation_slot(signal.slot(), asio::use_awaitable));
    } catch (const std::system_error& error) {
      stored = error.code() != asio::error::operation_aborted;
    }
    timer.cancel();
    co_return stored;
  };
  CHECK_FALSE(store.run(timed_put(store.db, "never stored", std::chrono::milliseconds(5))));
  other_process.release();
  CHECK(store.run(timed_put(store.db, "the second", std::chrono::hours(1))));
  CHECK(store.files()[0].plain_bytes == first.end + 10);
}

}  // namespace conduit::test

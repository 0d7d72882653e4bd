// Where handlers run and where their memory comes from: associated executors and allocators.
#include <asio/associated_allocator.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/loop_threads.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

// Starts one of each call; the token for each is made by `make`, from what takes any error and
// results.
template <typename Make>
void start_every_call(const flat_file_db& db, const data_location& known, const std::string& bytes,
                      std::string& into, Make make) {
  db.put(asio::buffer(bytes), make());
  db.put_many({asio::buffer(bytes)}, make());
  db.get(known, make());
  db.get_slice(known, {1, 2}, make());
  db.get_slice(known, {2, 1}, make());                  // out of range
  db.get({known.file_number + 1000, 0, 0, 1}, make());  // no such file
  db.get_into(known, {}, asio::buffer(into), make());
  db.sync(make());
  db.roll(0, make());
  db.delete_file(known.file_number + 1000, make());  // no such file
  db.delete_before(0, make());
  db.files(make());
  db.verify(known.file_number, make());
  db.close(make());
  db.put(asio::buffer(bytes), make());  // closed
}
constexpr unsigned calls_made = 15;

// What an allocator gave out and got back.
struct ledger {
  std::size_t taken = 0;
  std::size_t outstanding = 0;
};

template <typename T>
class counting_allocator {
 public:
  using value_type = T;

  explicit counting_allocator(ledger& counts) noexcept : counts_(&counts) {}
  template <typename U>
  explicit(false) counting_allocator(const counting_allocator<U>& other) noexcept
      : counts_(other.counts_) {}

  T* allocate(std::size_t count) {
    counts_->taken += count * sizeof(T);
    counts_->outstanding += count * sizeof(T);
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    counts_->outstanding -= count * sizeof(T);
    std::allocator<T>().deallocate(memory, count);
  }
  template <typename U>
  bool operator==(const counting_allocator<U>& other) const noexcept {
    return counts_ == other.counts_;
  }

 private:
  template <typename>
  friend class counting_allocator;
  ledger* counts_;
};

// A handler with that allocator; notes what was outstanding when it ran.
struct frugal_handler {
  using allocator_type = counting_allocator<void>;
  allocator_type get_allocator() const noexcept { return allocator_type(*counts); }

  template <typename... Results>
  void operator()(std::error_code, Results&&...) const {
    ++*calls;
    *outstanding_then += counts->outstanding;
  }

  ledger* counts;
  unsigned* calls;
  std::size_t* outstanding_then;
};

}  // namespace

TEST_CASE("handlers run on the handle's context unless they say otherwise") {
  store_fixture store;
  const data_location known = store.put("something");
  const std::string bytes = "bytes";
  std::string into(9, '\0');
  asio::io_context other;
  unsigned wrong = 0;
  unsigned calls = 0;
  const auto on_other = [&](std::error_code, auto&&...) {
    ++calls;
    if (!other.get_executor().running_in_this_thread()) ++wrong;
  };
  start_every_call(store.db.bind(other), known, bytes, into, [&] { return on_other; });
  {
    const loop_threads home(store.context);
    other.run();
  }
  CHECK(calls == calls_made);
  CHECK(wrong == 0);
}

// `executor` is the strand, by its own type or another.
template <typename Executor>
void require_in_strand(store_fixture& store,
                       const asio::strand<asio::io_context::executor_type>& strand,
                       const Executor& executor) {
  const data_location known = store.put("something");
  const std::string bytes = "bytes";
  std::string into(9, '\0');
  unsigned wrong = 0;
  unsigned calls = 0;  // unguarded: the strand guards it
  const auto in_strand = [&](std::error_code, auto&&...) {
    ++calls;
    if (!strand.running_in_this_thread()) ++wrong;
  };
  start_every_call(store.db, known, bytes, into,
                   [&] { return asio::bind_executor(executor, in_strand); });
  loop_threads(store.context, 4).join();
  CHECK(calls == calls_made);
  CHECK(wrong == 0);
}

TEST_CASE("handlers bound to a strand run in the strand") {
  store_fixture store;
  const auto strand = asio::make_strand(store.context);
  SECTION("by its own type") { require_in_strand(store, strand, strand); }
  SECTION("by the type that hides it") {
    require_in_strand(store, strand, asio::any_io_executor(strand));
  }
}

TEST_CASE("handlers bound to another context run there and keep it from running out of work") {
  store_fixture store;
  const data_location known = store.put("something");
  const std::string bytes = "bytes";
  std::string into(9, '\0');
  asio::io_context other;
  unsigned wrong = 0;
  unsigned calls = 0;
  const auto on_other = [&](std::error_code, auto&&...) {
    ++calls;
    if (!other.get_executor().running_in_this_thread()) ++wrong;
  };
  start_every_call(store.db, known, bytes, into,
                   [&] { return asio::bind_executor(other.get_executor(), on_other); });
  {
    const loop_threads home(store.context);
    other.run();  // returns only with all of them done
  }
  CHECK(calls == calls_made);
  CHECK(wrong == 0);
  other.restart();
  CHECK(other.run() == 0);
}

TEST_CASE("handlers bound to a type-erased executor of another context run there") {
  store_fixture store;
  const data_location known = store.put("something");
  const std::string bytes = "bytes";
  std::string into(9, '\0');
  asio::thread_pool pool(2);
  std::atomic<unsigned> wrong{0};
  std::atomic<unsigned> calls{0};
  const auto in_pool = [&](std::error_code, auto&&...) {
    calls.fetch_add(1);
    if (!pool.get_executor().running_in_this_thread()) wrong.fetch_add(1);
  };
  const asio::any_io_executor executor = pool.get_executor();
  start_every_call(store.db, known, bytes, into,
                   [&] { return asio::bind_executor(executor, in_pool); });
  run_dry(store.context);
  pool.join();
  CHECK(calls == calls_made);
  CHECK(wrong == 0);
}

TEST_CASE("handlers whose context dies before they run are destroyed with it") {
  store_fixture store;
  const data_location known = store.put("something");
  const std::string bytes = "bytes";
  std::string into(9, '\0');
  const auto alive = std::make_shared<int>(0);
  unsigned calls = 0;
  {
    asio::io_context other;
    start_every_call(store.db, known, bytes, into, [&] {
      return asio::bind_executor(other.get_executor(),
                                 [&calls, alive](std::error_code, auto&&...) { ++calls; });
    });
    run_dry(store.context);
    CHECK(alive.use_count() == 1 + calls_made);
  }
  CHECK(calls == 0);
  CHECK(alive.use_count() == 1);
}

TEST_CASE(
    "the memory of every operation comes from its handler and is back before the handler runs") {
  store_fixture store;
  const data_location known = store.put("something");
  const std::string bytes = "bytes";
  std::string into(9, '\0');
  ledger counts;
  unsigned calls = 0;
  std::size_t outstanding_then = 0;
  std::size_t started = 0;
  std::size_t taken_before = 0;
  start_every_call(store.db, known, bytes, into, [&] {
    // The call before this one took memory for its operation: all of an operation's state is larger
    // than this.
    if (started != 0) REQUIRE(counts.taken >= taken_before + sizeof(detail::queued_op));
    taken_before = counts.taken;
    ++started;
    return frugal_handler{&counts, &calls, &outstanding_then};
  });
  CHECK(started == calls_made);
  CHECK(calls == 0);
  CHECK(counts.outstanding != 0);
  run_dry(store.context);
  CHECK(calls == calls_made);
  CHECK(counts.outstanding == 0);
}

TEST_CASE("a handler finds its operation's memory given back") {
  store_fixture store;
  const data_location known = store.put("something");
  ledger counts;
  unsigned calls = 0;
  std::size_t outstanding_then = 0;
  const frugal_handler handler{&counts, &calls, &outstanding_then};
  const std::string bytes = "bytes";
  store.db.put(asio::buffer(bytes), handler);
  run_dry(store.context);
  store.db.get(known, handler);
  run_dry(store.context);
  store.db.files(handler);
  run_dry(store.context);
  store.db.get({1000, 0, 0, 1}, handler);
  run_dry(store.context);
  CHECK(calls == 4);
  CHECK(outstanding_then == 0);
  CHECK(counts.outstanding == 0);
}

TEST_CASE("operations that are dropped give their memory back to their handler's allocator") {
  ledger counts;
  unsigned calls = 0;
  std::size_t outstanding_then = 0;
  const std::string bytes = "bytes";
  std::string into(9, '\0');
  {
    store_fixture store;
    const data_location known = store.put("something");
    start_every_call(store.db, known, bytes, into,
                     [&] { return frugal_handler{&counts, &calls, &outstanding_then}; });
    CHECK(counts.outstanding != 0);
  }
  CHECK(calls == 0);
  CHECK(counts.outstanding == 0);
}

}  // namespace conduit::test

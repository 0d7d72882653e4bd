// Reads that the page cache answers: one after another, many at a time, on two threads, with their
// checksum, and without io_uring.
#include <liburing.h>

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <conduit/detail/asio_compat.hpp>
#include <thread>

#include "bare_ring.hpp"
#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

sample pread_loop(int fd, double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  const block_memory memory;
  stint time(seconds);
  do {
    const ssize_t count =
        ::pread(fd, memory.at(0), block_bytes, static_cast<off_t>(pattern.next()));
    require(count == static_cast<ssize_t>(block_bytes), "pread");
  } while (time.next());
  return time.result();
}

sample coroutines(const flat_file_db& db, asio::io_context& context, data_location whole,
                  unsigned count, double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  run_coroutines(context, count, [&](unsigned) { return read_slices(db, whole, pattern, time); });
  return time.result();
}

asio::awaitable<void> read_as_tuples(flat_file_db db, data_location whole, access_pattern& pattern,
                                     stint& time) {
  const block_memory memory;
  const asio::mutable_buffer to = memory.buffer();
  do {
    const std::uint64_t offset = pattern.next();
    const slice part{offset, offset + block_bytes};
    const auto [error, size] =
        co_await db.get_into(whole, part, to, detail::as_tuple(asio::use_awaitable));
    require(!error && size == block_bytes, "get_into");
  } while (time.next());
}

sample tuples(const flat_file_db& db, asio::io_context& context, data_location whole,
              double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  run_coroutines(context, 1, [&](unsigned) { return read_as_tuples(db, whole, pattern, time); });
  return time.result();
}

// One read after another without coroutines: each handler begins the next.
struct callback_chain {
  const flat_file_db& db;
  data_location whole;
  access_pattern& pattern;
  stint& time;
  block_memory memory;

  void begin() {
    const std::uint64_t offset = pattern.next();
    const slice part{offset, offset + block_bytes};
    db.get_into(whole, part, memory.buffer(), [this](std::error_code error, std::size_t) {
      if (error) throw std::system_error(error);
      if (time.next()) begin();
    });
  }
};

sample callbacks(const flat_file_db& db, asio::io_context& context, data_location whole,
                 double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  callback_chain chain{db, whole, pattern, time, block_memory()};
  chain.begin();
  context.restart();
  context.run();
  return time.result();
}

sample bare_loop(int fd, unsigned depth, double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  bare_ring ring(fd, depth);
  stint time(seconds);
  ring.read(pattern, time);
  return time.result();
}

asio::awaitable<void> read_blobs(flat_file_db db, const filled_store& store,
                                 access_pattern& pattern, stint& time) {
  do {
    const data_location& location = store.locations()[pattern.next() / block_bytes];
    const blob bytes = co_await db.get(location);
    require(bytes.size() == block_bytes, "get");
  } while (time.next());
}

sample whole_blobs(const flat_file_db& db, asio::io_context& context, const filled_store& store,
                   double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  run_coroutines(context, 1, [&](unsigned) { return read_blobs(db, store, pattern, time); });
  return time.result();
}

// The yardstick of the thread backend: pread on a pool, as one writes it with Asio. The result
// comes home with one post.
asio::awaitable<std::size_t> pread_on(asio::thread_pool& pool, asio::io_context& home, int fd,
                                      void* to, std::uint64_t offset) {
  auto begin = [&pool, &home, fd, to, offset](auto&& handler) {
    auto work = [&home, fd, to, offset, own = std::move(handler)]() mutable {
      const ssize_t count = ::pread(fd, to, block_bytes, static_cast<off_t>(offset));
      asio::post(home, [count, own = std::move(own)]() mutable {
        std::move(own)(static_cast<std::size_t>(count));
      });
    };
    asio::post(pool, std::move(work));
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(std::size_t)>(
      std::move(begin), asio::use_awaitable);
}

asio::awaitable<void> read_on(asio::thread_pool& pool, asio::io_context& home, int fd,
                              access_pattern& pattern, stint& time) {
  const block_memory memory;
  do {
    const std::size_t count = co_await pread_on(pool, home, fd, memory.at(0), pattern.next());
    require(count == block_bytes, "pread");
  } while (time.next());
}

sample pool_loop(int fd, unsigned count, double seconds) {
  asio::thread_pool pool(std::thread::hardware_concurrency());
  asio::io_context context(1);
  const auto guard = asio::make_work_guard(context);
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  unsigned left = count;
  std::exception_ptr failure;
  for (unsigned i = 0; i < count; ++i) {
    asio::co_spawn(context, read_on(pool, context, fd, pattern, time),
                   [&](const std::exception_ptr& thrown) {
                     if (thrown) failure = thrown;
                     if (--left == 0) context.stop();
                   });
  }
  context.run();
  if (failure) std::rethrow_exception(failure);
  return time.result();
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const filled_store store(wanted, scratch);
  const file_descriptor file(store.data_file(), O_RDONLY);
  const data_location whole = store.whole();
  const double seconds = wanted.seconds;
  const auto warm = [&] { store.warm(); };

  asio::io_context home;
  const flat_file_db db = flat_file_db::open(home, store.how());
  print_header();

  if (wanted.wants(1)) {
    const auto yardstick = [&] { return pread_loop(file.get(), seconds); };
    compare(
        wanted, 1, "hot get_into, one coroutine / pread loop", {0.90},
        [&] { return coroutines(db, home, whole, 1, seconds); }, yardstick, warm);
    compare(
        wanted, 1, "hot get_into, one coroutine, as_tuple / pread loop", {0.85},
        [&] { return tuples(db, home, whole, seconds); }, yardstick, warm);
    compare(
        wanted, 1, "hot get_into, one callback chain / pread loop", {0.75},
        [&] { return callbacks(db, home, whole, seconds); }, yardstick, warm);
  }
  if (wanted.wants(2)) {
    for (const unsigned depth : {32U, 128U}) {
      compare(
          wanted, 2,
          "hot get_into, " + std::to_string(depth) + " coroutines / liburing loop of that depth",
          {0.95}, [&] { return coroutines(db, home, whole, depth, seconds); },
          [&] { return bare_loop(file.get(), depth, seconds); }, warm);
    }
  }
  if (wanted.wants(4)) {
    asio::io_context other;
    const flat_file_db bound = db.bind(other);
    const file_descriptor second(store.data_file(), O_RDONLY);
    compare(
        wanted, 4, "hot get_into, two threads of 32 coroutines / two liburing loops", {0.95},
        [&] {
          return on_two_threads([&](unsigned index) {
            return coroutines(index == 0 ? db : bound, index == 0 ? home : other, whole, 32,
                              seconds);
          });
        },
        [&] {
          return on_two_threads([&](unsigned index) {
            return bare_loop(index == 0 ? file.get() : second.get(), 32, seconds);
          });
        },
        warm);
  }
  if (wanted.wants(19)) {
    options trusting = store.how();
    trusting.verify_checksums = false;
    asio::io_context second_home;
    const flat_file_db unverified = flat_file_db::open(second_home, trusting);
    compare(
        wanted, 19, "get of a 4 KiB blob with its checksum / without", {0.88},
        [&] { return whole_blobs(db, home, store, seconds); },
        [&] { return whole_blobs(unverified, second_home, store, seconds); }, warm);
  }
  if (wanted.wants(21)) {
    options threads = store.how();
    threads.backend = backend::threads;
    asio::io_context second_home;
    const flat_file_db on_threads = flat_file_db::open(second_home, threads);
    compare(
        wanted, 21, "hot get_into, backend threads, 32 coroutines / pread on a pool", {2.0},
        [&] { return coroutines(on_threads, second_home, whole, 32, seconds); },
        [&] { return pool_loop(file.get(), 32, seconds); }, warm);
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {1, 2, 4, 19, 21}, conduit::bench::run);
}

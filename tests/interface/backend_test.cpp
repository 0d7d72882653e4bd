// Which backend a store gets, and why: with io_uring, without it, and where a sandbox forbids it.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/forbidden_call.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

// Puts and reads of all sizes, whole files and the upkeep; 0 where all is right.
int use_everything(const options& how) {
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  std::vector<std::string> blobs;
  for (const std::size_t size : {0U, 1U, 4096U, 300'000U, 3U << 20})
    blobs.push_back(bytes_of(size, size));
  const std::vector<data_location> locations = run(context, db.put_many(buffers(blobs)));
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    if (run(context, db.get(locations[i])).text() != blobs[i]) return 1;
  }
  if (run(context, db.roll()) != 1) return 2;
  run(context, db.sync());
  if (run(context, db.files()).size() != 2) return 3;
  if (!run(context, db.verify(0)).faults.empty()) return 4;
  run(context, db.delete_file(0));
  asio::io_context other;
  const flat_file_db bound = db.bind(other);
  if (error_of(other, bound.get(locations[0])) != errc::no_such_file) return 5;
  if (db.stats().backend != backend::threads || bound.stats().backend != backend::threads) return 6;
  run(context, db.close());
  return 0;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// In a child where io_uring_setup fails with `error`: `automatic` uses threads and says why,
// `io_uring` is a clear error.
int without_io_uring(int error, const char* reason_part, options how) {
  if (!forbid(SCMP_SYS(io_uring_setup), error)) return 10;
  how.backend = backend::automatic;
  std::string heard;
  how.on_event = [&](const event& news) {
    if (news.what == event::kind::backend_chosen) heard = news.message;
  };
  {
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, how);
    const store_stats stats = db.stats();
    if (stats.backend != backend::threads) return 11;
    if (!contains(stats.backend_reason, reason_part) || !contains(heard, reason_part)) {
      std::fprintf(stderr, "reason: %s\n", stats.backend_reason.c_str());
      return 12;
    }
  }
  const int used = use_everything(how);
  if (used != 0) return used;
  how.backend = backend::io_uring;
  asio::io_context context;
  std::error_code refused;
  if (flat_file_db::open(context, how, refused).is_open() || !refused) return 13;
  try {
    flat_file_db::open(context, how);
    return 14;
  } catch (const std::system_error& failure) {
    if (failure.code() != refused || !contains(failure.what(), reason_part)) return 15;
  }
  // The failed attempts leave the context fit for threads.
  how.backend = backend::threads;
  const flat_file_db db = flat_file_db::open(context, how);
  run(context, db.put(asio::buffer("something", 9)));
  return contains(db.stats().backend_reason, "asked for") ? 0 : 16;
}

}  // namespace

TEST_CASE("stats tells the backend that was asked for") {
  store_fixture store;
  CHECK(store.db.stats().backend == backend_under_test());
  CHECK(store.db.stats().backend_reason == "asked for");
}

TEST_CASE("automatic takes io_uring where the process may have it") {
  store_fixture store([](options& how) { how.backend = backend::automatic; });
  const store_stats stats = store.db.stats();
  CHECK(stats.backend ==
        (stats.backend_reason == "io_uring is available" ? backend::io_uring : backend::threads));
  CHECK(store.get(store.put("something")) == "something");
}

TEST_CASE(
    "the automatic backend uses threads if a sandbox forbids io_uring, and everything works") {
  temporary_directory directory;
  CHECK(in_child([&] { return without_io_uring(EPERM, "forbidden", options_in(directory)); }) == 0);
}

TEST_CASE(
    "the automatic backend uses threads if access to io_uring is denied, and everything works") {
  temporary_directory directory;
  CHECK(in_child([&] { return without_io_uring(EACCES, "forbidden", options_in(directory)); }) ==
        0);
}

TEST_CASE(
    "the automatic backend uses threads if the kernel has no io_uring, and everything works") {
  temporary_directory directory;
  CHECK(in_child([&] { return without_io_uring(ENOSYS, "no io_uring", options_in(directory)); }) ==
        0);
}

TEST_CASE(
    "the automatic backend uses threads if locked memory is too small for a ring, and everything "
    "works") {
  temporary_directory directory;
  CHECK(in_child(
            [&] { return without_io_uring(ENOMEM, "locked memory", options_in(directory)); }) == 0);
}

TEST_CASE("a sandbox without openat2 hinders nothing") {
  temporary_directory directory;
  const auto body = [&](int error) {
    if (!forbid(SCMP_SYS(openat2), error)) return 10;
    options how = options_in(directory);
    how.backend = backend::threads;
    return use_everything(how);
  };
  CHECK(in_child([&] { return body(ENOSYS); }) == 0);
}

TEST_CASE("a sandbox without preadv2 or inotify hinders nothing") {
  temporary_directory first;
  temporary_directory second;
  CHECK(in_child([&] {
          if (!forbid(SCMP_SYS(preadv2), ENOSYS)) return 10;
          options how = options_in(first);
          how.backend = backend::threads;
          return use_everything(how);
        }) == 0);
  CHECK(in_child([&] {
          if (!forbid(SCMP_SYS(inotify_init1), EMFILE)) return 10;
          options how = options_in(second);
          how.backend = backend::threads;
          return use_everything(how);
        }) == 0);
}

TEST_CASE("a home with a ring and a bound context share a store with one that uses threads") {
  store_fixture store;
  second_opening other(store, [](options& how) { how.backend = backend::threads; });
  const data_location first = store.put("of the first");
  const data_location second = run(other.context, other.db.put(asio::buffer("of the second", 13)));
  CHECK(second.start == first.end);
  CHECK(run(other.context, other.db.get(first)).text() == "of the first");
  CHECK(store.get(second) == "of the second");
}

TEST_CASE("stores of both backends live on one context and die with it") {
  temporary_directory directory;
  outcome<blob> get;
  const std::string large = bytes_of(1, 4U << 20);
  outcome<data_location> put_on_ring;
  outcome<data_location> put_on_threads;
  {
    asio::io_context context;
    options how = options_in(directory);
    how.backend = backend::threads;
    const flat_file_db on_threads = flat_file_db::open(context, how);
    how.data_directory = directory / "other";
    how.backend = backend_under_test();
    const flat_file_db other = flat_file_db::open(context, how);
    CHECK(run(context, on_threads.put(asio::buffer(large))).size() == large.size());
    CHECK(run(context, other.put(asio::buffer(large))).size() == large.size());
    on_threads.put(asio::buffer(large), put_on_threads.handler());
    other.put(asio::buffer(large), put_on_ring.handler());
    context.restart();
    context.poll_one();
    context.poll_one();
  }
  CHECK(put_on_ring.pending() + put_on_threads.pending() == 0);
}

}  // namespace conduit::test

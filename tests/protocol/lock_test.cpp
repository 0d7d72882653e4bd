// Rule 17 of the protocol on disk: the lock, what stands under its name, and who waits for it.
#include <fcntl.h>

#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <cerrno>

#include "support/bytes.hpp"
#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

// Runs the store until it has asked for the lock so many times since it was opened.
void run_until_asked(process& waiter, std::size_t times) {
  while (waiter.calls(io_call::try_lock).size() < times) waiter->context().run_one();
}

bool is_unlock(const seen_call& call) { return call.kind == io_call::unlock; }

}  // namespace

TEST_CASE("rule 17: a put waits for whoever holds the lock") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  foreign_lock other(host.lock_path());
  auto waiting = writer->begin_put("more bytes");
  run_until_asked(writer, 2);
  CHECK_FALSE(waiting->has_value());
  CHECK(host.size_of(0) == 10);
  other.release();
  const auto stored = writer->wait(waiting);
  REQUIRE(!stored.error);
  CHECK(stored.value.start == 10);
  CHECK(lock_is_free(host.lock_path()));
}

TEST_CASE("rule 17: a put waits for an original, which holds a lock of its process") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  int ready[2];
  int done[2];
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(done, O_CLOEXEC) == 0);
  child_process original([&] {
    const int fd = ::open(host.lock_path().c_str(), O_RDWR);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    if (::fcntl(fd, F_SETLK, &whole) != 0) return 1;
    char byte = 0;
    if (::write(ready[1], &byte, 1) != 1) return 2;
    return ::read(done[0], &byte, 1) == 1 ? 0 : 3;  // and gives it free by ending
  });
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  auto waiting = writer->begin_put("more bytes");
  run_until_asked(writer, 2);
  CHECK_FALSE(waiting->has_value());
  REQUIRE(::write(done[1], &byte, 1) == 1);
  CHECK(!writer->wait(waiting).error);
  CHECK(original.wait() == 0);
  for (const int end : {ready[0], ready[1], done[0], done[1]}) ::close(end);
}

TEST_CASE(
    "rule 17: the lock survives that another descriptor of its file is closed in the same "
    "process") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  std::vector<bool> free;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::write || !call.file.ends_with(".dat")) return std::nullopt;
    unique_fd(::open(host.lock_path().c_str(), O_RDWR | O_CLOEXEC)).reset();
    free.push_back(lock_is_free(host.lock_path()));
    return std::nullopt;
  });
  REQUIRE(!writer->put("more bytes").error);
  CHECK(free == std::vector<bool>{false});
}

TEST_CASE("rule 17: readers never wait for the lock") {
  machine host;
  process writer = host.start();
  const auto blob = writer->put("some bytes");
  foreign_lock other(host.lock_path());
  process reader = host.start([](options& how) { how.read_only = GENERATE(false, true); });
  CHECK(reader->get(blob.value).value == "some bytes");
  CHECK(reader->get_in_coroutine(blob.value).value == "some bytes");
  CHECK(reader->files().value.size() == 1);
  CHECK(reader->verify(0).value.bytes == 10);
  CHECK(writer->get(blob.value).value == "some bytes");
}

TEST_CASE("rule 17: a lock file that was unlinked is noticed, made again, and reported") {
  machine host;
  process first = host.start();
  REQUIRE(!first->put("some bytes").error);
  fs::remove(host.lock_path());
  const auto next = first->put("more bytes");
  REQUIRE(!next.error);
  CHECK(first.events.count(event::kind::lock_file_replaced) == 1);
  // The record went with the file: nothing vouches for the old tail.
  CHECK(next.value.file_number == 1);
  CHECK(host.record().has_value());
  process second = host.start();
  CHECK(second->put("more bytes").value.start == 10);
  CHECK(first->put("more bytes").value.start == 20);
}

TEST_CASE("rule 17: after the lock file was replaced two processes never hold a lock at once") {
  machine host;
  process first = host.start();
  REQUIRE(!first->put("some bytes").error);
  // By name, as a person or a cleaning job would do it.
  fs::remove(host.lock_path());
  foreign_lock other(host.lock_path());
  auto waiting = first->begin_put("more bytes");
  run_until_asked(first, 3);  // the old file's lock, which is of no use, and the new one's
  CHECK_FALSE(waiting->has_value());
  CHECK(host.size_of(0) == 10);
  other.release();
  REQUIRE(!first->wait(waiting).error);
  CHECK(first.events.count(event::kind::lock_file_replaced) == 1);
}

TEST_CASE("rule 17: a lock file that was replaced while a put waited for it is noticed") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  foreign_lock old(host.lock_path());
  auto waiting = writer->begin_put("more bytes");
  run_until_asked(writer, 2);
  fs::remove(host.lock_path());
  foreign_lock current(host.lock_path());
  old.release();  // the lock it gets now is of no use
  run_until_asked(writer, 3);
  CHECK_FALSE(waiting->has_value());
  current.release();
  CHECK(!writer->wait(waiting).error);
  CHECK(writer.events.count(event::kind::lock_file_replaced) == 1);
}

TEST_CASE("rule 17: a lock file replaced in mid-tenure is noticed at the next one") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->set_rule([&, done = false](const seen_call& call) mutable -> std::optional<fault> {
    if (done || call.kind != io_call::write || !call.file.ends_with(".dat")) return std::nullopt;
    done = true;
    fs::rename(host.lock_path(), host.directory / "moved.lock");
    return std::nullopt;
  });
  REQUIRE(!writer->put("more bytes").error);
  process other = host.start();
  REQUIRE(!other->put("more bytes").error);
  REQUIRE(!writer->put("more bytes").error);
  CHECK(writer.events.count(event::kind::lock_file_replaced) == 1);
  CHECK(lock_is_free(host.lock_path()));
}

TEST_CASE("rule 17: the lock is given free before a put is acknowledged, well or not") {
  machine host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  CHECK(lock_is_free(host.lock_path()));
  writer.script->set_rule([](const seen_call& call) -> std::optional<fault> {
    if (!call.file.ends_with(".dat") ||
        (call.kind != io_call::write && call.kind != io_call::start_write))
      return std::nullopt;
    return fault::with_error(EIO);
  });
  CHECK(writer->put("lost").error);
  CHECK(lock_is_free(host.lock_path()));
  const auto calls = writer.script->calls();
  CHECK(std::count_if(calls.begin(), calls.end(), is_unlock) ==
        static_cast<std::ptrdiff_t>(writer.calls(io_call::try_lock).size()));
}

TEST_CASE("rule 17: a put that waits for the lock needs no further descriptor") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  foreign_lock other(host.lock_path());
  writer.script->fail_every(io_call::open, fault::with_error(GENERATE(EMFILE, ENFILE)), ".lock");
  auto waiting = writer->begin_put("more bytes");
  run_until_asked(writer, 2);
  CHECK_FALSE(waiting->has_value());
  other.release();
  const auto stored = writer->wait(waiting);
  REQUIRE(!stored.error);
  CHECK(stored.value.start == 10);
}

TEST_CASE("rule 17: a store can be closed though the lock cannot be had") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->fail_every(io_call::try_lock, fault::with_error(ENOLCK));
  const auto put = writer->begin_put("more bytes");
  const auto sync = writer->begin_sync();
  CHECK(!writer->close());
  CHECK(writer->wait(put).error.value() == ENOLCK);
  CHECK(writer->wait(sync).error.value() == ENOLCK);
}

TEST_CASE("rule 17: a lock that cannot be had is an error of the put and not a wait") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  const int error = GENERATE(ENOLCK, EIO, EINTR);
  writer.script->fail_every(io_call::try_lock, fault::with_error(error));
  CHECK(writer->put("more bytes").error.value() == error);
  writer.script->set_rule({});
  CHECK(writer->put("more bytes").value.start == 10);
}

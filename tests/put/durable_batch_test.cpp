// A durable batch that takes more than one write: each part is synced, and no sync may fail
// unnoticed.
#include <catch2/catch.hpp>
#include <cerrno>
#include <string>
#include <vector>

#include "io/iov_cursor.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

TEST_CASE(
    "a failed sync of the first part of a durable batch fails the whole batch, whatever the later "
    "syncs say") {
  machine host([](options& how) { how.durability = durability::fdatasync; });
  process writer = host.start();
  REQUIRE(writer->put("before").value.file_number == 0);
  writer.script->fail_next(io_call::start_sync, fault::with_error(EIO));

  const std::vector<std::string> blobs(io::iov_cursor::parts_max + 1, "b");
  const auto batch = writer->put_many(blobs);
  REQUIRE(writer.script->hits() == 1);
  CHECK(batch.error.value() == EIO);
  CHECK(batch.value.empty());
  CHECK(writer.events.count(event::kind::sync_failed) == 1);

  // What was in the file before is served; what comes next goes elsewhere.
  CHECK(writer->put("after").value.file_number == 1);
}

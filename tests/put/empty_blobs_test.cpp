// A blob without bytes has a location all the same, behind bytes that may be another process's and
// not durable: without them the location would lie beyond the file's end.
#include <catch2/catch.hpp>

#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

std::size_t syncs_of_data(const process& writer) {
  return writer.calls(io_call::start_sync, ".dat").size() +
         writer.calls(io_call::sync_data, ".dat").size();
}

}  // namespace

TEST_CASE("a durable empty blob makes the bytes before it durable") {
  machine host;
  process other = host.start();
  REQUIRE(!other->put("some bytes").error);
  process writer = host.start([](options& how) { how.durability = durability::fdatasync; });
  const bool several = GENERATE(false, true);
  if (several) {
    REQUIRE(!writer->put_many({"", "", ""}).error);
  } else {
    REQUIRE(!writer->put("").error);
  }
  CHECK(syncs_of_data(writer) == 1);
}

TEST_CASE("a failed sync fails a durable empty blob") {
  machine host([](options& how) { how.durability = durability::fdatasync; });
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->set_rule([](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::start_sync && call.kind != io_call::sync_data) return std::nullopt;
    return fault::with_error(EIO);
  });
  CHECK(writer->put("").error == std::errc::io_error);
  writer.script->set_rule({});
  CHECK(writer->put("").value.file_number == 1);
}

TEST_CASE("sync makes the bytes before an empty blob durable") {
  machine host;
  process other = host.start();
  REQUIRE(!other->put("some bytes").error);
  process writer = host.start();
  REQUIRE(!writer->put("").error);
  REQUIRE(!writer->sync());
  CHECK(syncs_of_data(writer) == 1);
}

// Rule 11 of the protocol on disk: no room for an append.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

// The three ways of an append: inline, through the engine, and with a sync.
struct way {
  durability how;
  std::size_t size;
};

way any_way() {
  return GENERATE(way{durability::none, 1000}, way{durability::none, 1'500'000},
                  way{durability::fdatasync, 1000}, way{durability::fdatasync, 1'500'000});
}

bool writes_data(const seen_call& call) {
  return (call.kind == io_call::write || call.kind == io_call::start_write) &&
         call.file.ends_with(".dat");
}

// As the kernel reports a full disk: a short write first, then the error.
disk_script::rule full_after_half(int error) {
  return [error, first = true](const seen_call& call) mutable -> std::optional<fault> {
    if (!writes_data(call)) return std::nullopt;
    if (!first) return fault::with_error(error);
    first = false;
    return fault{fault::kind::short_half};
  };
}

}  // namespace

TEST_CASE(
    "rule 11: after ENOSPC, EDQUOT or EFBIG the file is cut back and the next put goes where the "
    "failed one began") {
  const way append = any_way();
  const int error = GENERATE(ENOSPC, EDQUOT, EFBIG);
  machine host([&](options& how) { how.durability = append.how; });
  process writer = host.start();
  const auto before = writer->put("some bytes");
  REQUIRE(!before.error);
  writer.script->set_rule(full_after_half(error));
  const std::string blob = bytes_of(1, append.size);
  const auto failed = writer->put(blob);
  CHECK(failed.error == std::error_code(error, std::system_category()));
  CHECK(failed.value == data_location{});
  CHECK(host.size_of(0) == 10);
  CHECK(lock_is_free(host.lock_path()));
  writer.script->set_rule({});
  const auto after = writer->put(blob);
  REQUIRE(!after.error);
  CHECK(after.value.file_number == 0);
  CHECK(after.value.start == 10);
  CHECK(writer->get(after.value).value == blob);
  CHECK(writer->get(before.value).value == "some bytes");
  CHECK_FALSE(host.record()->poisoned);
  CHECK(!writer->sync());
  CHECK(writer.events.count(event::kind::write_failed) == 1);
}

TEST_CASE("rule 11: where the file cannot be cut back the next put goes on behind the waste") {
  const way append = any_way();
  machine host([&](options& how) { how.durability = append.how; });
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->set_rule(
      [full = full_after_half(ENOSPC)](const seen_call& call) -> std::optional<fault> {
        if (call.kind == io_call::truncate) return fault::with_error(EIO);
        return full(call);
      });
  const std::string blob = bytes_of(1, append.size);
  CHECK(writer->put(blob).error.value() == ENOSPC);
  CHECK(host.size_of(0) == 10 + append.size / 2);
  writer.script->set_rule({});
  const bool by_another = GENERATE(false, true);
  process other = host.start();
  const auto after = by_another ? other->put(blob) : writer->put(blob);
  REQUIRE(!after.error);
  CHECK(after.value.file_number == 0);
  CHECK(after.value.start == 10 + append.size / 2);
  CHECK(writer->get(after.value).value == blob);
}

TEST_CASE(
    "rule 11: a batch that does not fit fails as a whole, and smaller ones behind it succeed") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  const std::vector<std::string> blobs{bytes_of(1, 100), bytes_of(2, 200), bytes_of(3, 50)};
  writer.script->set_rule(full_after_half(ENOSPC));
  auto one = writer->begin_put(blobs[0]);
  auto two = writer->begin_put_many(blobs);
  CHECK(writer->wait(one).error.value() == ENOSPC);
  CHECK(writer->wait(two).error.value() == ENOSPC);
  CHECK(host.size_of(0) == 10);
  writer.script->set_rule({});
  CHECK(writer->put(blobs[2]).value.start == 10);
}

TEST_CASE("rule 11: without room for the next file the put fails and the store stays usable") {
  machine host([](options& how) { how.max_file_size = 100; });
  process writer = host.start();
  const auto before = writer->put(bytes_of(1, 100));
  REQUIRE(!before.error);
  const io_call failing = GENERATE(io_call::open, io_call::write);
  writer.script->fail_next(failing, fault::with_error(ENOSPC));
  CHECK(writer->put("more bytes").error.value() == ENOSPC);
  const auto after = writer->put("more bytes");
  REQUIRE(!after.error);
  CHECK(after.value.file_number >= 1);
  CHECK(writer->get(before.value).value == bytes_of(1, 100));
}

TEST_CASE("rule 11: another failed write leaves the file for ever") {
  const way append = any_way();
  machine host([&](options& how) { how.durability = append.how; });
  process writer = host.start();
  const auto before = writer->put("some bytes");
  REQUIRE(!before.error);
  const fault how = GENERATE(fault::with_error(EIO), fault::with_error(EINTR),
                             fault::with_error(EAGAIN), fault{fault::kind::nothing});
  writer.script->set_rule([how](const seen_call& call) -> std::optional<fault> {
    if (!writes_data(call)) return std::nullopt;
    return how;
  });
  CHECK(writer->put(bytes_of(1, append.size)).error);
  writer.script->set_rule({});
  const auto after = writer->put(bytes_of(1, append.size));
  REQUIRE(!after.error);
  CHECK(after.value.file_number == 1);
  CHECK(writer->get(before.value).value == "some bytes");
  CHECK(host.start()->put("more bytes").value.file_number == 1);
}

TEST_CASE("rule 11: short writes are continued where they ended") {
  const way append = any_way();
  machine host([&](options& how) { how.durability = append.how; });
  process writer = host.start();
  const std::vector<std::string> blobs{bytes_of(1, append.size), "", bytes_of(2, 77),
                                       bytes_of(3, append.size / 3), "x"};
  writer.script->set_rule([rest = 9](const seen_call& call) mutable -> std::optional<fault> {
    if (!writes_data(call) || rest == 0) return std::nullopt;
    --rest;
    return fault{fault::kind::short_half};
  });
  const auto stored = writer->put_many(blobs);
  REQUIRE(!stored.error);
  for (std::size_t i = 0; i < blobs.size(); ++i)
    CHECK(writer->get(stored.value[i]).value == blobs[i]);
}

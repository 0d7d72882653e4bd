// Streams and many reads whose disk fails, answers in part, or whose calls are cancelled: from a
// seed.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/bytes.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

enum class stored_as { plain, direct, frames, frames_uncached };

// One call in `one_in` fails, or is answered in part.
class unsteady_disk {
 public:
  explicit unsteady_disk(std::uint64_t seed) : random_(seed) {
    script->set_rule([this](const seen_call& call) { return next(call); });
  }

  const std::shared_ptr<disk_script> script = std::make_shared<disk_script>();
  unsigned one_in = 0;  // 0: none

 private:
  // Called one at a time.
  std::optional<fault> next(const seen_call& call) {
    const bool reads = call.kind == io_call::read || call.kind == io_call::start_read ||
                       call.kind == io_call::read_cached;
    const bool opens = call.kind == io_call::open && !call.creates;
    if (one_in == 0 || (!reads && !opens) || random_() % one_in != 0) return std::nullopt;
    if (opens) return fault::with_error(random_() % 2 == 0 ? EMFILE : EIO);
    constexpr std::array<int, 3> errors{EIO, EINTR, EAGAIN};
    const std::size_t which = random_() % 5;
    if (which < errors.size()) return fault::with_error(errors[which]);
    return fault{which == 3 ? fault::kind::short_half : fault::kind::short_by_one};
  }

  std::mt19937_64 random_;
};

// One blob in a sealed file, in a store that is opened anew.
struct blob_on_unsteady_disk {
  blob_on_unsteady_disk(stored_as form, std::uint64_t seed)
      : disk(seed), writer([form](options& how) {
          const bool frames = form == stored_as::frames || form == stored_as::frames_uncached;
          how.compression = frames ? compression::zstd : compression::none;
          how.frame_bytes = 7'000;
          how.direct_io = form == stored_as::direct;
          how.frame_cache_bytes = form == stored_as::frames_uncached ? 0 : 1U << 20;
        }) {
    writer.put("before");
    location = writer.put(bytes);
    writer.roll();
    writer.db = {};
    options how = writer.how;
    how.read_only = true;
    store.emplace(context, how, scripted(disk.script));
  }

  unsteady_disk disk;
  const std::string bytes = bytes_of(3, 400'000);
  data_location location;
  store_fixture writer;
  asio::io_context context;
  std::optional<store_on_disk> store;
};

stored_as any_form() {
  return GENERATE(stored_as::plain, stored_as::direct, stored_as::frames,
                  stored_as::frames_uncached);
}

}  // namespace

TEST_CASE("a stream whose disk fails now and then gives the right bytes or an error, and goes on") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U);
  INFO("seed " << seed);
  blob_on_unsteady_disk on(any_form(), seed);
  std::mt19937_64 random(seed);
  const auto stream = on.store->open_stream(on.location, {}, {.read_ahead_bytes = 100'000});
  asio::cancellation_signal stop;
  std::string read;
  std::string part(6'000, '\0');
  unsigned errors = 0;
  for (unsigned round = 0; read.size() < on.bytes.size(); ++round) {
    REQUIRE(round < 10'000);
    on.disk.one_in = round < 200 ? 6 : 0;
    outcome<std::size_t> one;
    const asio::mutable_buffer to(part.data(), 1 + random() % part.size());
    on.store->read_some(stream, to, asio::bind_cancellation_slot(stop.slot(), one.handler()));
    if (random() % 8 == 0) stop.emit(asio::cancellation_type::all);
    run_dry(on.context);
    REQUIRE(one.calls == 1);
    if (one.error) {
      ++errors;
      CHECK(one.value() == 0);
      continue;
    }
    REQUIRE(part.substr(0, one.value()) == on.bytes.substr(read.size(), one.value()));
    read.append(part, 0, one.value());
  }
  CHECK(read == on.bytes);
  CHECK(errors > 0);
}

TEST_CASE("many reads whose disk fails now and then give each request its bytes or an error") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U);
  INFO("seed " << seed);
  blob_on_unsteady_disk on(any_form(), seed);
  std::mt19937_64 random(seed);
  std::size_t errors = 0;
  for (unsigned round = 0; round < 60; ++round) {
    on.disk.one_in = round < 50 ? static_cast<unsigned>(1 + random() % 20) : 0;
    std::vector<read_request> requests;
    for (std::size_t i = random() % 60; i != 0; --i) {
      const std::uint64_t start = random() % on.bytes.size();
      const std::uint64_t most = random() % 8 == 0 ? 100'000 : 3'000;
      const std::uint64_t end = std::min<std::uint64_t>(on.bytes.size(), start + random() % most);
      requests.push_back({on.location, {start, end}});
    }
    asio::cancellation_signal stop;
    outcome<std::vector<read_result>> many;
    on.store->get_many(requests, {.bridged_gap_bytes = random() % 9'000},
                       asio::bind_cancellation_slot(stop.slot(), many.handler()));
    if (random() % 8 == 0) stop.emit(asio::cancellation_type::all);
    run_dry(on.context);
    REQUIRE(many.calls == 1);
    if (many.error) {
      CHECK(many.error == asio::error::operation_aborted);
      continue;
    }
    REQUIRE(many.value().size() == requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const read_result& result = many.value()[i];
      const slice part = requests[i].part;
      errors += static_cast<bool>(result.error);
      if (round >= 50) CHECK_FALSE(result.error);
      CHECK((result.error
                 ? result.data.empty()
                 : result.data.text() == on.bytes.substr(part.start, part.end - part.start)));
    }
  }
  CHECK(errors > 0);
}

}  // namespace conduit::test

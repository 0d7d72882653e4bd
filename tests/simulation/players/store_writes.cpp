// Whatever changes a store.
#include "simulation/players/store_player.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "simulation/world/inodes.hpp"
#include "support/bytes.hpp"

namespace conduit::simulation {

namespace {

void add_blob(pending& to, std::uint64_t bytes) {
  const shelter own;
  to.seeds.push_back(new_blob());
  to.blobs.push_back(test::bytes_of(to.seeds.back(), bytes));
}

std::vector<asio::const_buffer> buffers_of(const pending& one) {
  const shelter own;
  std::vector<asio::const_buffer> list;
  for (const std::string& blob : one.blobs) list.push_back(asio::buffer(blob));
  return list;
}

// What a person asks for may be mended.
void allow_mending() noexcept {
  the_ledger().recovered = true;
  for (inode* file : the_world().storage->inodes) {
    file->doubtful.reset();
    file->closed.reset();
    if (file->links <= 1) file->kept.reset();
  }
}

}  // namespace

void store_player::put(verb what, std::size_t where, std::uint64_t bytes) {
  const held one = begin(what);
  add_blob(*one, bytes);
  initiate(one, where, [this, one, where, what] {
    auto done = [this, where](const held& self, std::error_code error, const data_location& found) {
      if (!error) acknowledge(found, self->seeds.front(), store_, durable_, self->begun);
      finish(self, where, "a put", error == errc::busy ? std::error_code() : error);
    };
    // A header and a body, perhaps.
    const std::string_view blob = one->blobs.front();
    const std::size_t header =
        by_chance(70) ? 0 : static_cast<std::size_t>(random_below(blob.size() + 1));
    const std::array bytes_now{asio::buffer(blob.substr(0, header)),
                               asio::buffer(blob.substr(header))};
    if (what == verb::try_put) {
      handles_[where].try_put(bytes_now, handler<data_location>(one, done));
    } else {
      handles_[where].put(bytes_now, handler<data_location>(one, done));
    }
  });
}

// The links are begun where they are asked for: in a handler.
void store_player::chain(std::size_t where, std::uint64_t count, std::uint64_t bytes,
                         std::uint64_t period) {
  const held one = begin(verb::chain);
  add_blob(*one, bytes);
  auto done = [this, where, count, bytes, period](const held& self, std::error_code error,
                                                  const data_location& found) {
    if (!error) acknowledge(found, self->seeds.front(), store_, durable_, self->begun);
    if (!error && period != 0 && count % period == 0) wait_for_others();
    if (!error && count > 1) chain(where, count - 1, bytes, period);
    finish(self, where, "a put", error);
  };
  const bool before = std::exchange(starts_at_once_, true);
  initiate(one, where, [this, one, where, done] {
    handles_[where].put(asio::buffer(one->blobs.front()), handler<data_location>(one, done));
  });
  starts_at_once_ = before;
}

// A store must not keep the lock meanwhile. Or the handler returns at about the moment at which the
// store gives it up: 0.8 ms after it ran the handler.
void store_player::wait_for_others() {
  const nanoseconds begun = the_world().now;
  if (by_chance(50))
    return pause_handler(begun + 790'000 + static_cast<nanoseconds>(random_below(20'000)));
  while (others_wait() && the_world().now < begun + 3500 * millisecond) {
    pause_handler(the_world().now + millisecond);
  }
}

void store_player::pause_handler(nanoseconds until) {
  enter("waits in a handler");
  current_process().own_delays += until - the_world().now;
  park(channel_of(current_task()), until);
}

void store_player::put_many(std::size_t where, std::uint64_t count, std::uint64_t bytes) {
  const held one = begin(verb::put_many);
  for (std::uint64_t i = 0; i < count; ++i) add_blob(*one, bytes + i);
  initiate(one, where, [this, one, where] {
    const std::vector<asio::const_buffer> list = buffers_of(*one);
    auto done = [this, where](const held& self, std::error_code error,
                              const std::vector<data_location>& found) {
      if (!error && found.size() != self->seeds.size())
        complain("a batch has not a location for each blob");
      for (std::size_t i = 0; i < found.size() && !error; ++i)
        acknowledge(found[i], self->seeds[i], store_, durable_, self->begun);
      finish(self, where, "a batch", error);
    };
    handles_[where].put_many(list, handler<std::vector<data_location>>(one, done));
  });
}

void store_player::roll(std::size_t where, std::uint64_t which) {
  const held one = begin(verb::roll);
  const std::uint32_t at_least = which == 0 ? 0 : some_number(which);
  initiate(one, where, [this, one, where, at_least] {
    auto done = [this, where, at_least](const held& self, std::error_code error,
                                        std::uint32_t number) {
      if (!error && number < at_least) complain("a roll begins a lower number than was asked for");
      check_needs_no_room("a roll", self->begun, error);
      finish(self, where, "a roll", error);
    };
    handles_[where].roll(at_least, handler<std::uint32_t>(one, done));
  });
}

void store_player::sync(std::size_t where) {
  const held one = begin(verb::sync);
  initiate(one, where, [this, one, where] {
    const std::size_t count = the_ledger().promises.size();
    auto done = [this, where, count](const held& self, std::error_code error) {
      if (!error) synced(store_, count);
      tell("  sync: " + error.message());
      check_needs_no_room("a sync", self->begun, error);
      const bool poisoned = error == errc::poisoned && (sync_failed_ || the_world().sync_failed);
      sync_failed_ = sync_failed_ || error;
      finish(self, where, "a sync", poisoned ? std::error_code() : error);
    };
    handles_[where].sync(plain_handler(one, done));
  });
}

void store_player::remove(std::size_t where, std::uint64_t which, bool all_below) {
  const held one = begin(all_below ? verb::remove_before : verb::remove);
  const std::uint32_t number = some_number(which);
  if (!read_only_) begin_deletion(number, all_below, one->number);
  initiate(one, where, [this, one, where, number, all_below] {
    if (all_below) {
      auto done = [this, where](const held& self, std::error_code error, std::size_t) {
        check_needs_no_room("a deletion", self->begun, error);
        finish(self, where, "a deletion", error);
      };
      handles_[where].delete_before(number, handler<std::size_t>(one, done));
      return;
    }
    auto done = [this, where, number](const held& self, std::error_code error) {
      const bool refused = error == errc::mutable_file || error == errc::no_such_file;
      check_needs_no_room("a deletion", self->begun, error);
      // Nothing may have happened to the mutable one.
      if (error == errc::mutable_file) take_back_deletion(number, self->number);
      finish(self, where, "a deletion", refused ? std::error_code() : error);
    };
    handles_[where].delete_file(number, plain_handler(one, done));
  });
}

void store_player::compress(std::size_t where, std::uint64_t which) {
  const held one = begin(verb::compress);
  current_process().syncs_under_lock = true;
  initiate(one, where, [this, one, where, which] {
    auto done = [this, where](const held& self, std::error_code error, const file_compression&) {
      const bool refused = error == errc::mutable_file || error == errc::no_such_file ||
                           error == errc::poisoned ||
                           (error == errc::corrupt && the_ledger().meets_foreign_files);
      finish(self, where, "a compression", refused ? std::error_code() : error);
    };
    handles_[where].compress_file(some_number(which), handler<file_compression>(one, done));
  });
}

void store_player::recover(std::size_t where, std::uint64_t which) {
  const held one = begin(verb::recover);
  if (!read_only_) allow_mending();
  initiate(one, where, [this, one, where, which] {
    auto done = [this, where](const held& self, std::error_code error, const recovery_report&) {
      const bool refused = error == errc::no_such_file || error == std::errc::too_many_links;
      finish(self, where, "a recovery", refused ? std::error_code() : error);
    };
    handles_[where].recover_file(some_number(which), handler<recovery_report>(one, done));
  });
}

void store_player::close(std::size_t where) {
  meet(trouble::close, &current_process());
  closed_ = true;
  const held one = begin(verb::close);
  initiate(one, where, [this, one, where] {
    auto done = [this, where](const held& self, std::error_code error) {
      finish(self, where, "close", error);
    };
    handles_[where].close(plain_handler(one, done));
  });
}

}  // namespace conduit::simulation

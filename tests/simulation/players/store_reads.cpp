// Whatever looks at it.
#include "simulation/players/store_player.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>
#include <string>
#include <thread>

#include "support/bytes.hpp"

namespace conduit::simulation {

using test::bytes_of;

namespace {

// Of one handler that blocks and many others: many more than one turn of a loop completes.
constexpr int blocked_reads = 64;

// Without a checksum nobody can tell what a power failure took.
bool outlives_power_failures(const promise& one) noexcept {
  return one.cached || (one.durable && !the_ledger().syncs_lie);
}

}  // namespace

void store_player::get(std::size_t where) {
  if (const auto which = some_promise()) read(*which, where);
}

// In one turn of the loop: more of them stand in the queue than the ring has entries.
void store_player::get_at_once(std::size_t where, std::uint64_t count) {
  const shelter own;
  asio::post(loops_[where]->context, [this, where, count, owner = current_process().number] {
    if (owner != current_process().number) return;  // those of a forked child's parent
    starts_at_once_ = true;
    for (std::uint64_t i = 0; i < count; ++i) get(where);
    starts_at_once_ = false;
    --loops_[where]->pending_here;
  });
  loops_[where]->wake();
}

void store_player::read(std::size_t which, std::size_t where) {
  const held one = begin(verb::get);
  initiate(one, where, [this, one, where, which] {
    const promise known = the_ledger().promises[which];
    auto done = [this, where, which, known](const held& self, std::error_code error,
                                            const blob& found) {
      const bool wrong = !error && found.text() != bytes_of(known.seed, known.where.size());
      if (!was_asked_for(*self, error)) check_read(which, self->begun, error, wrong);
      finish(self, where, "a get", {});
    };
    if (by_chance(50)) {
      // As a coroutine: what the page cache has comes at once.
      auto task = [](database db, data_location location, held self,
                     auto finish_read) -> asio::awaitable<void> {
        std::error_code error;
        blob found;
        try {
          found = co_await db.get(location, asio::use_awaitable);
        } catch (const std::system_error& failure) {
          error = failure.code();
        } catch (const std::bad_alloc&) {
          error = std::make_error_code(std::errc::not_enough_memory);
        }
        if (is_inherited(*self, error)) co_return;
        const shelter own;
        finish_read(self, error, found);
      };
      asio::co_spawn(loops_[where]->context, task(handles_[where], known.where, one, done),
                     asio::detached);
    } else {
      handles_[where].get(known.where, handler<blob>(one, done));
    }
  });
}

void store_player::slice_of(std::size_t where) {
  const auto which = some_promise();
  if (!which) return;
  const held one = begin(verb::slice);
  initiate(one, where, [this, one, where, which] {
    const promise known = the_ledger().promises[*which];
    const std::uint64_t size = known.where.size();
    const std::uint64_t start = random_below(size + 1);
    const std::uint64_t end = start + random_below(size - start + 1);
    auto done = [this, where, which, known, start, end](const held& self, std::error_code error,
                                                        const blob& found) {
      const bool wrong =
          !error &&
          found.text() !=
              std::string_view(bytes_of(known.seed, known.where.size())).substr(start, end - start);
      if (!was_asked_for(*self, error) && outlives_power_failures(known))
        check_read(*which, self->begun, error, wrong);
      finish(self, where, "a slice", {});
    };
    handles_[where].get_slice(known.where, {start, end}, handler<blob>(one, done));
  });
}

void store_player::get_into(std::size_t where) {
  const auto which = some_promise();
  if (!which) return;
  const held one = begin(verb::get_into);
  initiate(one, where, [this, one, where, which] {
    const promise known = the_ledger().promises[*which];
    {
      const shelter own;
      one->room.resize(known.where.size());
    }
    auto done = [this, where, which, known](const held& self, std::error_code error,
                                            std::size_t count) {
      const bool wrong = !error && (count != self->room.size() ||
                                    self->room != bytes_of(known.seed, known.where.size()));
      if (!was_asked_for(*self, error) && outlives_power_failures(known))
        check_read(*which, self->begun, error, wrong);
      finish(self, where, "a get_into", {});
    };
    handles_[where].get_into(known.where, slice{}, asio::buffer(one->room),
                             handler<std::size_t>(one, done));
  });
}

// One of those that look at whole files, or at the store.
void store_player::survey(std::size_t where, std::uint64_t which) {
  const held one = begin(verb::survey);
  initiate(one, where, [this, one, where, which] {
    auto done = [this, where](const held& self, std::error_code error, const auto&) {
      const bool refused = error == errc::no_such_file ||
                           (error == errc::corrupt && the_ledger().meets_foreign_files);
      finish(self, where, "a survey", refused ? std::error_code() : error);
    };
    switch (which % 5) {
      case 0:
        return handles_[where].files(handler<std::vector<file_info>>(one, done));
      case 1:
        return handles_[where].verify(some_number(which), handler<verify_report>(one, done));
      case 2:
        return handles_[where].examine_file(some_number(which),
                                            handler<recovery_report>(one, done));
      case 3:
        static_cast<void>(handles_[where].stats());
        return finish(one, where, "stats", {});
      default:
        static_cast<void>(handles_[where].compression());
        return finish(one, where, "compression", {});
    }
  });
}

// While the first handler blocks its thread, another thread runs all the others.
void store_player::block(std::size_t where) {
  if (loops_[where]->one_thread() || loops_[where]->blocks || the_ledger().promises.empty()) return;
  const shelter own;
  loops_[where]->blocks = true;
  const auto all = std::make_shared<progress>();
  std::vector<held> begun;
  for (int i = 0; i < blocked_reads; ++i) begun.push_back(begin(verb::block));
  // All at once, so that they are answered together.
  asio::post(loops_[where]->context, [this, begun, where, all, owner = current_process().number] {
    if (owner != current_process().number) return;
    current_process().finds_nothing_cached = current_process().is_answered_at_once = true;
    for (const held& one : begun) {
      const promise known = the_ledger().promises[*some_promise()];
      auto done = [this, where, all](const held& self, std::error_code, const blob&) {
        if (all->blocked && std::this_thread::get_id() != all->first) ++all->elsewhere;
        if (!std::exchange(all->blocked, true)) wait_in_handler(*all, where, self->begun);
        finish(self, where, "a get", {});
      };
      handles_[where].get(known.where, handler<blob>(one, done));
    }
    current_process().finds_nothing_cached = false;
  });
  for (int i = 0; i < blocked_reads; ++i) loops_[where]->wake();
}

// Until all others have run on another thread.
void store_player::wait_in_handler(progress& all, std::size_t where, nanoseconds begun) {
  all.first = std::this_thread::get_id();
  const nanoseconds deadline = the_world().now + 2 * second;
  const auto ends = [&] {
    return all.elsewhere == blocked_reads - 1 || loops_[where]->context.stopped();
  };
  while (!ends() && the_world().now < deadline) {
    enter("blocks in a handler");
    park(channel_of(current_task()), the_world().now + millisecond);
  }
  loops_[where]->blocks = false;
  current_process().is_answered_at_once = false;
  if (!ends() && !troubled_since(begun))
    complain("a handler that blocks keeps those of other threads waiting");
}

}  // namespace conduit::simulation

// A store of a simulated process, with its contexts: it begins what the director asks for, and
// writes into the ledger what its handlers hear.
#pragma once

#include <asio/bind_cancellation_slot.hpp>
#include <asio/post.hpp>
#include <conduit/flat_file_db.hpp>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "simulation/players/forks.hpp"
#include "simulation/players/loop.hpp"
#include "simulation/players/pending.hpp"

namespace conduit::simulation {

class store_player {
 public:
  explicit store_player(const step& start);
  ~store_player() { end(); }
  store_player(const store_player&) = delete;
  store_player& operator=(const store_player&) = delete;

  static bool is_read_only(const step& start) noexcept { return (start.with[3] & 2U) != 0; }
  void obey(const step& one);
  // The next handler that runs forks.
  void fork_in_handler() noexcept { fork_is_due_ = true; }
  // In a forked child.
  void be_inherited();

 private:
  using database = flat_file_db;

  void end();
  bool is_open() const noexcept { return !loops_.empty(); }
  std::size_t some_loop() const { return loops_.size() == 1 ? 0 : random_below(loops_.size()); }
  held begin(verb what);
  void begin_all(const step& one, std::size_t where);
  template <typename Start>
  void initiate(const held& one, std::size_t where, Start start);
  template <typename Result, typename Finish>
  auto handler(held one, Finish finish);
  template <typename Finish>
  auto plain_handler(held one, Finish finish);
  // It was cancelled, or the store closed, or is read-only.
  bool was_asked_for(const pending& one, const std::error_code& error) const noexcept;
  void finish(const held& one, std::size_t where, const char* what, const std::error_code& error);
  void fork_if_due();

  void put(verb what, std::size_t where, std::uint64_t bytes);
  void chain(std::size_t where, std::uint64_t count, std::uint64_t bytes, std::uint64_t period);
  void put_many(std::size_t where, std::uint64_t count, std::uint64_t bytes);
  void get(std::size_t where);
  void get_at_once(std::size_t where, std::uint64_t count);
  void read(std::size_t which, std::size_t where);
  void slice_of(std::size_t where);
  void get_into(std::size_t where);
  void roll(std::size_t where, std::uint64_t which);
  void sync(std::size_t where);
  void remove(std::size_t where, std::uint64_t which, bool all_below);
  void compress(std::size_t where, std::uint64_t which);
  void recover(std::size_t where, std::uint64_t which);
  void survey(std::size_t where, std::uint64_t which);
  void close(std::size_t where);
  void cancel(std::uint64_t count);
  void wait();
  void wait_for_others();
  void pause_handler(nanoseconds until);
  void check();
  void block(std::size_t where);
  // Of reads whose first handler blocks.
  struct progress {
    bool blocked = false;
    int elsewhere = 0;  // handlers that have run on other threads
    std::thread::id first;
  };
  void wait_in_handler(progress& all, std::size_t where, nanoseconds begun);

  const step start_;
  const unsigned store_ = the_ledger().stores++;
  bool durable_ = false;
  bool read_only_ = false;
  bool closed_ = false;
  bool fork_is_due_ = false;
  bool starts_at_once_ = false;  // operations begin where they are asked for
  bool sync_failed_ = false;     // this store's, as far as its user knows
  std::vector<std::unique_ptr<loop>> loops_;
  std::vector<database> handles_;
  std::list<std::weak_ptr<pending>> under_way_;
};

std::uint32_t some_number(std::uint64_t which);
std::optional<std::size_t> some_promise();

// From a thread of the context, or from outside of it. A call that has no memory for what it is
// given throws, and has begun nothing.
template <typename Start>
void store_player::initiate(const held& one, std::size_t where, Start start) {
  auto guarded = [this, one, where, start = std::move(start)] {
    try {
      start();
    } catch (const std::bad_alloc&) {
      const shelter own;
      finish(one, where, "a call", std::make_error_code(std::errc::not_enough_memory));
    }
  };
  if (!starts_at_once_ && by_chance(50)) {
    const shelter own;
    // What waits for its turn when the process forks waits in the child, too.
    asio::post(loops_[where]->context,
               [guarded = std::move(guarded), owner = current_process().number] {
                 if (owner == current_process().number) guarded();
               });
  } else {
    guarded();
  }
  loops_[where]->wake();
}

template <typename Result, typename Finish>
auto store_player::handler(held one, Finish finish) {
  asio::cancellation_slot slot = one->signal.slot();
  return asio::bind_cancellation_slot(
      slot, [this, one = std::move(one), finish](std::error_code error, Result result) {
        if (is_inherited(*one, error)) return;
        const shelter own;
        finish(one, error, std::move(result));
        fork_if_due();
      });
}

template <typename Finish>
auto store_player::plain_handler(held one, Finish finish) {
  asio::cancellation_slot slot = one->signal.slot();
  return asio::bind_cancellation_slot(slot,
                                      [this, one = std::move(one), finish](std::error_code error) {
                                        if (is_inherited(*one, error)) return;
                                        const shelter own;
                                        finish(one, error);
                                        fork_if_due();
                                      });
}

}  // namespace conduit::simulation

// Opening and ending, and what concerns all operations.
#include "simulation/players/store_player.hpp"

#include <algorithm>
#include <array>
#include <asio/error.hpp>

namespace conduit::simulation {

std::uint32_t some_number(std::uint64_t which) {
  std::uint32_t highest = 0;
  for (const promise& one : the_ledger().promises)
    highest = std::max(highest, one.where.file_number);
  if (which >= counted_back)
    return highest -
           static_cast<std::uint32_t>(std::min<std::uint64_t>(which - counted_back, highest));
  return static_cast<std::uint32_t>(which % (highest + 2ULL));
}

std::optional<std::size_t> some_promise() {
  constexpr std::size_t newest = 8;
  const std::size_t count = the_ledger().promises.size();
  if (count == 0) return std::nullopt;
  const std::size_t below = by_chance(50) ? std::min(count, newest) : count;
  return count - 1 - static_cast<std::size_t>(random_below(below));
}

store_player::store_player(const step& start) : start_(start) {
  const auto [number, form, durable, way, threads, contexts] = start.with;
  options how("/world/store");
  how.max_file_size = 5000;
  how.frame_bytes = 700;
  how.pending_put_bytes = 64U << 10;
  how.codec_threads = 2;
  how.io_threads = 3;
  how.open_files = 3;
  how.frame_cache_bytes = 4000;
  constexpr std::array forms{compression::none, compression::zstd, compression::zstd_on_seal,
                             compression::follow};
  how.compression = forms[form % forms.size()];
  how.read_only = read_only_ = is_read_only(start);
  how.direct_io = (way & 4U) != 0;
  if (!read_only_ && how.compression != compression::zstd && how.compression != compression::follow)
    the_ledger().puts_plain = true;
  if (how.compression == compression::zstd_on_seal) current_process().syncs_under_lock = true;
  durable_ = durable % 2 != 0;
  how.durability = durable_ ? durability::fdatasync : durability::none;
  how.backend = (way & 1U) != 0 ? backend::threads : backend::automatic;
  const nanoseconds begun = the_world().now;
  for (std::uint64_t i = 0; i <= contexts % 3; ++i) {
    const shelter own;
    // What other contexts put is home's to write: it runs as long as they do.
    const bool guarded = (i == 0 && contexts % 3 != 0) || by_chance(50);
    loops_.push_back(std::make_unique<loop>(static_cast<unsigned>(1 + threads % 3), guarded,
                                            [this] { play_child(this, start_); }));
  }
  try {
    handles_.push_back(database::open(loops_.front()->context, how));
    while (handles_.size() < loops_.size())
      handles_.push_back(handles_.front().bind(loops_[handles_.size()]->context));
  } catch (const std::system_error& failure) {
    const shelter own;
    tell("  open: " + failure.code().message() + ", " + failure.what());
    // Nobody has made it yet, perhaps.
    if (!read_only_ || failure.code() != std::errc::no_such_file_or_directory)
      check_error("open", begun, failure.code());
    end();
  } catch (const std::bad_alloc&) {
    check_error("open", begun, std::make_error_code(std::errc::not_enough_memory));
    end();
  }
}

void store_player::end() {
  for (const auto& one : loops_) one->stop();
  handles_.clear();
  // Home last.
  while (!loops_.empty()) loops_.pop_back();
}

held store_player::begin(verb what) {
  const shelter own;
  auto one = std::make_shared<pending>(what);
  std::erase_if(under_way_, [](const std::weak_ptr<pending>& other) { return other.expired(); });
  under_way_.push_back(one);
  return one;
}

bool store_player::was_asked_for(const pending& one, const std::error_code& error) const noexcept {
  return (one.cancelled && error == asio::error::operation_aborted) ||
         (closed_ && error == errc::closed) || (read_only_ && error == errc::read_only);
}

void store_player::finish(const held& one, std::size_t where, const char* what,
                          const std::error_code& error) {
  --loops_[where]->pending_here;
  if (!was_asked_for(*one, error)) check_error(what, one->begun, error);
  if (error) tell(std::string("  ") + what + ": " + error.message());
  one->end();
}

// A signal belongs to the one thread of its context.
void store_player::cancel(std::uint64_t count) {
  if (!std::all_of(loops_.begin(), loops_.end(),
                   [](const auto& one) { return one->one_thread(); }) ||
      loops_.size() != 1)
    return;
  for (const std::weak_ptr<pending>& other : under_way_) {
    const held one = other.lock();
    if (!one || count-- == 0) break;
    meet(trouble::cancellation, &current_process());
    asio::post(loops_.front()->context, [one] {
      one->cancelled = true;
      one->signal.emit(asio::cancellation_type::all);
    });
    loops_.front()->wake();
    --loops_.front()->pending_here;
  }
}

void store_player::wait() {
  while (the_ledger().seats[current_process().number].pending != 0) {
    enter("waits");
    park(channel_of(current_task()), the_world().now + millisecond);
  }
}

void store_player::fork_if_due() {
  if (!std::exchange(fork_is_due_, false)) return;
  const forked_as now = fork_now();
  if (now == forked_as::child) play_child(nullptr, start_);
  if (now != forked_as::child_alone) return;
  // Back from the handler, and from the library.
  for (const auto& one : loops_) one->context.stop();
}

// Nothing of the parent's may happen here, and nothing of it may be used.
void store_player::be_inherited() {
  const shelter own;
  for (const auto& one : loops_) one->forget_threads();
  std::error_code error;
  if (is_open()) {
    const database refused =
        database::open(loops_.front()->context, options("/world/store"), error);
    if (error != errc::forked) complain("open on an inherited context: " + error.message());
  }
  if (by_chance(50)) {
    for (const auto& one : loops_) {
      one->context.restart();
      one->context.notify_fork(asio::io_context::fork_child);
      one->context.poll();
    }
  }
  if (!by_chance(50)) return;
  handles_.clear();
  while (!loops_.empty()) loops_.pop_back();
}

// What the director asks for at the end: nothing is under way, and every promise that binds is
// read.
void store_player::check() {
  for (std::size_t i = 0; i < the_ledger().promises.size(); ++i) read(i, some_loop());
  wait();
}

void store_player::begin_all(const step& one, std::size_t where) {
  const std::uint64_t count = one.with[1];
  const std::uint64_t bytes = one.with[2];
  switch (one.what) {
    case verb::put:
    case verb::try_put:
      for (std::uint64_t i = 0; i < count; ++i) put(one.what, where, bytes + i % 7);
      break;
    case verb::chain:
      chain(where, count, bytes, one.with[3]);
      break;
    case verb::put_many:
      put_many(where, count, bytes);
      break;
    case verb::get:
      if (one.with[2] == 1) return get_at_once(where, count);
      for (std::uint64_t i = 0; i < count; ++i) get(where);
      break;
    case verb::slice:
      for (std::uint64_t i = 0; i < count; ++i) slice_of(where);
      break;
    case verb::get_into:
      for (std::uint64_t i = 0; i < count; ++i) get_into(where);
      break;
    case verb::roll:
      roll(where, one.with[1]);
      break;
    case verb::sync:
      sync(where);
      break;
    case verb::remove:
    case verb::remove_before:
      remove(where, one.with[1], one.what == verb::remove_before);
      break;
    case verb::compress:
      compress(where, one.with[1]);
      break;
    case verb::recover:
      recover(where, one.with[1]);
      break;
    case verb::survey:
      survey(where, one.with[1]);
      break;
    case verb::close:
      close(where);
      break;
    case verb::cancel:
      cancel(count);
      break;
    case verb::wait:
      wait();
      break;
    case verb::check:
      check();
      break;
    case verb::block:
      block(where);
      break;
    default:
      break;
  }
}

void store_player::obey(const step& one) {
  if (!is_open()) return;
  begin_all(one, some_loop());
}

}  // namespace conduit::simulation

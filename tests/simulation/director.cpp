#include "simulation/director.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>

#include "simulation/calls/real.hpp"
#include "simulation/foreign_hands.hpp"
#include "simulation/players/crash_report.hpp"
#include "simulation/players/ledger.hpp"
#include "simulation/players/original_player.hpp"
#include "simulation/players/play_store.hpp"
#include "simulation/protected_files.hpp"
#include "simulation/world/descriptions.hpp"
#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/tasks.hpp"

namespace conduit::simulation {

namespace {

// While nobody is stopped every operation ends sooner.
constexpr nanoseconds patience = 60 * second;

std::string text_of(const shared_string& text) { return {text.data(), text.size()}; }

class director {
 public:
  director(const history& what, bool tells_calls) : history_(what), tells_calls_(tells_calls) {
    set_up();
  }
  ~director();
  director(const director&) = delete;
  director& operator=(const director&) = delete;

  verdict run();

 private:
  void set_up();
  bool failed() const noexcept { return !world_->complaints.empty() || world_->stuck; }
  void perform(const step& one);
  void begin_process(unsigned player, bool original, const step& start);
  void fail_power(survival unsynced);
  void make_store_directory();
  void back_up();
  void heal();
  void come_to_rest();
  void check_all(const char* when);
  void finish_all();
  void sleep(nanoseconds time);
  bool wait_until(const std::function<bool()>& condition);
  void send(process& to, const step& what);
  process* player(std::uint64_t number) const noexcept;
  bool may_be_last_for_somebody(const inode& file, const inode& next) const;
  void slow_down(std::uint64_t which);
  void explain_stuck();

  const history& history_;
  const bool tells_calls_;
  world* world_ = nullptr;
  ledger* ledger_ = nullptr;
  std::vector<process*> players_;  // by the number in the history; null where it never started
  std::vector<pid_t> children_;
};

void director::set_up() {
  arena::begin();
  world_ = make_shared_object<world>(history_.seed);
  set_world(world_);
  world_->tells_calls = tells_calls_;
  ledger_ = make_shared_object<ledger>();
  set_ledger(ledger_);
  make_disk();
  process& self = add_process("the director");
  self.pid = ::getpid();
  ledger_->seats.reserve(256);
  ledger_->seats.emplace_back();
  become_at_once(add_task(self));
  current_task()->sheltered = true;
}

director::~director() {
  forget_task();
  for (const pid_t child : children_) {
    ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
}

process* director::player(std::uint64_t number) const noexcept {
  if (number >= players_.size() || players_[number] == nullptr || !players_[number]->alive)
    return nullptr;
  return players_[number];
}

void director::begin_process(unsigned number, bool original, const step& start) {
  if (players_.size() <= number) players_.resize(number + 1);
  if (process* const present = player(number)) {
    if (!original) send(*present, start);
    return;
  }
  ledger_->seats.resize(world_->processes.size() + 1);
  const pid_t made = ::fork();
  if (made == 0) {
    report_crashes();
    if (original) play_original();
    play_store();
  }
  process& child = *world_->processes.back();
  const std::string name = (original ? "original " : "process ") + std::to_string(number);
  child.name.assign(name.data(), name.size());
  children_.push_back(child.pid);
  players_[number] = &child;
  if (!original) send(child, start);
}

void director::send(process& to, const step& what) {
  seat& there = ledger_->seats[to.number];
  there.steps.push_back(what);
  wake_all(channel_of(&there.steps));
}

void director::sleep(nanoseconds time) { park(channel_of(this), world_->now + time); }

bool director::wait_until(const std::function<bool()>& condition) {
  const nanoseconds deadline = world_->now + patience;
  while (!failed() && !condition()) {
    if (world_->now >= deadline) return false;
    sleep(5 * millisecond);
  }
  return true;
}

void director::fail_power(survival unsynced) {
  tell("the power fails");
  meet(trouble::power_failure);
  for (process* one : world_->processes) {
    if (one->alive && one != world_->processes.front()) {
      bury(*one, "is gone");
      real::kill_process(one->pid);
    }
  }
  check_untouched();
  lose_power(unsynced);
  lose_unsynced();
  ++world_->boots;
  world_->sync_failed = false;
}

void director::heal() {
  world_->faults.clear();
  world_->storage->capacity = UINT64_MAX;
  world_->storage->faults = {};
  for (inode* one : world_->storage->inodes) one->slow = false;
  for (process* one : world_->processes) {
    one->allowed = {};
    one->stopped = false;
    one->dies_at_call = UINT64_MAX;
  }
  if (world_->limits_in_force) note_trouble();
  world_->limits_in_force = false;
}

void director::perform(const step& one) {
  const auto& with = one.with;
  if (one.what != verb::pause) tell("- " + to_string(one));
  process* const whose = player(with[0]);
  switch (one.what) {
    case verb::pause:
      return sleep(static_cast<nanoseconds>(with[0]) * microsecond);
    case verb::power:
      return fail_power(static_cast<survival>(with[0] % 3));
    case verb::capacity:
      world_->storage->capacity = with[0] == 0 ? UINT64_MAX : used_bytes() + with[0];
      return;
    case verb::fault: {
      const auto what = static_cast<kernel_call>(with[0] % kernel_calls);
      const auto& errors = errors_of(what);
      fault_rule rule{what, errors[with[1] % errors.size()]};
      if (with[2] != 0 && player(with[2] - 1) != nullptr)
        rule.process = player(with[2] - 1)->number;
      rule.skip = static_cast<unsigned>(with[3]);
      rule.times = static_cast<unsigned>(with[4] + 1);
      world_->faults.push_back(rule);
      return;
    }
    case verb::heal:
      return heal();
    case verb::backup:
      return back_up();
    case verb::temper:
      world_->manners.switches = static_cast<unsigned>(with[0]);
      world_->manners.cold_reads = world_->manners.cold_names = static_cast<unsigned>(with[1]);
      world_->manners.slow_syncs = static_cast<unsigned>(with[2]);
      if (with[3] != 0) world_->manners.inline_transfers = static_cast<unsigned>(with[3]);
      return;
    case verb::decay:
      world_->storage->faults = {static_cast<unsigned>(with[0]), static_cast<unsigned>(with[1]),
                                 static_cast<unsigned>(with[2])};
      if (with[2] != 0) ledger_->syncs_lie = true;
      return;
    case verb::damage:
      return damage_mutable_file(with[0], with[1]);
    case verb::foreign:
      return put_foreign_file(with[0]);
    case verb::slow:
      return slow_down(with[0]);
    case verb::start:
      return begin_process(static_cast<unsigned>(with[0] % 16), false, one);
    case verb::original:
      ledger_->originals = true;
      make_store_directory();
      return begin_process(static_cast<unsigned>(with[0] % 16), true, one);
    default:
      break;
  }
  if (whose == nullptr) return;
  switch (one.what) {
    case verb::kill:
      bury(*whose, "is killed");
      real::kill_process(whose->pid);
      return;
    case verb::kill_at:
      whose->dies_at_call = whose->calls + with[1] + 1;
      return;
    case verb::stop:
      whose->stopped = true;
      meet(trouble::stop, whose);
      world_->limits_in_force = true;
      return;
    case verb::go:
      whose->stopped = false;
      note_trouble();
      return;
    case verb::limit:
      whose->allowed.threads = whose->threads + static_cast<unsigned>(with[1]);
      whose->allowed.descriptors = static_cast<unsigned>(whose->descriptors.size() + with[2]);
      world_->limits_in_force = true;
      return;
    default:
      return send(*whose, one);
  }
}

// An original makes it, and syncs nothing: whoever uses one has done so long ago.
void director::make_store_directory() {
  inode& root = *world_->storage->root;
  if (look_up_in(root, "store") != nullptr) return;
  inode& made = create_inode(true);
  add_name(root, "store", made);
  root.durable_names["store"] = &made;
}

// As `cp -al` does it, while nobody writes.
void director::back_up() {
  inode* const store = look_up("/store");
  inode* const lock = look_up("/store.lock");
  if (store == nullptr || lock == nullptr || !lock->locked_by.empty()) return;
  meet(trouble::hard_link);
  inode& copy = create_inode(true);
  add_name(*world_->storage->root, "backup" + std::to_string(world_->moments), copy);
  for (const auto& [name, target] : shared_map<shared_string, inode*>(store->names)) {
    add_name(copy, name, *target);
    // An original goes on in its file whatever other names that has.
    if (!target->kept && !ledger_->originals) target->kept = target->cached;
  }
}

// Whether a process may still take it for the last file, which is synced under the lock.
bool director::may_be_last_for_somebody(const inode& file, const inode& next) const {
  return std::any_of(world_->processes.begin(), world_->processes.end(), [&](const process* one) {
    const bool has_it_open =
        std::any_of(one->descriptors.begin(), one->descriptors.end(), [&](const auto& entry) {
          const auto* const open = dynamic_cast<const open_file*>(entry.second);
          return open != nullptr && open->node == &file && open->writable;
        });
    return has_it_open && one->had_lock <= next.created;
  });
}

void director::slow_down(std::uint64_t which) {
  const inode* const store = look_up("/store");
  if (store == nullptr || store->names.size() < 2) return;
  auto chosen = store->names.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(which % (store->names.size() - 1)));
  inode* const file = chosen->second;
  if (!may_be_last_for_somebody(*file, *std::next(chosen)->second)) file->slow = true;
}

void director::explain_stuck() {
  for (const task* one : world_->tasks) {
    if (one->state == task::phase::ended || one->owner == world_->processes.front()) continue;
    tell("  " + text_of(one->owner->name) + ", thread " + std::to_string(one->number) + ": in " +
         one->call);
  }
}

// Everything is well again, and every operation ends.
void director::come_to_rest() {
  heal();
  tell("- rest");
  const bool ended = wait_until([&] {
    return std::none_of(
        world_->processes.begin() + 1, world_->processes.end(), [&](const process* one) {
          const seat& there = ledger_->seats[one->number];
          return one->alive && (there.pending != 0 || there.busy || !there.steps.empty());
        });
  });
  // What went wrong before is no excuse for what comes now.
  if (ended) return sleep(2 * aftermath);
  for (const operation& one : ledger_->operations) {
    if (one.ended == 0 && world_->processes[one.process]->alive) {
      complain(text_of(world_->processes[one.process]->name) +
               ": an operation does not end: " + std::string(name_of(one.what)));
    }
  }
  if (!failed()) complain("a process does not come to rest");
  explain_stuck();
}

// By a process that knows nothing.
void director::check_all(const char* when) {
  if (failed()) return;
  tell(std::string("- check ") + when);
  constexpr unsigned checker = 15;
  begin_process(checker, false, {verb::start, {checker, 3, 0, random_below(2), 0, 0}});
  send(*players_[checker], {verb::check, {checker}});
  send(*players_[checker], {verb::put, {checker, 2, 300}});
  send(*players_[checker], {verb::wait, {checker}});
  send(*players_[checker], {verb::check, {checker}});
  send(*players_[checker], {verb::finish, {checker}});
  come_to_rest();
  if (world_->boots == 1) check_tables();
  if (failed() || !ledger_->originals) return;
  // An original can always read, and go on.
  constexpr unsigned original = 14;
  begin_process(original, true, {});
  send(*players_[original], {verb::get, {original, 5}});
  send(*players_[original], {verb::put, {original, 2, 300}});
  send(*players_[original], {verb::get, {original, 5}});
  send(*players_[original], {verb::finish, {original}});
  come_to_rest();
}

void director::finish_all() {
  if (failed()) return;
  for (std::size_t i = 0; i < players_.size(); ++i) {
    if (process* const one = player(i)) send(*one, {verb::finish, {i}});
  }
  const bool ended = wait_until([&] {
    return std::none_of(world_->processes.begin() + 1, world_->processes.end(),
                        [](const process* one) { return one->alive; });
  });
  if (ended || failed()) return;
  complain("a process does not end");
  explain_stuck();
}

verdict director::run() {
  for (const step& one : history_.steps) {
    if (failed()) break;
    perform(one);
  }
  const call_counts asked = world_->asked;
  if (!failed()) come_to_rest();
  check_all("what stands there");
  finish_all();
  if (!failed()) {
    fail_power(survival::each_by_chance);
    check_all("what the power failure left");
  }
  check_untouched();
  verdict result;
  for (const shared_string& one : world_->complaints) result.found.push_back(text_of(one));
  if (world_->stuck) {
    result.found.emplace_back("nobody can ever go on");
    explain_stuck();
  }
  for (const shared_string& line : world_->story) result.story.push_back(text_of(line));
  result.fingerprint = world_->fingerprint;
  result.moments = world_->moments;
  result.encounters = world_->encounters;
  result.asked = asked;
  result.acknowledged = ledger_->acknowledged;
  result.reads_checked = ledger_->reads_checked;
  result.virtual_us = world_->now / microsecond;
  return result;
}

}  // namespace

verdict play(const history& what, bool tells_calls) { return director(what, tells_calls).run(); }

}  // namespace conduit::simulation

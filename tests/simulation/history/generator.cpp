#include "simulation/history/generator.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <random>

#include "simulation/history/mood.hpp"
#include "simulation/world/kernel_calls.hpp"

namespace conduit::simulation {

namespace {

class generator {
 public:
  explicit generator(std::uint64_t seed) : random_(seed) { result_.seed = seed; }

  history run();

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  // The one behind the last is an original, where there are originals.
  std::uint64_t some_process() { return below(processes_ + (originals_ ? 1 : 0)); }
  step some_step();
  step some_fault();
  void add_a_scene();
  void add_a_death();
  void add_a_slow_file();
  void add_a_file_in_the_place_of_another();
  void add_reads_among_puts();
  void add_a_handler_that_blocks();
  void add_a_burst();
  void add_a_lease();
  void add_a_record_without_room();
  void add_waits_that_are_given_up();
  void add(std::initializer_list<step> steps) { result_.steps.insert(result_.steps.end(), steps); }
  step start(std::uint64_t process);
  std::uint64_t some_size();
  std::uint64_t some_count();
  std::uint64_t some_time();
  std::uint64_t some_number() { return chance(50) ? below(1000) : counted_back + below(4); }

  std::mt19937_64 random_;
  history result_;
  mood mood_;
  std::uint64_t processes_ = 1;
  std::uint64_t form_ = 0;
  bool originals_ = false;
};

std::uint64_t generator::some_size() {
  const auto kind = below(100);
  if (kind < 4) return 0;
  if (kind < 20) return below(60);
  if (kind < 60) return below(700);
  if (kind < 99) return below(3000);
  return 1'200'000;  // through the engine, and written back before it is synced
}

std::uint64_t generator::some_count() {
  const auto kind = below(100);
  if (kind < 50) return 1;
  if (kind < 95) return 1 + below(8);
  return 1 + below(40);
}

std::uint64_t generator::some_time() {
  const auto kind = below(100);
  if (kind < 40) return below(200);
  if (kind < 85) return below(5'000);
  return below(1'500'000);
}

step generator::start(std::uint64_t process) {
  const std::uint64_t form = chance(85) ? form_ : below(4);
  const std::uint64_t way = (chance(30) ? 1U : 0U) + (chance(8) ? 2U : 0U) + (chance(10) ? 4U : 0U);
  return {verb::start, {process, form, below(2), way, below(3), chance(70) ? 0 : below(3)}};
}

step generator::some_step() {
  const verb what = mood_.some_verb(random_);
  switch (what) {
    case verb::pause:
      return {what, {some_time()}};
    case verb::power:
      return {what, {chance(70) ? 2 : below(3)}};
    case verb::capacity:
      return {what, {chance(50) ? below(4000) : below(60)}};
    case verb::fault:
      return some_fault();
    case verb::temper:
      return {what, {below(30), below(60), below(60), chance(25) ? 100 : below(100)}};
    case verb::decay:
      return {what,
              {chance(50) ? below(30) : 0, chance(30) ? below(15) : 0, chance(20) ? below(50) : 0}};
    case verb::start:
      return start(below(processes_));
    case verb::original:
      return {what, {processes_}};
    case verb::kill_at:
      return {what, {some_process(), below(chance(50) ? 40 : 600)}};
    case verb::fork:
      return {what, {some_process(), below(2)}};
    case verb::limit:
      return {what, {some_process(), below(3), below(6)}};
    case verb::put:
    case verb::try_put:
    case verb::put_many:
      return {what, {some_process(), some_count(), some_size()}};
    case verb::chain:
      return {what, {some_process(), 2 + below(30), some_size(), chance(20) ? below(30) : 0}};
    case verb::get:
      if (chance(97)) return {what, {some_process(), some_count()}};
      return {what, {some_process(), 700, below(2)}};
    case verb::slice:
    case verb::get_into:
    case verb::cancel:
      return {what, {some_process(), some_count()}};
    case verb::damage:
      return {what, {below(4), below(10'000)}};
    case verb::foreign:
    case verb::slow:
      return {what, {below(1000)}};
    case verb::roll:
      return {what, {some_process(), chance(80) ? 0 : some_number()}};
    case verb::remove:
    case verb::remove_before:
    case verb::compress:
    case verb::recover:
    case verb::survey:
      return {what, {some_process(), some_number()}};
    default:
      return {what, {some_process()}};
  }
}

// At a call that is made often, or at one that is not.
step generator::some_fault() {
  using enum kernel_call;
  constexpr std::array rare{
      memory,   link,      change_mode, touch, remove,     begin_write_back, unwritten_bytes,
      truncate, sync_data, create,      list,  ring_setup, watch_names,      sync_directory};
  const std::uint64_t error = below(8);
  const std::uint64_t process = below(processes_ + 1);
  if (chance(40))
    return {
        verb::fault,
        {static_cast<std::uint64_t>(rare[below(rare.size())]), error, process, below(2), below(4)}};
  return {verb::fault,
          {below(kernel_calls), error, process, below(8), chance(80) ? below(2) : below(50)}};
}

// What comes together too seldom by itself.
void generator::add_a_scene() {
  const auto kind = below(110);
  if (kind >= 100) return add_a_lease();
  if (kind < 50) return add_a_death();
  if (kind < 62) return add_a_slow_file();
  if (kind < 80) return add_a_file_in_the_place_of_another();
  if (kind < 88) return add_reads_among_puts();
  if (kind < 91) return add_a_burst();
  if (kind < 94) return add_a_record_without_room();
  if (kind < 97) return add_waits_that_are_given_up();
  add_a_handler_that_blocks();
}

// A process dies in the middle of its work, or all do, and others go on with what is left.
void generator::add_a_death() {
  const std::uint64_t victim = below(processes_);
  auto& steps = result_.steps;
  if (chance(30)) steps.push_back(start(victim));
  if (chance(15)) steps.push_back({verb::decay, {80}});
  steps.push_back({chance(80) ? verb::put : verb::sync, {victim, some_count(), some_size()}});
  steps.push_back({verb::kill_at, {victim, below(chance(50) ? 60 : 300)}});
  if (chance(60)) steps.push_back({verb::pause, {some_time()}});
  if (chance(20)) {
    for (std::uint64_t i = 0; i < processes_; ++i) steps.push_back({verb::kill, {i}});
  }
  if (chance(50)) steps.push_back({verb::decay, {}});
  if (chance(30)) steps.push_back({verb::backup, {}});
  if (chance(30)) steps.push_back({verb::damage, {below(4), below(10'000)}});
  const bool full = chance(20);
  if (full) steps.push_back({verb::capacity, {1 + below(60)}});
  steps.push_back(start(below(processes_)));
  if (full) {
    constexpr std::array makes_room{verb::remove, verb::remove_before, verb::roll, verb::sync};
    steps.push_back({makes_room[below(makes_room.size())], {some_process(), some_number()}});
  }
  steps.push_back({verb::put, {some_process(), some_count(), some_size()}});
  if (chance(30)) steps.push_back({verb::power, {2}});
}

// A process syncs a file that takes long, while others put.
void generator::add_a_slow_file() {
  const std::uint64_t whose = below(processes_);
  add({{verb::heal, {}},
       {verb::pause, {30'000}},
       {verb::put, {whose, 1 + below(4), some_size()}},
       {verb::roll, {whose}},
       {verb::put, {whose, 1, below(500)}},
       {verb::pause, {30'000}},
       {verb::slow, {below(1000)}},
       {verb::sync, {whose}},
       {verb::pause, {some_time()}},
       {verb::put, {some_process(), some_count(), some_size()}},
       {verb::pause, {chance(50) ? 4'500'000 : some_time()}}});
}

// Files of both forms, and one that takes over what was known of one that is gone.
void generator::add_a_file_in_the_place_of_another() {
  constexpr std::array ends{verb::remove, verb::remove_before, verb::sync, verb::roll};
  const std::uint64_t first = below(processes_);
  const std::uint64_t second = below(processes_);
  const step short_pause{verb::pause, {chance(60) ? 30'000U : 3'000U}};
  if (chance(50)) add({{verb::heal, {}}});
  for (const std::uint64_t whose : {first, second, second}) {
    if (chance(60)) add({{verb::start, {whose, below(2), below(2), chance(30) ? 1U : 0U}}});
    add({{verb::put, {whose, 1 + below(4), below(2000)}}, short_pause});
    if (chance(30)) add({{verb::get, {first, 1 + below(8)}}});
    while (chance(50))
      add({{ends[below(ends.size())], {chance(70) ? first : second, counted_back + below(3)}},
           short_pause});
  }
  add({{verb::get, {first, 1 + below(12)}}});
}

// What one reads, itself and another append to.
void generator::add_reads_among_puts() {
  const std::uint64_t reader = below(processes_);
  const std::uint64_t writer = below(processes_);
  for (const std::uint64_t whose : {reader, writer}) {
    if (chance(40)) add({{verb::start, {whose, 1, below(2), chance(30) ? 1U : 0U, below(3)}}});
  }
  for (std::uint64_t i = 0; i < 6; ++i) {
    if (chance(60)) add({{verb::put, {reader, 1 + below(3), below(400)}}});
    add({{verb::put, {writer, 1 + below(3), below(400)}}});
    if (chance(60)) add({{verb::pause, {below(2'000)}}});
    add({{chance(70) ? verb::get : verb::slice, {reader, 1 + below(16)}}});
  }
}

// One turn of a loop begins more reads than any queue holds, and nothing comes behind them.
void generator::add_a_burst() {
  const std::uint64_t whose = below(processes_);
  add({{verb::heal, {}},
       {verb::put, {whose, 1 + below(4), 1 + below(2000)}},
       {verb::pause, {30'000}},
       {verb::temper, {below(12), below(20), below(30), chance(70) ? 100 : below(100)}},
       {verb::get, {whose, 500 + below(300), 1}},
       {verb::pause, {some_time()}},
       {verb::wait, {whose}}});
}

// A process keeps the lock from put to put, and dies, is stopped, or waits for others. Nobody who
// may poll for the lock came for a while.
void generator::add_a_lease() {
  constexpr std::array others_want{verb::put, verb::sync, verb::roll, verb::get, verb::survey};
  constexpr std::array ends{verb::kill, verb::stop, verb::finish, verb::destroy, verb::fork};
  const std::uint64_t whose = below(processes_);
  add({{verb::heal, {}}});
  if (chance(50)) add({{verb::start, {whose, form_, below(2), chance(30) ? 1U : 0U, below(3)}}});
  add({{verb::put, {whose, 1 + below(3), below(400)}}, {verb::pause, {1'100'000}}});
  for (int i = 0; i < 3; ++i) {
    add({{verb::chain, {whose, 2 + below(60), below(700), chance(60) ? 1 + below(20) : 0}}});
    if (chance(40)) add({{verb::kill_at, {whose, below(300)}}});
    if (chance(60)) add({{verb::pause, {below(chance(50) ? 1'000 : 12'000)}}});
    if (chance(70))
      add({{others_want[below(others_want.size())], {some_process(), 1 + below(3), below(400)}}});
    if (chance(20)) add({{ends[below(ends.size())], {whose}}});
    if (chance(20)) add({{verb::power, {2}}, start(whose)});
  }
}

// A file is begun and files are deleted while the record cannot be written, and syncs fail.
void generator::add_a_record_without_room() {
  const std::uint64_t whose = below(processes_);
  const std::uint64_t other = below(processes_);
  constexpr auto writes = static_cast<std::uint64_t>(kernel_call::write);
  add({{verb::put, {whose, 1 + below(3), below(400)}},
       {chance(70) ? verb::roll : verb::put, {whose}},
       {verb::pause, {30'000}},
       {verb::fault, {writes, 1 + below(3), chance(30) ? 1 + whose : 0, below(4), below(40)}},
       {chance(80) ? verb::roll : verb::put, {whose}},
       {verb::pause, {below(20'000)}}});
  if (chance(70)) add({{verb::decay, {below(90)}}});
  if (chance(20)) add({{verb::kill, {whose}}, start(other)});
  add({{chance(60) ? verb::remove : verb::remove_before, {other, some_number()}},
       {verb::pause, {below(30'000)}}});
  if (chance(50)) add({{verb::decay, {}}});
  add({{verb::put, {other, 1 + below(3), below(400)}}});
}

// A process that syncs under the lock is stopped, and another one waits for it again and again.
void generator::add_waits_that_are_given_up() {
  const std::uint64_t holder = processes_;
  const std::uint64_t other = below(processes_);
  add({{verb::heal, {}},
       {verb::start, {holder, form_, 1}},
       {verb::put, {holder, 1, below(400)}},
       {verb::pause, {60'000}},
       {verb::temper, {below(12), below(20), 100}},
       {verb::put, {holder, 2, below(400)}},
       {verb::pause, {100 + below(2'000)}},
       {verb::stop, {holder}}});
  for (std::uint64_t waits = 20 + below(60); waits != 0; --waits) {
    add({{verb::put, {other, 1, below(400)}},
         {verb::pause, {200 + below(1'000)}},
         {verb::cancel, {other, 8}}});
  }
  add({{verb::pause, {some_time()}}, {verb::go, {holder}}});
}

// A handler that waits, on one of several threads.
void generator::add_a_handler_that_blocks() {
  const std::uint64_t whose = below(processes_);
  add({{verb::heal, {}},
       {verb::start, {whose, form_, below(2), chance(30) ? 1U : 0U, 1 + below(2)}},
       {verb::put, {whose, 1 + below(8), below(2000)}},
       {verb::pause, {30'000}},
       {verb::block, {whose}},
       {verb::pause, {chance(70) ? 2'100'000 : below(30'000)}}});
}

history generator::run() {
  processes_ = 1 + below(3);
  form_ = below(3);
  originals_ = form_ == 0 && chance(30);
  mood_.change(random_);
  if (originals_) result_.steps.push_back({verb::original, {processes_}});
  result_.steps.push_back({verb::temper, {1 + below(12), below(30), below(30)}});
  for (std::uint64_t i = 0; i < processes_; ++i) {
    result_.steps.push_back(start(i));
    // Something to read and to delete.
    if (chance(70)) result_.steps.push_back({verb::put, {i, 1 + below(12), below(2000)}});
    if (chance(60)) result_.steps.push_back({verb::wait, {i}});
    if (chance(50)) result_.steps.push_back({verb::pause, {some_time()}});
  }
  const auto count = 5 + below(60);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (chance(8)) mood_.change(random_);
    if (chance(6)) add_a_scene();
    result_.steps.push_back(some_step());
  }
  if (!originals_)
    std::erase_if(result_.steps, [](const step& one) { return one.what == verb::original; });
  // An original's files are not for us to compress, nor to delete above its own.
  if (originals_) {
    // Nor does it know when a file is in doubt.
    constexpr std::array unfit{verb::compress, verb::remove, verb::remove_before, verb::damage,
                               verb::foreign};
    std::erase_if(result_.steps, [&](const step& one) {
      return std::find(unfit.begin(), unfit.end(), one.what) != unfit.end();
    });
    for (step& one : result_.steps) {
      if (one.what == verb::start) one.with[1] = 0;
    }
  }
  return result_;
}

// As SplitMix64 does it.
std::uint64_t seed_of(std::uint64_t seed, std::uint64_t number) noexcept {
  std::uint64_t mixed = seed * 0xD1B54A32D192ED03ULL + (number + 1) * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31U);
}

}  // namespace

history generate(std::uint64_t seed, std::uint64_t number) {
  return generator(seed_of(seed, number)).run();
}

}  // namespace conduit::simulation

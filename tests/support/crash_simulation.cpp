#include "support/crash_simulation.hpp"

#include <algorithm>
#include <array>
#include <conduit/error.hpp>
#include <memory>
#include <optional>
#include <thread>

#include "support/blocking_store.hpp"
#include "support/bytes.hpp"
#include "support/disk_model.hpp"
#include "support/store_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

constexpr std::size_t complaints_max = 20;
constexpr std::uint64_t max_file_size = 5000;
constexpr int depth_max = 3;

// An acknowledged blob. Moments are counted in changes of the disk: a crash after `n` changes is later than all moments up to n.
struct promise {
  data_location where;
  std::uint64_t seed = 0;
  std::size_t acknowledged = 0;
  std::optional<std::size_t> durable;  // since when a power failure may not take it
  std::optional<std::size_t> doomed;   // since when its file may be gone, because somebody deletes it
  bool cached = true;                  // acknowledged since the last power failure
  bool original = false;               // an original wrote it: nothing is known of it after a power failure
};

bool overlap(const data_location& a, const data_location& b) {
  return a.file_number == b.file_number && a.start < b.end && b.start < a.end;
}

class simulation {
 public:
  simulation(std::uint64_t seed, std::size_t crash_states, compression form) : random_(seed), wanted_(crash_states), form_(form) {}

  crash_report run() {
    while (report_.crash_states < wanted_ && complaints_ < complaints_max) live({}, {}, 1, true, 0);
    return std::move(report_);
  }

 private:
  friend class life;

  void live(disk_state from, std::vector<promise> promises, unsigned char boot, bool sound, int depth);
  void complain(const std::string& what, const std::vector<std::string>& history) {
    // One whole story is worth more than many titles.
    if (report_.complaints.empty()) {
      report_.complaints = past_;
      report_.complaints.insert(report_.complaints.end(), history.begin(), history.end());
    }
    if (++complaints_ <= complaints_max) report_.complaints.push_back(what);
  }

  random_numbers random_;
  const std::size_t wanted_;
  const compression form_;
  crash_report report_;
  temporary_directory directory_;  // empty: only the descriptor of a directory is needed
  std::vector<std::string> past_;  // of the machine, up to its last crash
  std::size_t complaints_ = 0;
  std::uint64_t blobs_ = 0;
};

// One machine from power-on to power failure.
class life {
 public:
  // `sound`: no call can fail, and no error of an earlier write waits to be reported.
  life(simulation& all, disk_state from, std::vector<promise> promises, unsigned char boot, model_disk::troubles what, bool sound)
      : all_(all),
        random_(all.random_()),
        sound_(sound && !what.any()),
        originals_(chance(random_, 30) && all.form_ == compression::none),
        machine_(std::make_shared<model_disk>(std::move(from), random_(), what)),
        boot_(boot),
        promises_(std::move(promises)) {}

  const model_disk& machine() const noexcept { return *machine_; }
  void complain(const std::string& what) { all_.complain(what, machine_->history(machine_->changes())); }
  // What was promised when the machine stopped after so many changes.
  std::vector<promise> promises_at(std::size_t changes, bool power_fails) const;

  // Opens the store as the first process after a crash.
  void recover();
  void work();
  void check_promises() { check_promises(*start()); }

 private:
  struct running {
    std::shared_ptr<model_process> process;
    std::unique_ptr<blocking_store> store;
    bool durable = false;
    std::vector<std::size_t> own;  // indexes of the promises of this store
  };

  std::unique_ptr<running> start();
  void check_promises(running& reader);
  void step(running& one);
  void put(running& one, std::size_t size);
  void put_several(running& one, bool together);
  void sync(running& one);
  void remove(running& one);
  void compress(running& one);
  void append_as_original();
  void check_unused(const data_location& where, bool by_original);
  void acknowledge(running& one, const data_location& where, std::uint64_t seed);
  void expect_success(const running& one, const std::error_code& error, const char* what);
  std::size_t any_size();

  simulation& all_;
  random_numbers random_;
  const bool sound_;
  const bool originals_;  // run beside us
  const std::shared_ptr<model_disk> machine_;
  const unsigned char boot_;
  std::vector<promise> promises_;
};

std::unique_ptr<life::running> life::start() {
  auto one = std::make_unique<running>();
  one->process = std::make_shared<model_process>(machine_);
  one->durable = chance(random_, 50);
  options how = options_in(all_.directory_);
  how.max_file_size = max_file_size;
  how.compression = all_.form_;
  how.frame_bytes = 700;  // so that a blob of any size has one, or several, or shares one
  how.durability = one->durable ? durability::fdatasync : durability::none;
  detail::environment around;
  around.wrap_disk = [process = one->process](std::unique_ptr<io::file_io> real) { return process->attach(std::move(real)); };
  around.boot = [boot = boot_] {
    files::boot_id id;
    id.fill(static_cast<std::byte>(boot));
    return id;
  };
  one->store = std::make_unique<blocking_store>(how, around);
  machine_->note(std::string("a process starts") + (one->durable ? ", durable" : ""));
  return one;
}

std::size_t life::any_size() {
  const auto kind = random_() % 100;
  if (kind < 4) return 0;
  if (kind < 60) return random_() % 700;
  if (kind < 99) return random_() % 3000;
  return 270000;  // through the engine
}

void life::expect_success(const running& one, const std::error_code& error, const char* what) {
  if (error && sound_ && !one.process->dead()) {
    complain(std::string(what) + " fails on a sound disk: " + error.message());
  }
}

// An original goes on in the old file after a power failure: it knows no better, and only what this boot has seen is ours to check.
void life::check_unused(const data_location& where, bool by_original) {
  for (const promise& other : promises_) {
    if (by_original && !other.cached) continue;
    if (overlap(other.where, where)) complain(where.to_string() + " was handed out before, as " + other.where.to_string());
  }
}

void life::append_as_original() {
  promise next;
  next.seed = ++all_.blobs_;
  next.original = true;
  const std::string bytes = bytes_of(next.seed, 1 + random_() % 2000);
  const auto [file, start] = machine_->append_as_original(bytes, max_file_size);
  next.where.file_number = file;
  next.where.start = start;
  next.where.end = start + bytes.size();
  next.acknowledged = machine_->changes();
  check_unused(next.where, true);
  promises_.push_back(next);
}

void life::acknowledge(running& one, const data_location& where, std::uint64_t seed) {
  if (one.process->dead()) return;  // nobody heard of it
  check_unused(where, false);
  promise next;
  next.where = where;
  next.seed = seed;
  next.acknowledged = machine_->changes();
  if (one.durable) next.durable = next.acknowledged;
  one.own.push_back(promises_.size());
  promises_.push_back(next);
  machine_->note("acknowledged: " + where.to_string() + (one.durable ? ", durable" : ""));
}

void life::put(running& one, std::size_t size) {
  const std::uint64_t seed = ++all_.blobs_;
  const auto result = one.store->put(bytes_of(seed, size));
  expect_success(one, result.error, "a put");
  if (!result.error) acknowledge(one, result.value, seed);
}

void life::put_several(running& one, bool together) {
  std::vector<std::string> blobs;
  const std::uint64_t first = all_.blobs_ + 1;
  for (std::uint64_t i = 0; i < 2 + random_() % 4; ++i) blobs.push_back(bytes_of(++all_.blobs_, any_size()));
  if (together) {
    const auto result = one.store->put_many(blobs);
    expect_success(one, result.error, "a batch");
    for (std::size_t i = 0; i < result.value.size(); ++i) acknowledge(one, result.value[i], first + i);
    return;
  }
  std::vector<blocking_store::pending<data_location>> begun;
  for (const std::string& bytes : blobs) begun.push_back(one.store->begin_put(bytes));
  for (std::size_t i = 0; i < begun.size(); ++i) {
    const auto result = one.store->wait(begun[i]);
    expect_success(one, result.error, "a put beside others");
    if (!result.error) acknowledge(one, result.value, first + i);
  }
}

void life::sync(running& one) {
  const std::error_code error = one.store->sync();
  expect_success(one, error, "a sync");
  machine_->note("sync: " + error.message());
  if (error || one.process->dead()) return;
  for (const std::size_t index : one.own) {
    if (!promises_[index].durable) promises_[index].durable = machine_->changes();
  }
}

void life::remove(running& one) {
  std::uint32_t highest = 0;
  for (const promise& known : promises_) highest = std::max(highest, known.where.file_number);
  const auto number = static_cast<std::uint32_t>(random_() % (highest + 1));
  const bool all_before = chance(random_, 30);
  for (promise& known : promises_) {
    const bool hit = all_before ? known.where.file_number < number : known.where.file_number == number;
    if (hit && !known.doomed) known.doomed = machine_->changes() + 1;
  }
  std::error_code error = all_before ? one.store->delete_before(number).error : one.store->delete_file(number);
  if (error == errc::mutable_file) {
    // It was refused: nothing may have happened to it.
    for (promise& known : promises_) {
      if (known.where.file_number == number) known.doomed.reset();
    }
  }
  if (error == errc::mutable_file || error == errc::no_such_file) error.clear();
  expect_success(one, error, "a deletion");
}

// Any file: what it holds must be there at every moment, in one form or the other.
void life::compress(running& one) {
  std::uint32_t highest = 0;
  for (const promise& known : promises_) highest = std::max(highest, known.where.file_number);
  const auto number = static_cast<std::uint32_t>(random_() % (highest + 1));
  const std::error_code error = one.store->compress_file(number).error;
  machine_->note("compression of " + std::to_string(number) + ": " + error.message());
  const bool refused = error == errc::mutable_file || error == errc::no_such_file || error == errc::poisoned;
  if (!refused) expect_success(one, error, "a compression");
}

void life::step(running& one) {
  const auto what = random_() % 100;
  // An original's files are not for us to compress while it runs.
  if (what < 10 && !originals_) return compress(one);
  if (what < 45) return put(one, any_size());
  if (what < 50) return originals_ ? append_as_original() : put(one, any_size());
  if (what < 62) return put_several(one, false);
  if (what < 70) return put_several(one, true);
  if (what < 82) return sync(one);
  if (what < 90) return expect_success(one, one.store->roll().error, "a roll");
  remove(one);
}

void life::work() {
  std::vector<std::unique_ptr<running>> processes;
  const auto steps = 3 + random_() % 12;
  for (std::uint64_t i = 0; i < steps; ++i) {
    if (processes.empty() || (processes.size() < 2 && chance(random_, 20))) processes.push_back(start());
    const std::size_t which = random_() % processes.size();
    running& one = *processes[which];
    if (chance(random_, 8)) one.process->kill_at_change(random_() % 9);
    step(one);
    const bool dead = one.process->dead();
    if (dead) machine_->note("a process was killed");
    if (dead || chance(random_, 5)) processes.erase(processes.begin() + static_cast<std::ptrdiff_t>(which));
  }
}

void life::recover() {
  const auto one = start();
  check_promises(*one);
  put(*one, any_size());
  put(*one, 100);
  if (chance(random_, 30)) sync(*one);
  check_promises(*one);
}

void life::check_promises(running& reader) {
  for (const promise& known : promises_) {
    const bool promised = !known.doomed && (known.durable || known.cached);
    const auto found = reader.store->get(known.where);
    if (promised) ++all_.report_.blobs_promised;
    if (!found.error) {
      if (found.value != bytes_of(known.seed, known.where.size())) complain("wrong bytes at " + known.where.to_string());
    } else if (promised) {
      complain((known.durable ? "a durable blob is lost: " : "a blob is lost without a power failure: ") + known.where.to_string() + ": " +
               found.error.message());
    } else {
      ++all_.report_.blobs_lost;
    }
  }
}

std::vector<promise> life::promises_at(std::size_t changes, bool power_fails) const {
  std::vector<promise> then;
  for (promise one : promises_) {
    if (one.acknowledged > changes || (power_fails && one.original)) continue;
    one.acknowledged = 0;
    if (one.doomed) one.doomed = *one.doomed <= changes ? std::optional<std::size_t>(0) : std::nullopt;
    if (one.durable) one.durable = *one.durable <= changes ? std::optional<std::size_t>(0) : std::nullopt;
    if (power_fails) one.cached = false;
    then.push_back(one);
  }
  return then;
}

void simulation::live(disk_state from, std::vector<promise> promises, unsigned char boot, bool sound, int depth) {
  model_disk::troubles what;
  if (chance(random_, 30)) what.sync_failures = chance(random_, 50) ? 5 : 25;
  if (chance(random_, 10)) what.write_back_failures = 3;
  if (chance(random_, 20)) what.full = 10;
  if (chance(random_, 10)) what.write_failures = 10;
  life one(*this, std::move(from), std::move(promises), boot, what, sound);
  one.check_promises();
  one.work();
  one.check_promises();
  const std::size_t changes = one.machine().changes();
  const std::size_t crashes = 4 + random_() % 12;
  for (std::size_t i = 0; i < crashes && report_.crash_states < wanted_; ++i) {
    const std::size_t at = random_() % (changes + 1);
    const auto kind = random_() % 100;
    const bool power_fails = kind >= 15;
    const survival unsynced = kind < 25 ? survival::nothing : kind < 30 ? survival::everything : survival::each_by_chance;
    const disk_state then = one.machine().state_after(at);
    disk_state left = power_fails ? then.after_power_failure(random_, unsynced) : then;
    std::vector<promise> promised = one.promises_at(at, power_fails);
    const auto next_boot = static_cast<unsigned char>(boot + (power_fails ? 1 : 0));
    const bool still_sound = power_fails || (sound && !what.any());
    ++report_.crash_states;
    const std::size_t known_past = past_.size();
    const std::vector<std::string> history = one.machine().history(at);
    past_.insert(past_.end(), history.begin(), history.end());
    past_.push_back("-- after " + std::to_string(at) + " changes " + (power_fails ? "the power fails" : "all processes are killed"));
    if (depth < depth_max && chance(random_, 25)) {
      live(std::move(left), std::move(promised), next_boot, still_sound, depth + 1);
    } else {
      life after(*this, std::move(left), std::move(promised), next_boot, {}, still_sound);
      after.recover();
    }
    past_.resize(known_past);
  }
}

}  // namespace

// A life waits for its own threads most of the time: several run at once.
crash_report simulate_crashes(std::uint64_t seed, std::size_t crash_states, compression form) {
  std::array<crash_report, 4> parts;
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    workers.emplace_back([&, i] {
      try {
        parts[i] = simulation(seed + i, (crash_states + parts.size() - 1) / parts.size(), form).run();
      } catch (const std::exception& failure) {
        parts[i].complaints.emplace_back(failure.what());
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  crash_report sum;
  for (crash_report& part : parts) {
    sum.crash_states += part.crash_states;
    sum.blobs_promised += part.blobs_promised;
    sum.blobs_lost += part.blobs_lost;
    sum.complaints.insert(sum.complaints.end(), part.complaints.begin(), part.complaints.end());
  }
  return sum;
}

}  // namespace conduit::test

// Kills and appends in turns, on a compressed store: a process puts blobs until it is killed,
// within a write or anywhere; the next one opens the store and puts a blob; and then every data
// file that stands there must be one that the zstd program reads to its end.
#pragma once

#include <conduit/event.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <sys/stat.h>
#include <tuple>
#include <utility>
#include <vector>

#include "files/file_name.hpp"
#include "support/killed_at_random.hpp"
#include "support/process_kills.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

struct kill_and_append_settings {
  options store;
  std::uint64_t rounds = 0;  // one kill and one append each
  std::uint64_t seed = 0;
};

struct kill_and_append_outcome {
  std::vector<std::string> failures;  // empty: no acknowledged blob lost or wrong, no file that
                                      // zstd refuses, no call failed
  std::uint64_t kills = 0;
  std::uint64_t kills_within_writes = 0;  // of these
  std::uint64_t blobs = 0;                // acknowledged
  std::uint64_t mended = 0;               // torn files, by the put behind the kill
  std::uint64_t recovered = 0;      // torn files that this put left in doubt, by `recover_file`
  std::uint64_t files = 0;          // left in the end
  std::uint64_t files_checked = 0;  // by the zstd program, after each round those that had changed
  std::uint64_t plain_bytes_checked = 0;  // that it gave
};

class kill_and_append {
 public:
  explicit kill_and_append(const kill_and_append_settings& how)
      : how_(how), log_(how.rounds * (operations_max + 64) * 4), random_(how.seed) {
    how_.store.compression = compression::zstd;
  }

  kill_and_append_outcome run() {
    for (round_ = 0; round_ < how_.rounds && outcome_.failures.empty(); ++round_) {
      kill_one();
      append_one();
      check_files();
    }
    check_all();
    for (std::string& failure : log_.failures()) outcome_.failures.push_back(std::move(failure));
    return outcome_;
  }

 private:
  // A write to a compressed file that SIGKILL ends: the torn end that a kill leaves where the
  // kernel had copied only a part. Only the writer's disk writes, and one write at a time.
  struct tear_plan {
    std::uint64_t writes_before = 0;  // that are whole
    std::size_t least_bytes = 1;      // of the torn one that are written; a smaller write is whole
    std::mt19937_64 random;           // how many are
  };
  static disk_script::rule torn(tear_plan plan) {
    return [plan = std::move(plan)](const seen_call& call) mutable -> std::optional<fault> {
      const bool writes = call.kind == io_call::write || call.kind == io_call::start_write;
      if (!writes || !call.file.ends_with(".zst") || call.size <= plan.least_bytes)
        return std::nullopt;
      if (plan.writes_before != 0) {
        --plan.writes_before;
        return std::nullopt;
      }
      const std::uint64_t more = plan.random() % (call.size - plan.least_bytes);
      return fault::torn_after(plan.least_bytes + more);
    };
  }

  static constexpr std::uint64_t operations_max = 12;
  static constexpr std::uint32_t coroutines = 3;

  // The same for the same seed; half of the blobs compress to half their size.
  static std::string blob_bytes(std::uint64_t seed, std::size_t size) {
    if (seed % 2 == 0) return bytes_of(seed, size);
    constexpr const char* digits = "0123456789abcdef";
    std::string text = bytes_of(seed, size);
    for (char& one : text) one = digits[static_cast<unsigned char>(one) % 16];
    return text;
  }
  static std::size_t size_of_blob(std::mt19937_64& random) {
    return random() % 4 == 0 ? 100U << 10U : 1 + random() % (8U << 10U);
  }

  // ---- a process that is killed

  // A record that cannot be read makes the next put begin a new file, and leave the torn one as it
  // is.
  bool loses_record() const { return round_ % 8 == 7; }
  bool dies_within_write() const { return round_ % 4 == 3; }

  void kill_one() {
    const std::uint64_t seed = random_();
    tear_plan plan{dies_within_write() ? seed % operations_max : ~std::uint64_t{0}, 1,
                   std::mt19937_64(seed)};
    // A torn frame that is shorter than the table it was written over has the rest of that table
    // behind it. Without a record nobody can tell it from a damaged one, and `recover_file` leaves
    // those alone.
    if (loses_record()) plan.least_bytes = 16U << 10U;
    const auto work = [&](const std::function<void()>& tell) {
      return put_until_killed(seed, plan, tell);
    };
    const int status = dies_within_write() ? in_child([&] { return work([] {}); })
                                           : killed_at_random(random_, operations_max, work);
    if (status != 128 + SIGKILL)
      return failed("a process ended with status " + std::to_string(status));
    ++outcome_.kills;
    if (dies_within_write()) ++outcome_.kills_within_writes;
    if (loses_record()) write_file(lock_path(), "");
  }

  int put_until_killed(std::uint64_t seed, const tear_plan& plan,
                       const std::function<void()>& tell) {
    options how = how_.store;
    if (round_ % 5 == 4) how.durability = durability::fdatasync;
    asio::io_context context;
    const auto script = std::make_shared<disk_script>();
    script->set_rule(torn(plan));
    const store_on_disk store(context, how, scripted(script));
    for (std::uint32_t i = 0; i < coroutines; ++i) {
      asio::co_spawn(context, put_without_end(store, seed + i, tell),
                     [this](const std::exception_ptr& error) { report(error); });
    }
    context.run();
    return 1;
  }

  asio::awaitable<void> put_without_end(const store_on_disk& store, std::uint64_t seed,
                                        const std::function<void()>& tell) {
    std::mt19937_64 random(seed);
    for (;;) {
      const std::uint64_t content = random();
      const std::string bytes = blob_bytes(content, size_of_blob(random));
      const data_location where = co_await store.put(asio::buffer(bytes), asio::use_awaitable);
      log_.acknowledged({content, where});
      tell();
    }
  }

  void report(const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& failure) {
      log_.failed(std::string("put: ") + failure.what());
    }
  }

  // ---- the next one

  void append_one() {
    std::atomic<std::uint64_t> mended{0};
    options how = how_.store;
    how.on_event = [&mended](const event& noticed) {
      if (noticed.what == event::kind::tail_mended) ++mended;
    };
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, how);
    test::run(context, put_one(db));
    outcome_.mended += mended;
    test::run(context, recover_changed(db));
    test::run(context, read_some(db));
    test::run(context, close(db));
  }

  asio::awaitable<void> put_one(flat_file_db db) {
    const std::uint64_t content = random_();
    const std::string bytes = blob_bytes(content, size_of_blob(random_));
    const data_location where = co_await db.put(asio::buffer(bytes));
    log_.acknowledged({content, where});
  }

  asio::awaitable<void> recover_changed(flat_file_db db) {
    for (const auto& [number, file] : changed_files()) {
      const recovery_report found = co_await db.examine_file(number);
      if (found.outcome == recovery::nothing_to_do) continue;
      // It is read as it is, and mended afterwards.
      for (const stored_blob& stored : blobs_in(number)) co_await read_one(db, stored);
      const recovery_report done = co_await db.recover_file(number);
      if (done.outcome != recovery::mended)
        failed(file.string() + " was left in doubt and cannot be recovered");
      ++outcome_.recovered;
    }
  }

  // Half of them of the newest.
  asio::awaitable<void> read_some(flat_file_db db) {
    const std::uint64_t known = log_.reserved();
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t back = random_() % (i < 4 ? known : std::min<std::uint64_t>(known, 32));
      const auto picked = log_.at(known - 1 - back);
      if (picked) co_await read_one(db, *picked);
    }
  }

  asio::awaitable<void> read_one(flat_file_db db, stored_blob stored) {
    std::string found;
    try {
      const blob got = co_await db.get(stored.where);
      if (got.text() != blob_bytes(stored.seed, stored.where.size())) found = "wrong bytes";
    } catch (const std::system_error& failure) {
      found = failure.what();
    }
    if (!found.empty()) failed("get of " + stored.where.to_string() + ": " + found);
  }

  static asio::awaitable<void> close(flat_file_db db) { co_await db.close(); }

  // ---- what stands there

  // A sealed file that was good and has not changed is not looked at again.
  using file_state = std::tuple<ino_t, off_t, time_t, long>;
  static file_state state_of(const std::filesystem::path& file) {
    struct stat found{};
    if (::stat(file.c_str(), &found) != 0) return {};
    return {found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
  }

  std::map<std::uint32_t, std::filesystem::path> changed_files() const {
    std::map<std::uint32_t, std::filesystem::path> changed;
    for (const auto& entry : std::filesystem::directory_iterator(how_.store.data_directory)) {
      const auto name = files::parse_file_name(entry.path().filename().string());
      if (!name) continue;  // seen in the end
      const auto good = good_.find(name->number);
      if (good == good_.end() || good->second != state_of(entry.path()))
        changed.emplace(name->number, entry.path());
    }
    return changed;
  }

  void check_files() {
    take_from_journal();
    for (const auto& [number, file] : changed_files()) {
      const auto plain = by_zstd(file);
      if (!plain) return failed(file.string() + " is refused by zstd");
      for (const stored_blob& stored : blobs_in(number)) {
        const bool there = stored.where.end <= plain->size();
        if (!there || plain->compare(stored.where.start, stored.where.size(),
                                     blob_bytes(stored.seed, stored.where.size())) != 0) {
          return failed("zstd gives other bytes at " + stored.where.to_string());
        }
      }
      good_[number] = state_of(file);
      ++outcome_.files_checked;
      outcome_.plain_bytes_checked += plain->size();
    }
  }

  static std::optional<std::string> by_zstd(const std::filesystem::path& file) {
    std::string plain;
    // Begun by a process that was killed before it wrote: valid and empty, but no file to the zstd
    // program.
    if (std::filesystem::file_size(file) == 0) return plain;
    for (const char* mode : {"-t", "-d -c"}) {
      const std::string command = std::string("zstd -q ") + mode + " '" + file.string() + "'";
      FILE* const output = ::popen(command.c_str(), "re");
      if (output == nullptr) return std::nullopt;
      std::array<char, 1U << 16U> piece{};
      for (std::size_t count = 0; (count = std::fread(piece.data(), 1, piece.size(), output)) != 0;)
        plain.append(piece.data(), count);
      if (::pclose(output) != 0) return std::nullopt;
    }
    return plain;
  }

  void check_all() {
    take_from_journal();
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, how_.store);
    for (const auto& [number, blobs] : blobs_) {
      for (const stored_blob& stored : blobs) test::run(context, read_one(db, stored));
    }
    kills_detail::check_overlaps(log_.blobs(), outcome_.failures);
    kills_detail::check_names(how_.store.data_directory, outcome_.failures);
    outcome_.files = test::run(context, db.files()).size();
  }

  // ---- what was acknowledged

  void take_from_journal() {
    for (; taken_ < log_.reserved(); ++taken_) {
      const auto stored = log_.at(taken_);
      if (!stored) continue;  // its process was killed before it knew
      blobs_[stored->where.file_number].push_back(*stored);
      ++outcome_.blobs;
    }
  }
  const std::vector<stored_blob>& blobs_in(std::uint32_t number) {
    take_from_journal();
    return blobs_[number];
  }

  std::filesystem::path lock_path() const { return how_.store.data_directory.string() + ".lock"; }
  void failed(const std::string& what) {
    outcome_.failures.push_back("round " + std::to_string(round_) + ": " + what);
  }

  kill_and_append_settings how_;
  process_journal log_;
  std::mt19937_64 random_;
  std::uint64_t round_ = 0;
  std::uint64_t taken_ = 0;
  std::map<std::uint32_t, std::vector<stored_blob>> blobs_;
  std::map<std::uint32_t, file_state> good_;
  kill_and_append_outcome outcome_;
};

}  // namespace conduit::test

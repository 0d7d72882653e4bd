#include "support/fault_points.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <conduit/error.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"

namespace conduit::test {

namespace {

// Every fault that the store is expected to survive.
const std::vector<fault>& all_faults() {
  static const std::vector<fault> all{
      fault::with_error(EIO),       fault::with_error(ENOSPC), fault::with_error(EDQUOT),
      fault::with_error(EFBIG),     fault::with_error(EINTR),  fault::with_error(EAGAIN),
      fault::with_error(ECANCELED), fault::with_error(EMFILE), {fault::kind::short_by_one},
      {fault::kind::short_half},    {fault::kind::nothing}};
  return all;
}

std::string to_text(const fault& what) {
  switch (what.what) {
    case fault::kind::error:
      return std::strerror(what.error);
    case fault::kind::short_by_one:
      return "short by one";
    case fault::kind::short_half:
      return "short by half";
    case fault::kind::nothing:
    case fault::kind::torn:
    case fault::kind::withheld:
      break;
  }
  return "nothing moved";
}

// Where syncs cost nothing: no power fails here, and a run makes dozens of them.
class scratch_directory {
 public:
  scratch_directory() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code missing;
    const auto parent = std::filesystem::is_directory(memory, missing)
                            ? memory
                            : std::filesystem::temp_directory_path();
    std::string name = (parent / "conduit-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::system_error(errno, std::system_category(), name);
    path_ = name;
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

class scenario {
 public:
  explicit scenario(std::shared_ptr<disk_script> script) : script_(std::move(script)) {}

  // Everything a store does, in the order of a short life.
  void live();
  // With a sound disk again.
  void check_afterwards();

  std::vector<std::string> complaints;

 private:
  struct stored {
    data_location where;
    std::string bytes;
  };

  std::unique_ptr<blocking_store> open(const machine::change& adjust, bool with_faults);
  void expect(bool holds, const std::string& what) {
    if (!holds) complaints.push_back(what);
  }

  void put(blocking_store& store, std::size_t size);
  void put_together(blocking_store& store, const std::vector<std::size_t>& sizes);
  void put_many(blocking_store& store, const std::vector<std::size_t>& sizes);
  void read_some(blocking_store& store);
  void remove(blocking_store& store, std::uint32_t number);
  void check_all_blobs(blocking_store& store, const std::string& whose);
  void check_no_overlap();
  void check_usable(blocking_store& store, const std::string& whose);

  void acknowledge(const data_location& where, std::string bytes) {
    stored_.push_back({where, std::move(bytes)});
  }
  std::string next_blob(std::size_t size) { return bytes_of(++blobs_, size); }

  const std::shared_ptr<disk_script> script_;
  const scratch_directory scratch_;
  machine host_{[this](options& how) {
    how.data_directory = scratch_.path() / "store";
    how.max_file_size = 700000;
  }};
  std::unique_ptr<blocking_store> relaxed_;  // durability none, O_DIRECT reads
  std::unique_ptr<blocking_store> durable_;
  std::vector<stored> stored_;
  std::set<std::uint32_t> perhaps_deleted_;
  std::uint64_t blobs_ = 0;
};

std::unique_ptr<blocking_store> scenario::open(const machine::change& adjust, bool with_faults) {
  options how = host_.how;
  adjust(how);
  detail::environment around;
  around.boot = [id = host_.boot()] { return id; };
  if (with_faults) around.wrap_disk = scripted(script_);
  try {
    return std::make_unique<blocking_store>(how, around);
  } catch (const std::system_error& refused) {
    expect(with_faults && refused.code(),
           "a store cannot be opened: " + std::string(refused.what()));
    return nullptr;
  }
}

void scenario::put(blocking_store& store, std::size_t size) {
  std::string bytes = next_blob(size);
  const auto result = store.put(bytes);
  if (!result.error) return acknowledge(result.value, std::move(bytes));
  expect(result.value == data_location{}, "a put that failed has a location");
}

void scenario::put_together(blocking_store& store, const std::vector<std::size_t>& sizes) {
  std::vector<std::string> blobs;
  for (const std::size_t size : sizes) blobs.push_back(next_blob(size));
  std::vector<blocking_store::pending<data_location>> begun;
  for (const std::string& bytes : blobs) begun.push_back(store.begin_put(bytes));
  for (std::size_t i = 0; i < begun.size(); ++i) {
    const auto result = store.wait(begun[i]);
    if (!result.error) acknowledge(result.value, blobs[i]);
  }
}

void scenario::put_many(blocking_store& store, const std::vector<std::size_t>& sizes) {
  std::vector<std::string> blobs;
  for (const std::size_t size : sizes) blobs.push_back(next_blob(size));
  const auto result = store.put_many(blobs);
  expect(result.value.size() == (result.error ? 0 : blobs.size()),
         "a batch has some of its locations");
  for (std::size_t i = 0; i < result.value.size(); ++i) acknowledge(result.value[i], blobs[i]);
}

// The last blobs, each in another way.
void scenario::read_some(blocking_store& store) {
  const std::size_t from = stored_.size() > 4 ? stored_.size() - 4 : 0;
  for (std::size_t i = from; i < stored_.size(); ++i) {
    const auto& [where, bytes] = stored_[i];
    const slice middle{bytes.size() / 3,
                       std::max<std::uint64_t>(bytes.size() / 3, bytes.size() - bytes.size() / 3)};
    const auto whole = i % 2 == 0 ? store.get(where) : store.get_in_coroutine(where);
    expect(whole.error ? whole.value.empty() : whole.value == bytes, "a get returns wrong bytes");
    const auto part = store.get(where, middle);
    expect(part.error ? part.value.empty()
                      : part.value == bytes.substr(middle.start, middle.end - middle.start),
           "a slice is wrong");
    std::string memory(bytes.size(), '\0');
    const auto into = store.get_into(where, {}, asio::buffer(memory));
    expect(into.error || (into.value == bytes.size() && memory == bytes),
           "a get into memory is wrong");
  }
}

void scenario::remove(blocking_store& store, std::uint32_t number) {
  perhaps_deleted_.insert(number);
  const std::error_code error = store.delete_file(number);
  if (!error)
    std::erase_if(stored_, [number](const stored& one) { return one.where.file_number == number; });
}

void scenario::live() {
  relaxed_ = open([](options& how) { how.direct_io = true; }, true);
  durable_ = open([](options& how) { how.durability = durability::fdatasync; }, true);
  if (relaxed_) {
    put_together(*relaxed_, {100, 5000, 1});
    put(*relaxed_, 300000);
    put_many(*relaxed_, {2000, 0, 70000});
    read_some(*relaxed_);
  }
  if (durable_) {
    put(*durable_, 1000);
    put_together(*durable_, {10, 280000});  // fills the file
    put(*durable_, 3000);
    read_some(*durable_);
  }
  if (relaxed_) {
    put(*relaxed_, 400);
    read_some(*relaxed_);
    static_cast<void>(relaxed_->sync());
    static_cast<void>(relaxed_->roll());
    put(*relaxed_, 50);
    static_cast<void>(relaxed_->files());
    static_cast<void>(relaxed_->verify(1));
    remove(*relaxed_, 0);
  }
  if (durable_) {
    put(*durable_, 800);
    static_cast<void>(durable_->delete_before(1));
    std::erase_if(stored_, [](const stored& one) { return one.where.file_number == 0; });
    perhaps_deleted_.insert(0);
    static_cast<void>(durable_->sync());
    static_cast<void>(durable_->close());
    durable_.reset();
  }
  durable_ = open([](options& how) { how.durability = durability::fdatasync; }, true);
  if (durable_) {
    put(*durable_, 900);
    read_some(*durable_);
  }
}

void scenario::check_all_blobs(blocking_store& store, const std::string& whose) {
  for (const auto& [where, bytes] : stored_) {
    const auto found = store.get(where);
    if (found.error == errc::no_such_file && perhaps_deleted_.contains(where.file_number)) continue;
    expect(!found.error && found.value == bytes,
           whose + " does not find " + where.to_string() + ": " + found.error.message());
  }
}

void scenario::check_no_overlap() {
  std::map<std::uint32_t, std::vector<data_location>> files;
  for (const stored& one : stored_) files[one.where.file_number].push_back(one.where);
  for (auto& [number, blobs] : files) {
    std::sort(blobs.begin(), blobs.end(),
              [](const data_location& a, const data_location& b) { return a.start < b.start; });
    for (std::size_t i = 1; i < blobs.size(); ++i)
      expect(blobs[i - 1].end <= blobs[i].start, "two blobs share bytes");
  }
}

void scenario::check_usable(blocking_store& store, const std::string& whose) {
  const std::size_t before = stored_.size();
  put(store, 1234);
  expect(stored_.size() == before + 1, whose + " takes no put although the disk is sound again");
}

void scenario::check_afterwards() {
  if (relaxed_) check_usable(*relaxed_, "the relaxed store");
  if (durable_) check_usable(*durable_, "the durable store");
  if (relaxed_) check_all_blobs(*relaxed_, "the relaxed store");
  if (durable_) check_all_blobs(*durable_, "the durable store");
  check_no_overlap();
  expect(lock_is_free(host_.lock_path()), "the lock is held while nobody writes");
  relaxed_.reset();
  durable_.reset();
  const auto fresh = open([](options&) {}, false);
  if (!fresh) return;
  check_all_blobs(*fresh, "a new store");
  check_usable(*fresh, "a new store");
  expect(!fresh->sync(), "a new store cannot sync");
}

}  // namespace

std::string fault_point::to_string() const {
  return to_text(what) + (sticky ? " from call " : " at call ") + std::to_string(index);
}

std::vector<seen_call> record_run() {
  const auto script = std::make_shared<disk_script>();
  scenario sound(script);
  sound.live();
  return script->calls();
}

std::vector<fault_point> all_points(const std::vector<seen_call>& calls) {
  std::vector<fault_point> points;
  for (const seen_call& call : calls) {
    for (const fault& what : all_faults()) {
      if (!applies(what, call.kind)) continue;
      points.push_back({call.index, what, false});
      points.push_back({call.index, what, true});
    }
  }
  return points;
}

point_report run_with(const fault_point& point) {
  const auto script = std::make_shared<disk_script>();
  script->fail_at(point.index, point.what, point.sticky);
  point_report report;
  scenario faulty(script);
  try {
    faulty.live();
    script->set_rule({});
    faulty.check_afterwards();
  } catch (const std::exception& failure) {
    faulty.complaints.emplace_back(failure.what());
  }
  report.hits = script->hits();
  report.complaints = std::move(faulty.complaints);
  return report;
}

std::vector<point_report> run_all(const std::vector<fault_point>& points) {
  std::vector<point_report> reports(points.size());
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (std::size_t one = next++; one < points.size(); one = next++)
        reports[one] = run_with(points[one]);
    });
  }
  for (std::thread& worker : workers) worker.join();
  return reports;
}

}  // namespace conduit::test

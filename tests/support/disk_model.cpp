#include "support/disk_model.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

#include "files/file_name.hpp"
#include "files/lock_record.hpp"

namespace conduit::test {

using detail::io_request;

namespace {

constexpr std::size_t sector = 512;
constexpr std::uint64_t device = 7;
// The record in the lock file is never synced: older versions than these are not worth keeping.
constexpr std::size_t lock_versions_max = 8;

constexpr const char* lock_name = "lock";

std::string key_of(std::string_view name) { return name.ends_with(".lock") ? lock_name : std::string(name); }

bool is_directory(int fd) {
  struct stat found{};
  return ::fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
}

int checked(int fd) {
  if (fd < 0) throw std::system_error(errno, std::system_category(), "a descriptor for the disk model");
  return fd;
}

void write_into(std::string& content, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

std::string gather(const iovec* iov, unsigned count) {
  std::string bytes;
  for (unsigned i = 0; i < count; ++i) bytes.append(static_cast<const char*>(iov[i].iov_base), iov[i].iov_len);
  return bytes;
}

std::string describe_record(std::string_view bytes) {
  const auto record = files::lock_record::decode(std::as_bytes(std::span(bytes)));
  if (!record) return "write a part of the record";
  const auto number = [](const std::optional<std::uint32_t>& one) { return one ? std::to_string(*one) : "none"; };
  return "record: boot " + std::to_string(std::to_integer<int>(record->boot[0])) + ", mutable " + std::to_string(record->mutable_file) +
         " to " + std::to_string(record->end) + ", highest " + number(record->highest) + ", syncing " + number(record->syncing) +
         ", poisoned " + number(record->poisoned);
}

}  // namespace

bool chance(random_numbers& random, unsigned percent) { return random() % 100 < percent; }

void disk_state::apply(const change& one, std::string& content) {
  if (one.truncates) {
    content.resize(one.offset, '\0');
  } else {
    write_into(content, one.offset, one.bytes);
  }
}

void disk_state::apply(const name_change& one, std::map<std::string, std::uint64_t>& names) {
  if (one.inode) {
    names[one.name] = *one.inode;
  } else {
    names.erase(one.name);
  }
}

// A write that was under way: each sector reached the medium or did not.
void disk_state::keep_some(const change& one, std::string& content, random_numbers& random) {
  if (chance(random, 35)) return;
  if (one.truncates || chance(random, 50)) return apply(one, content);
  const std::string_view bytes = one.bytes;
  for (std::size_t from = 0; from < bytes.size();) {
    const std::size_t to_border = sector - (one.offset + from) % sector;
    const std::string_view part = bytes.substr(from, to_border);
    if (chance(random, 50)) write_into(content, one.offset + from, part);
    from += part.size();
  }
}

disk_state disk_state::after_power_failure(random_numbers& random, survival unsynced) const {
  const auto survives = [&] { return unsynced == survival::everything || (unsynced == survival::each_by_chance && chance(random, 50)); };
  disk_state left;
  left.next_inode_ = next_inode_;
  left.durable_names_ = durable_names_;
  for (const name_change& one : pending_names_) {
    if (survives()) apply(one, left.durable_names_);
  }
  for (const auto& [inode, from] : files_) {
    file to;
    to.durable = from.durable;
    for (const change& one : from.pending) {
      if (unsynced == survival::everything) apply(one, to.durable);
      if (unsynced == survival::each_by_chance) keep_some(one, to.durable, random);
    }
    to.cached = to.durable;
    left.files_.emplace(inode, std::move(to));
  }
  left.names_ = left.durable_names_;
  left.collect_garbage();
  return left;
}

void disk_state::collect_garbage() {
  std::erase_if(files_, [this](const auto& one) {
    return std::none_of(names_.begin(), names_.end(), [&](const auto& name) { return name.second == one.first; });
  });
}

model_disk::model_disk(disk_state begin, std::uint64_t seed, troubles what)
    : now_(std::move(begin)), random_(seed), troubles_(what), lock_file_(checked(::memfd_create("lock", MFD_CLOEXEC))) {
  touch_directory();
}

std::size_t model_disk::changes() const {
  const std::lock_guard hold(mutex_);
  return before_.size();
}

disk_state model_disk::state_after(std::size_t changes) const {
  const std::lock_guard hold(mutex_);
  return changes < before_.size() ? before_[changes] : now_;
}

disk_state model_disk::state() const {
  const std::lock_guard hold(mutex_);
  return now_;
}

std::vector<std::string> model_disk::history(std::size_t changes) const {
  const std::lock_guard hold(mutex_);
  std::vector<std::string> lines;
  for (const auto& [before, what] : history_) {
    if (before <= changes) lines.push_back(std::to_string(before) + " " + what);
  }
  return lines;
}

void model_disk::note(const std::string& what) {
  const std::lock_guard hold(mutex_);
  history_.emplace_back(before_.size(), "  " + what);
}

std::string model_disk::name_of(std::uint64_t inode) const {
  for (const auto& [name, named] : now_.names_) {
    if (named == inode) return name;
  }
  return "a removed file";
}

void model_disk::begin_change(std::string what) {
  history_.emplace_back(before_.size(), std::move(what));
  before_.push_back(now_);
  if (troubles_.write_back_failures == 0) return;
  for (auto& [inode, file] : now_.files_) {
    if (file.pending.empty() || is_lock(inode) || !chance(random_, troubles_.write_back_failures)) continue;
    history_.emplace_back(before_.size(), "  writing back " + name_of(inode) + " fails");
    write_back(file, true);
  }
}

void model_disk::touch_directory() { directory_modified_ns_ = std::chrono::system_clock::now().time_since_epoch().count(); }

bool model_disk::is_lock(std::uint64_t inode) const {
  const auto named = now_.names_.find(lock_name);
  return named != now_.names_.end() && named->second == inode;
}

disk_state::file* model_disk::file_of(int fd) {
  const auto known = open_files_.find(fd);
  return known == open_files_.end() ? nullptr : &now_.files_[known->second.inode];
}

std::int64_t model_disk::write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) {
  disk_state::file* const file = file_of(fd);
  if (file == nullptr) return -EBADF;
  std::string bytes = gather(iov, count);
  const bool lock = is_lock(open_files_[fd].inode);
  begin_change(lock ? describe_record(bytes)
                    : "write " + name_of(open_files_[fd].inode) + " " + std::to_string(offset) + "+" + std::to_string(bytes.size()));
  if (!lock && chance(random_, troubles_.full)) {
    // As the kernel does it: what fits, and the error with the next attempt, which this may be.
    bytes.resize(chance(random_, 50) ? 0 : random_() % (bytes.size() + 1));
    if (bytes.empty()) return -ENOSPC;
  }
  const bool broken = !lock && chance(random_, troubles_.write_failures);
  if (broken) bytes.resize(random_() % (bytes.size() + 1));
  const auto size = static_cast<std::int64_t>(bytes.size());
  disk_state::change one{offset, std::move(bytes)};
  disk_state::apply(one, file->cached);
  file->pending.push_back(std::move(one));
  if (lock && file->pending.size() > lock_versions_max) {
    disk_state::apply(file->pending.front(), file->durable);
    file->pending.erase(file->pending.begin());
  }
  return broken ? -EIO : size;
}

// Brings the pending changes to the medium, or fails: then the cache forgets that they were ever to be written.
void model_disk::write_back(disk_state::file& one, bool fails) {
  for (const disk_state::change& change : one.pending) {
    if (fails) {
      disk_state::keep_some(change, one.durable, random_);
    } else {
      disk_state::apply(change, one.durable);
    }
  }
  one.pending.clear();
  if (fails) ++one.errors;
}

// The next sync tells whether that failed.
std::int64_t model_disk::begin_write_back(int fd) {
  disk_state::file* const file = file_of(fd);
  if (file == nullptr) return -EBADF;
  const bool fails = chance(random_, troubles_.write_back_failures);
  begin_change("write back " + name_of(open_files_[fd].inode) + (fails ? ", which fails" : ""));
  write_back(*file, fails);
  return 0;
}

std::int64_t model_disk::sync_data(int fd) {
  disk_state::file* const file = file_of(fd);
  if (file == nullptr) return -EBADF;
  const bool fails = chance(random_, troubles_.sync_failures);
  begin_change("sync " + name_of(open_files_[fd].inode) + (fails ? ", which fails" : ""));
  write_back(*file, fails);
  // Every description learns of an error once.
  description& through = open_files_[fd];
  if (through.errors_seen == file->errors) return 0;
  through.errors_seen = file->errors;
  file->errors_reported = file->errors;
  return -EIO;
}

std::int64_t model_disk::sync_directory(unsigned& errors_seen) {
  const bool fails = chance(random_, troubles_.sync_failures);
  begin_change(std::string("sync the directory") + (fails ? ", which fails" : ""));
  std::vector<disk_state::name_change> others;
  for (disk_state::name_change& one : now_.pending_names_) {
    // The lock file lies in another directory, which nobody syncs.
    if (one.name == lock_name) {
      others.push_back(std::move(one));
    } else if (!fails || chance(random_, 50)) {
      disk_state::apply(one, now_.durable_names_);
    }
  }
  now_.pending_names_ = std::move(others);
  if (fails) ++now_.directory_errors_;
  if (errors_seen == now_.directory_errors_) return 0;
  errors_seen = now_.directory_errors_;
  return -EIO;
}

std::int64_t model_disk::read(int fd, void* data, std::size_t size, std::uint64_t offset) {
  const disk_state::file* const file = file_of(fd);
  if (file == nullptr) return -EBADF;
  if (offset >= file->cached.size()) return 0;
  const std::size_t count = std::min<std::size_t>(size, file->cached.size() - offset);
  std::memcpy(data, file->cached.data() + offset, count);
  return static_cast<std::int64_t>(count);
}

std::uint64_t model_disk::create_unnamed() {
  const std::uint64_t inode = now_.next_inode_++;
  now_.files_.emplace(inode, disk_state::file{});
  return inode;
}

void model_disk::name(std::uint64_t inode, const std::string& name) {
  now_.names_[name] = inode;
  now_.pending_names_.push_back({name, inode});
  touch_directory();
}

std::uint64_t model_disk::create(const std::string& name) {
  begin_change("create " + name);
  const std::uint64_t inode = create_unnamed();
  this->name(inode, name);
  return inode;
}

std::int64_t model_disk::link(int fd, const char* name) {
  const auto known = open_files_.find(fd);
  if (known == open_files_.end()) return -EBADF;
  if (now_.names_.contains(name)) return -EEXIST;
  begin_change(std::string("link ") + name);
  this->name(known->second.inode, name);
  return 0;
}

model_disk::appended model_disk::append_as_original(const std::string& bytes, std::uint64_t max_file_size) {
  const std::lock_guard hold(mutex_);
  std::optional<files::file_id> last;
  for (const auto& [name, inode] : now_.names_) {
    if (const auto file = files::parse_file_name(name)) last = file;  // names are in order of their numbers
  }
  if (last && now_.files_[now_.names_[files::file_name(*last).text()]].cached.size() >= max_file_size) ++last->number;
  const std::string name = files::file_name(last.value_or(files::file_id{})).text();
  const auto known = now_.names_.find(name);
  const std::uint64_t inode = known != now_.names_.end() ? known->second : create(name);
  disk_state::file& file = now_.files_[inode];
  const std::uint64_t start = file.cached.size();
  begin_change("an original writes " + name + " " + std::to_string(start) + "+" + std::to_string(bytes.size()));
  disk_state::change one{start, bytes};
  disk_state::apply(one, file.cached);
  file.pending.push_back(std::move(one));
  return {last ? last->number : 0, start};
}

std::int64_t model_disk::open(const char* name, io::open_mode mode) {
  const std::string key = key_of(name);
  const auto found = now_.names_.find(key);
  std::uint64_t inode = 0;
  if (mode == io::open_mode::unnamed) {
    begin_change("create a file without a name");
    inode = create_unnamed();
  } else if (mode == io::open_mode::create) {
    if (found != now_.names_.end()) return -EEXIST;
    inode = create(key);
  } else if (found == now_.names_.end()) {
    return -ENOENT;
  } else {
    inode = found->second;
  }
  // A description of its own of the one lock file, and a mere number for every other: one that can be locked all the same.
  const std::string lock_path = "/proc/self/fd/" + std::to_string(lock_file_.get());
  const int fd = checked(key == lock_name ? ::open(lock_path.c_str(), O_RDWR | O_CLOEXEC) : ::memfd_create(name, MFD_CLOEXEC));
  open_files_[fd] = {inode, now_.files_[inode].errors_reported};
  return fd;
}

std::int64_t model_disk::truncate(int fd, std::uint64_t size) {
  disk_state::file* const known = file_of(fd);
  if (known == nullptr) return -EBADF;
  begin_change("cut " + name_of(open_files_[fd].inode) + " at " + std::to_string(size));
  disk_state::change one{size, {}, true};
  disk_state::apply(one, known->cached);
  known->pending.push_back(std::move(one));
  return 0;
}

std::int64_t model_disk::remove(const char* name) {
  if (!now_.names_.contains(name)) return -ENOENT;
  begin_change(std::string("remove ") + name);
  now_.names_.erase(name);
  now_.pending_names_.push_back({name, std::nullopt});
  touch_directory();
  return 0;
}

std::int64_t model_disk::list(std::vector<std::string>& names) const {
  names.clear();
  for (const auto& [name, inode] : now_.names_) names.push_back(name);
  return 0;
}

std::int64_t model_disk::status(int fd, io::file_status& found) const {
  const auto known = open_files_.find(fd);
  // A directory's descriptor is none of ours, and may have the number of a file that was closed.
  if (!is_directory(fd)) return known == open_files_.end() ? -EBADF : status_of(known->second.inode, found);
  found = {};
  found.device = device;
  found.modified_ns = directory_modified_ns_;
  return 0;
}

std::int64_t model_disk::status_at(const char* name, io::file_status& found) const {
  const auto known = now_.names_.find(key_of(name));
  return known == now_.names_.end() ? -ENOENT : status_of(known->second, found);
}

std::int64_t model_disk::status_of(std::uint64_t inode, io::file_status& found) const {
  found = {};
  found.device = device;
  found.inode = inode;
  found.links = static_cast<std::uint64_t>(
      std::count_if(now_.names_.begin(), now_.names_.end(), [inode](const auto& name) { return name.second == inode; }));
  found.size = now_.files_.at(inode).cached.size();
  found.regular = true;
  return 0;
}

model_process::model_process(std::shared_ptr<model_disk> machine)
    : machine_(std::move(machine)), directory_errors_seen_(machine_->state().directory_errors_) {}

void model_process::kill_at_change(std::size_t n) noexcept {
  const std::lock_guard hold(machine_->mutex_);
  changes_left_ = n;
}

bool model_process::dead() const noexcept {
  const std::lock_guard hold(machine_->mutex_);
  return dead_;
}

// The calls of one part of a process. What changes something is counted, and has no effect once the process is dead.
class model_io final : public io::file_io {
 public:
  model_io(std::unique_ptr<io::file_io> real, std::shared_ptr<model_process> owner) : real_(std::move(real)), owner_(std::move(owner)) {}

  void start(io_request& request) override;
  void complete_later(io_request& request) override { real_->complete_later(request); }
  void cancel(io_request& request) noexcept override { real_->cancel(request); }
  void wait(io_request& request) noexcept override { real_->wait(request); }
  bool idle() const noexcept override { return real_->idle(); }

  std::int64_t read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) override { return read(fd, data, size, offset); }
  std::int64_t read(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    return looking([&] { return disk().read(fd, data, size, offset); });
  }
  std::int64_t write(int fd, const iovec* iov, unsigned count, std::uint64_t offset) override {
    return changing([&] { return disk().write(fd, iov, count, offset); });
  }
  std::int64_t sync_data(int fd) override {
    return changing([&] { return disk().sync_data(fd); });
  }
  std::int64_t sync_directory(int) override {
    return changing([&] { return disk().sync_directory(owner_->directory_errors_seen_); });
  }
  std::int64_t begin_write_back(int fd, std::uint64_t, std::uint64_t) override {
    return changing([&] { return disk().begin_write_back(fd); });
  }
  std::int64_t unwritten_bytes(int, std::uint64_t, std::uint64_t) override {
    return looking([] { return std::int64_t{0}; });
  }
  // The directory above is none of this model's.
  std::int64_t sync_parent(int) override {
    return looking([] { return std::int64_t{0}; });
  }
  std::int64_t truncate(int fd, std::uint64_t size) override {
    return changing([&] { return disk().truncate(fd, size); });
  }
  std::int64_t remove(int, const char* name) override {
    return changing([&] { return disk().remove(name); });
  }
  std::int64_t link(int fd, int, const char* name) override {
    return changing([&] { return disk().link(fd, name); });
  }
  std::int64_t copy_permissions(int, int) override {
    return looking([] { return std::int64_t{0}; });
  }
  std::int64_t list(int, std::vector<std::string>& names) override {
    return looking([&] { return disk().list(names); });
  }
  std::int64_t open(int, const char* name, io::open_mode mode, unsigned, io::open_patience) override {
    auto call = [&] { return disk().open(name, mode); };
    return mode == io::open_mode::create || mode == io::open_mode::unnamed ? changing(call) : looking(call);
  }
  std::int64_t status(int fd, io::file_status& found) override {
    return looking([&] { return disk().status(fd, found); });
  }
  std::int64_t status_at(int, const char* name, io::file_status& found) override {
    return looking([&] { return disk().status_at(name, found); });
  }
  std::int64_t try_lock(int fd) override {
    return looking([&] { return real_->try_lock(fd); });
  }
  std::int64_t try_lock_shared(int fd) override {
    return looking([&] { return real_->try_lock_shared(fd); });
  }
  // The lock of a dead process goes with its descriptors.
  std::int64_t unlock(int fd) override {
    return looking([&] { return real_->unlock(fd); });
  }

 private:
  model_disk& disk() noexcept { return *owner_->machine_; }

  template <typename Call>
  std::int64_t looking(Call call) {
    const std::lock_guard hold(disk().mutex_);
    return owner_->dead_ ? -EIO : call();
  }
  template <typename Call>
  std::int64_t changing(Call call) {
    const std::lock_guard hold(disk().mutex_);
    if (owner_->changes_left_ && (*owner_->changes_left_)-- == 0) owner_->dead_ = true;
    return owner_->dead_ ? -EIO : call();
  }

  const std::unique_ptr<io::file_io> real_;
  const std::shared_ptr<model_process> owner_;
};

std::unique_ptr<io::file_io> model_process::attach(std::unique_ptr<io::file_io> real) {
  return std::make_unique<model_io>(std::move(real), shared_from_this());
}

void model_io::start(io_request& request) {
  io_request* const linked = request.linked;
  request.linked = nullptr;  // each is delivered by itself
  switch (request.what) {
    case io_request::kind::read:
      request.result = read(request.fd, request.data, request.size, request.offset);
      break;
    case io_request::kind::write:
      request.result = write(request.fd, request.iov, request.iov_count, request.offset);
      break;
    case io_request::kind::sync_data:
      request.result = sync_data(request.fd);
      break;
  }
  if (linked != nullptr) {
    const auto whole = static_cast<std::int64_t>(gather(request.iov, request.iov_count).size());
    linked->result = request.result == whole ? sync_data(linked->fd) : -ECANCELED;
  }
  real_->complete_later(request);
  if (linked != nullptr) real_->complete_later(*linked);
}

}  // namespace conduit::test

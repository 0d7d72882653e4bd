#include "files/open_files.hpp"

#include <conduit/error.hpp>

#include <cerrno>

#include "base/os_error.hpp"
#include "files/both_forms.hpp"

namespace conduit::detail {

namespace {

// A file that was found so often one time after the other is worth being at hand.
constexpr unsigned row_for_hand = 16;

}  // namespace

std::shared_ptr<data_file> open_files::find(std::uint32_t number) {
  const std::lock_guard hold(mutex_);
  if (last_ != nullptr && last_number_ == number) {
    const std::shared_ptr<data_file>& file = last_->file;
    if (++in_a_row_ >= row_for_hand && file->id.form == file_form::plain && !file->direct)
      at_hand_.offer(file);
    return file;
  }
  const auto found = files_.find(number);
  if (found == files_.end() || found->second.forgotten) return nullptr;
  found->second.used = true;
  last_ = &found->second;  // references into an unordered_map survive a rehash
  last_number_ = number;
  in_a_row_ = 0;
  return found->second.file;
}

namespace {

io::open_patience patience_of(open_effort effort) {
  return effort == open_effort::cached_only ? io::open_patience::cached_only
                                            : io::open_patience::may_block;
}

}  // namespace

std::shared_ptr<data_file> open_files::open(std::uint32_t number, bool direct, open_effort effort,
                                            std::error_code& error) {
  // A sealed file may be replaced by its other form during the look: the second round finds the
  // form that the first one missed.
  std::shared_ptr<data_file> file;
  for (int round = 0; round < 2 && !file; ++round) {
    for (const file_form form : {file_form::plain, file_form::zstd}) {
      file = open_form({number, form}, direct, patience_of(effort), error);
      if (file || error != errc::no_such_file) break;
    }
    if (error != errc::no_such_file) break;
  }
  if (!file) return nullptr;
  if (file->id.form == file_form::plain) error = judge_forms(number, effort);
  if (error) return nullptr;
  // Dropped without the lock.
  std::shared_ptr<data_file> replaced;
  std::shared_ptr<data_file> handed;
  const std::lock_guard hold(mutex_);
  last_ = nullptr;
  handed = at_hand_.clear();
  if (files_.size() >= limit_) make_room();
  entry& kept = files_[number];
  replaced = std::move(kept.file);
  kept = {file};
  return file;
}

// A killed process may leave a compressed file beside the plain one, equal to it. If they differ,
// nobody knows which of them is right. An empty one holds nothing: its creation failed, and a power
// failure undid its removal.
std::error_code open_files::judge_forms(std::uint32_t number, open_effort effort) {
  const files::file_name name(number, file_form::zstd);
  const std::int64_t beside =
      disk_.open(directory_, name.c_str(), io::open_mode::read, 0, patience_of(effort));
  if (beside == -ENOENT || is_irregular(beside)) return {};
  if (beside < 0) return os_error(beside);
  const unique_fd opened(static_cast<int>(beside));
  io::file_status plain;
  io::file_status compressed;
  bool known = disk_.status(opened.get(), compressed) >= 0;
  if (known && compressed.regular && compressed.size == 0) return {};
  // Both files have to be read to their ends.
  if (effort != open_effort::may_compare) return os_error(-EAGAIN);
  const std::lock_guard alone(judging_);
  known = known && disk_.status_at(directory_, files::file_name(number).c_str(), plain) >= 0;
  {
    const std::lock_guard hold(mutex_);
    const auto before = verdicts_.find(number);
    const bool same = known && before != verdicts_.end() && before->second.plain.same_file(plain) &&
                      before->second.compressed.same_file(compressed) &&
                      before->second.plain.size == plain.size &&
                      before->second.compressed.size == compressed.size;
    if (same) return before->second.equal ? std::error_code{} : errc::corrupt;
  }
  files::form_comparison found;
  const std::error_code error =
      files::compare_forms(disk_, directory_, number, [] { return true; }, found);
  if (error || !found.both) return error;
  const std::lock_guard hold(mutex_);
  verdicts_[number] = {found.plain, found.compressed, found.equal};
  return found.equal ? std::error_code{} : errc::corrupt;
}

std::shared_ptr<data_file> open_files::open_form(files::file_id file, bool direct,
                                                 io::open_patience patience,
                                                 std::error_code& error) {
  const files::file_name name(file);
  const bool asked_direct = direct;
  // Frames lie at any offset, and reads of them cover more than the wanted bytes: they go through
  // the page cache.
  direct = direct && file.form == file_form::plain;
  std::int64_t fd =
      disk_.open(directory_, name.c_str(),
                 direct ? io::open_mode::read_direct : io::open_mode::read, 0, patience);
  if (fd == -EINVAL && direct) {
    direct = false;  // a file system without O_DIRECT
    fd = disk_.open(directory_, name.c_str(), io::open_mode::read, 0, patience);
  }
  if (fd == -ENOENT) {
    error = errc::no_such_file;
    return nullptr;
  }
  if (fd < 0) {
    error = open_error(fd);
    return nullptr;
  }
  unique_fd opened(static_cast<int>(fd));
  io::file_status status;
  const std::int64_t known = disk_.status(opened.get(), status);
  if (known < 0) {
    error = os_error(known);
    return nullptr;
  }
  if (!status.regular) {
    error = errc::not_a_regular_file;
    return nullptr;
  }
  error.clear();
  if (file.form == file_form::plain && status.size == 0) {
    // An original re-creates an empty low file at every start, perhaps beside the compressed form:
    // it hides nothing.
    io::file_status other;
    if (disk_.status_at(directory_, files::file_name(file.number, file_form::zstd).c_str(),
                        other) >= 0) {
      error = errc::no_such_file;
      return nullptr;
    }
  }
  io::fixed_file fixed = disk_.fix(opened.get());
  return std::make_shared<data_file>(file, std::move(opened), std::move(fixed), status,
                                     asked_direct, direct);
}

// The clock algorithm: evicts the first file that was not used since the last round.
void open_files::make_room() {
  while (!files_.empty()) {
    for (auto item = files_.begin(); item != files_.end(); ++item) {
      if (!item->second.used) {
        files_.erase(item);
        return;
      }
      item->second.used = false;
    }
  }
}

void open_files::forget(std::uint32_t number) {
  std::shared_ptr<data_file> handed;  // dropped without the lock
  const std::lock_guard hold(mutex_);
  last_ = nullptr;
  handed = at_hand_.clear();
  const auto found = files_.find(number);
  if (found != files_.end()) found->second.forgotten = true;
}

std::vector<std::shared_ptr<data_file>> open_files::take_deleted() {
  std::vector<std::shared_ptr<data_file>> taken;
  const std::lock_guard hold(mutex_);
  last_ = nullptr;
  if (std::shared_ptr<data_file> handed = at_hand_.clear()) taken.push_back(std::move(handed));
  std::erase_if(files_, [&](const auto& item) {
    io::file_status status;
    const std::shared_ptr<data_file>& file = item.second.file;
    const bool gone =
        item.second.forgotten || (disk_.status(file->fd(), status) >= 0 && status.links == 0);
    if (gone) taken.push_back(file);
    return gone;
  });
  return taken;
}

}  // namespace conduit::detail

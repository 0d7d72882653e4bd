#include "store/unsynced_files.hpp"

#include <algorithm>

namespace conduit::detail {

namespace {

template <typename Files>
auto found_in(Files& files, const append_file& wanted) noexcept {
  return std::find_if(files.begin(), files.end(),
                      [&wanted](const auto& one) { return one.known.file.get() == &wanted; });
}

}  // namespace

void unsynced_files::begin_write(const std::shared_ptr<append_file>& file) {
  const std::lock_guard hold(mutex_);
  const auto found = found_in(files_, *file);
  if (found == files_.end()) {
    files_.push_back({{file, 1}, true});
    return;
  }
  ++found->known.writes;
  found->writing = true;
}

void unsynced_files::end_write(const append_file& file) noexcept {
  const std::lock_guard hold(mutex_);
  const auto found = found_in(files_, file);
  if (found == files_.end()) return;
  ++found->known.writes;
  found->writing = false;
}

std::vector<unsynced_files::entry> unsynced_files::all() const {
  const std::lock_guard hold(mutex_);
  std::vector<entry> result;
  result.reserve(files_.size());
  for (const tracked& one : files_) result.push_back(one.known);
  return result;
}

std::optional<unsynced_files::entry> unsynced_files::find(const append_file& file) const {
  const std::lock_guard hold(mutex_);
  const auto found = found_in(files_, file);
  if (found == files_.end()) return std::nullopt;
  return found->known;
}

void unsynced_files::synced(const entry& seen) noexcept {
  const std::lock_guard hold(mutex_);
  const auto found = found_in(files_, *seen.file);
  if (found != files_.end() && !found->writing && found->known.writes == seen.writes)
    files_.erase(found);
}

void unsynced_files::forget_deleted(io::file_io& disk) {
  const std::lock_guard hold(mutex_);
  std::erase_if(files_, [&disk](const tracked& one) {
    io::file_status status;
    return disk.status(one.known.file->fd.get(), status) >= 0 && status.links == 0;
  });
}

void unsynced_files::poison(std::uint32_t number) noexcept {
  std::int64_t known = lost_.load(std::memory_order_relaxed);
  while (known < number && !lost_.compare_exchange_weak(known, number, std::memory_order_release)) {
  }
}

std::optional<std::uint32_t> unsynced_files::poisoned_number() const noexcept {
  const std::int64_t number = lost_.load(std::memory_order_acquire);
  return number < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(number));
}

}  // namespace conduit::detail

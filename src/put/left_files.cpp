#include "put/left_files.hpp"

namespace conduit::detail {

namespace {

constexpr std::size_t unsynced_files_max = 16;

}  // namespace

void sync_behind(store_state& state, io::file_io& disk, const std::shared_ptr<append_file>& left) {
  const std::error_code refused =
      state.helpers.post_in_background([file = left, unsynced = state.unsynced, disk = &disk] {
        const auto seen = unsynced->find(*file);
        if (!seen) return;  // `sync` was faster
        if (disk->sync_data(file->fd.get()) < 0) unsynced->poison(file->number);
        unsynced->synced(*seen);
      });
  static_cast<void>(refused);  // the lock is held here: a sync would take too long
}

void sync_oldest_behind(store_state& state, io::file_io& disk) {
  const auto all = state.unsynced->all();
  if (all.size() > unsynced_files_max) sync_behind(state, disk, all.front().file);
}

}  // namespace conduit::detail

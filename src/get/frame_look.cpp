#include "get/frame_look.hpp"

#include <conduit/error.hpp>

#include <cerrno>
#include <new>
#include <utility>

#include "base/os_error.hpp"
#include "files/frame_loading.hpp"

namespace conduit::detail {

namespace {

// Bounds the retries when the lock file is replaced again and again.
constexpr unsigned reopens_max = 8;

}  // namespace

void frame_look::begin(binding& where, data_file& file, bool locked,
                       const std::function<bool()>& go_on) try {
  *this = frame_look();
  if (!locked) return look(where, file, go_on);
  if (file.id.number < where.state->sealed_below.load(std::memory_order_relaxed)) {
    // A sealed file hardly changes: frames learned without the lock need no look under it.
    look(where, file, go_on);
    *this = frame_look();
  }
  acquire(where);
  if (what == outcome::lock_busy) return;
  if (!error) look_under_lock(where, file, go_on);
  lock.reset();
} catch (const std::bad_alloc&) {
  fail(std::make_error_code(std::errc::not_enough_memory));
}

void frame_look::resume(binding& where, data_file& file, const lock::lock_description& held,
                        const std::function<bool()>& go_on) {
  *this = frame_look();
  if (!held.still_named(*where.disk)) {
    what = outcome::lock_busy;
    return;
  }
  look_under_lock(where, file, go_on);
}

// Without a lock file nobody writes to the store: `lock` stays null.
void frame_look::acquire(binding& where) {
  for (unsigned attempt = 0; attempt < reopens_max; ++attempt) {
    error = lock::lock_description::open(*where.disk, where.state->lock_path,
                                         lock::lock_mode::shared, 0, lock);
    if (error == std::errc::no_such_file_or_directory) error.clear();
    if (error || !lock) return;
    error = lock->attempt(*where.disk);
    if (error == std::errc::resource_unavailable_try_again) {
      what = outcome::lock_busy;
      error.clear();
    }
    if (error || what == outcome::lock_busy || lock->still_named(*where.disk)) return;
    lock.reset();
  }
  error = errc::locked;
}

void frame_look::look_under_lock(binding& where, data_file& file,
                                 const std::function<bool()>& go_on) {
  io::file_status named;
  const std::int64_t known =
      where.disk->status_at(where.state->directory.get(), files::file_name(file.id).c_str(), named);
  if (known < 0 && known != -ENOENT) {
    error = os_error(known);
  } else if (known == -ENOENT || !named.same_file(file.identity)) {
    what = outcome::replaced;
  } else {
    look(where, file, go_on);
  }
}

void frame_look::look(binding& where, data_file& file, const std::function<bool()>& go_on) {
  try {
    files::loaded_frames found;
    const codec::frame_index known = file.frames()->copy();
    error = files::read_seek_table(*where.disk, file.fd(), found, known);
    // Without a trusted table, the whole frames count, whatever stands behind them.
    if (error == errc::corrupt)
      error = files::walk_frames(*where.disk, file.fd(), found, go_on, known);
    if (error) return;
    state = found.state;
    whole_until = found.frames.stored_size();
    if (found.frames.plain_size() > file.frames()->plain_size()) {
      // Do not change the present object: it may be the writer's, which alone knows what it adds
      // next.
      auto fresh = std::make_shared<file_frames>();
      fresh->learn(std::move(found.frames));
      file.share(std::move(fresh));
    }
    what = outcome::looked;
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
  }
}

}  // namespace conduit::detail

#include "put/next_file.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <vector>

#include "base/os_error.hpp"

namespace conduit::detail {

const char* reason_to_begin(const lock::held_lock& held, file_form wanted) noexcept {
  const auto& file = held.mutable_file();
  if (!held.record_vouches()) return "first put since the machine started";
  if (!file) return "the store is empty";
  const auto& highest = held.record().highest;
  if (highest && held.files().highest_number().value_or(0) < *highest)
    return "a file with a higher number is missing";
  if (held.mutable_poisoned()) return "a write or sync of the last file failed";
  if (file->form == wanted) return nullptr;
  return file->form == file_form::zstd ? "the last file is compressed" : "the last file is plain";
}

std::optional<std::uint32_t> next_number(const lock::held_lock& held,
                                         std::uint32_t at_least) noexcept {
  const lock::lock_record& record = held.record();
  std::uint64_t next = at_least;
  if (const auto highest = held.files().highest_number())
    next = std::max(next, std::uint64_t{*highest} + 1);
  if (record.highest) next = std::max(next, std::uint64_t{*record.highest} + 1);
  // A store without files has one, too, if its directory could not be synced.
  if (record.poisoned) next = std::max(next, std::uint64_t{*record.poisoned} + 1);
  if (next > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(next);
}

namespace {

// Blocking. A negative errno on failure.
std::int64_t create(store_state& state, io::file_io& disk, files::file_id file, bool vouched) {
  const int directory = state.directory.get();
  const files::file_name name(file);
  const file_form other_form = file.form == file_form::plain ? file_form::zstd : file_form::plain;
  io::file_status other;
  const std::int64_t looked =
      disk.status_at(directory, files::file_name(file.number, other_form).c_str(), other);
  if (looked != -ENOENT) return looked < 0 ? looked : -EEXIST;
  // The creator of the store's directory may have died before its entry was durable.
  const std::int64_t above = vouched ? 0 : disk.sync_parent(directory);
  if (above < 0) return above;
  const std::int64_t fd =
      disk.open(directory, name.c_str(), io::open_mode::create, state.how.file_mode);
  if (fd < 0) return fd;
  const unique_fd created(static_cast<int>(fd));
  // The first file of a boot must be durable before the record speaks for this boot; later ones
  // follow with their data.
  const std::int64_t synced = vouched ? 0 : disk.sync_data(created.get());
  // Nobody has used the file, and each retry would leave one more.
  if (synced < 0) static_cast<void>(disk.remove(directory, name.c_str()));
  return synced;
}

std::error_code name_new_file(lock::held_lock& held, files::file_id file) noexcept try {
  return held.name_new_file(file);
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

// Blocking. The record does not know the file: a failed sync of the directory could lose its entry
// unnoticed, and it must not stay.
void take_back(store_state& state, io::file_io& disk, lock::held_lock& held, files::file_id file) {
  if (disk.remove(state.directory.get(), files::file_name(file).c_str()) >= 0) return;
  std::vector<files::file_id> foreign;
  static_cast<void>(held.list(foreign));
}

}  // namespace

asio::awaitable<lock::directory_sync> begin_file(store_state& state, io::file_io& disk,
                                                 io::completion_port& home, lock::held_lock& held,
                                                 files::file_id file) {
  lock::directory_sync done;
  auto begin = [&]() -> std::int64_t {
    const std::int64_t created = create(state, disk, file, held.record_vouches());
    if (created < 0) return created;
    done.error = name_new_file(held, file);
    if (done.error) {
      take_back(state, disk, held, file);
    } else {
      done = held.sync_directory();
    }
    return 0;
  };
  const std::int64_t result = co_await state.helpers.run(home, std::move(begin));
  if (result < 0) done.error = os_error(result);
  co_return done;
}

}  // namespace conduit::detail

// When the mutable file is left, and how the next one begins.
#include <conduit/error.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/os_error.hpp"
#include "put/mutable_file.hpp"

namespace conduit::detail {

namespace {

// Others may be creating files beside us (an original does not look at the record).
constexpr int create_attempts = 16;
// A compressed file is left when it has so many frames: its table, of which each holder writes one,
// stays near 64 KiB.
constexpr std::size_t frames_max = 8192;

}  // namespace

// Why the mutable file must not be appended to; nothing where it may.
std::optional<std::string> mutable_file::reason_to_leave(const lock::held_lock& held) const {
  const lock::lock_record& record = held.record();
  const auto& file = held.mutable_file();
  if (!held.record_vouches()) return "first put since the machine started";
  if (!file) return "the store is empty";
  if (record.highest && held.files().highest_number().value_or(0) < *record.highest)
    return "a file with a higher number is missing";
  if (held.mutable_poisoned()) return "a write or sync of the last file failed";
  if (file->form != form()) {
    return file->form == file_form::zstd ? "the last file is compressed" : "the last file is plain";
  }
  if (doubt_) return doubt_;
  if (tail_.frames && tail_.frames->count() >= frames_max)
    return "the last file has as many frames as a table is to hold";
  if (found_.links > 1) return "the last file has a second hard link, perhaps of a backup";
  // Of frames `examine` has seen it.
  const bool short_of_record =
      !tail_.frames && record.mutable_file == file->number && found_.size < record.end;
  if (shrunk_ || short_of_record) return "the last file is shorter than it was";
  if (tail_.plain_end() >= state_.how.max_file_size) return "the last file is full";
  return std::nullopt;
}

asio::awaitable<std::error_code> mutable_file::make_ready(lock::held_lock& held) {
  const auto why = reason_to_leave(held);
  if (why) {
    const std::error_code error = co_await begin_next(held, *why);
    if (error) co_return error;
  }
  if (directory_unsynced_) {
    const std::error_code error = (co_await sync_directory(held)).error;
    if (error) co_return error;
  }
  co_return std::error_code{};
}

std::optional<std::uint32_t> mutable_file::next_number(const lock::held_lock& held,
                                                       std::uint32_t at_least) noexcept {
  const lock::lock_record& record = held.record();
  std::uint64_t next = at_least;
  if (const auto highest = held.files().highest_number())
    next = std::max(next, std::uint64_t{*highest} + 1);
  if (record.highest) next = std::max(next, std::uint64_t{*record.highest} + 1);
  // Also a store without files has one, where its directory could not be synced.
  if (record.poisoned) next = std::max(next, std::uint64_t{*record.poisoned} + 1);
  if (next > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(next);
}

asio::awaitable<std::error_code> mutable_file::begin_next(lock::held_lock& held, std::string why,
                                                          std::uint32_t at_least) {
  const bool vouched = held.record_vouches();
  const file_form wanted = form();
  // Its last table is not durable yet, whatever the durability.
  const std::shared_ptr<append_file> left = tail_.frames ? tail_.file : nullptr;
  if (left) state_.unsynced->begin_write(left);
  finish_table(held);
  if (left) state_.unsynced->end_write(*left);
  std::error_code error;
  std::optional<std::uint32_t> number;
  for (int attempt = 0; attempt < create_attempts; ++attempt) {
    error = held.announce_change();
    if (error) co_return error;
    number = next_number(held, at_least);
    if (!number) co_return std::make_error_code(std::errc::value_too_large);
    error = co_await create(held, {*number, wanted});
    if (error != std::errc::file_exists) break;
    const std::error_code listing_error = co_await list(held);
    if (listing_error) co_return listing_error;
  }
  if (error) co_return error;

  // Not before: where the next one cannot be created, this store may go on in the old one.
  if (left) sync_behind(left);

  // From here on the number is used, whatever happens to the file.
  const files::file_id created{*number, wanted};
  error = held.begin_file(created);
  if (error) co_return error;
  form_seen_ = wanted;
  state_.sealed_up_to(*number);
  error = co_await open(held);
  if (error) co_return error;
  error = (co_await sync_directory(held)).error;
  if (error) co_return error;
  if (!vouched) {
    // The file and its entry are durable.
    error = held.vouch();
    if (error) co_return error;
  }
  if (tail_.frames) tail_.table_due = true;
  finish_table(held);
  state_.notify(event::kind::file_begun, "began " + files::file_name(created).text() + ": " + why,
                *number);
  co_return std::error_code{};
}

asio::awaitable<std::error_code> mutable_file::create(lock::held_lock& held, files::file_id file) {
  const files::file_name name(file);
  const bool vouched = held.record_vouches();
  const file_form other_form = file.form == file_form::plain ? file_form::zstd : file_form::plain;
  auto make = [&]() -> std::int64_t {
    io::file_status other;
    if (disk_.status_at(state_.directory.get(), files::file_name(file.number, other_form).c_str(),
                        other) >= 0)
      return -EEXIST;
    // Whoever made the store's directory may have died before its entry was durable.
    const std::int64_t above = vouched ? 0 : disk_.sync_parent(state_.directory.get());
    if (above < 0) return above;
    const std::int64_t fd = disk_.open(state_.directory.get(), name.c_str(), io::open_mode::create,
                                       state_.how.file_mode);
    if (fd < 0) return fd;
    const unique_fd created(static_cast<int>(fd));
    // The first file of a boot must be durable before the record speaks for this boot; later ones
    // follow with their data.
    const std::int64_t synced = vouched ? 0 : disk_.sync_data(created.get());
    // Nobody has used it, and each further try would leave one more.
    if (synced < 0) static_cast<void>(disk_.remove(state_.directory.get(), name.c_str()));
    return synced;
  };
  const std::int64_t result = co_await state_.helpers.run(home_, std::move(make));
  co_return os_error(result);
}

}  // namespace conduit::detail

#include "put/removal_job.hpp"

#include <conduit/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include "base/os_error.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// A removal syncs the directory twice. After this long others get the lock.
constexpr auto tenure_max = 10ms;

// The files that can be removed, each number once.
std::vector<std::uint32_t> sealed_before(const lock::held_lock& held, std::uint32_t number) {
  std::vector<std::uint32_t> numbers;
  for (const files::file_id& file : held.files().files) {
    if (file.number >= number || held.mutable_number() == file.number) continue;
    if (numbers.empty() || numbers.back() != file.number) numbers.push_back(file.number);
  }
  return numbers;
}

}  // namespace

// A sealed file above keeps the number from coming back. Its entry is durable if it has bytes: its
// first append came behind the sync of that entry.
bool removal_job::has_sealed_above(const lock::held_lock& held, std::uint32_t number) {
  const auto& files = held.files().files;
  return std::any_of(files.begin(), files.end(), [&](const files::file_id& file) {
    if (file.number <= number || file.number == held.mutable_number()) return false;
    io::file_status found;
    const files::file_name name(file);
    return our_.disk.status_at(our_.state.directory.get(), name.c_str(), found) >= 0 &&
           found.size != 0;
  });
}

asio::awaitable<std::error_code> removal_job::remove(lock::held_lock& held, std::uint32_t number) {
  if (!held.files().contains(number)) co_return make_error_code(errc::no_such_file);
  if (held.mutable_number() == number) co_return make_error_code(errc::mutable_file);
  std::error_code error = look_at(number);
  if (error) co_return error;
  // The mutable file's entry must be durable: its number must not come back once the lower ones are
  // gone.
  if (held.mutable_poisoned()) {
    error = co_await our_.file.begin_next(held, "a write or sync of the last file failed");
    // On a full disk a sealed file above is enough.
    if (error && !(is_out_of_space(error) && has_sealed_above(held, number))) co_return error;
  }
  error = held.announce_change();
  // Without room for the record, the directory's time tells the others that it changed.
  if (error && !is_out_of_space(error)) co_return error;
  const lock::directory_sync before = co_await our_.file.sync_directory(held);
  // Not begun for want of room: the removal makes room.
  const bool first_make_room = !before.begun && is_out_of_space(before.error);
  if (before.error && !(first_make_room && has_sealed_above(held, number))) co_return before.error;
  error = co_await unlink(number, !first_make_room);
  if (error) co_return error;
  our_.file.removed(held, number);
  if (first_make_room) error = (co_await our_.file.sync_directory(held)).error;
  co_return error;
}

std::error_code removal_job::look_at(std::uint32_t number) {
  io::file_status status;
  for (const file_form form : {file_form::plain, file_form::zstd}) {
    const std::int64_t looked = our_.disk.status_at(our_.state.directory.get(),
                                                    files::file_name(number, form).c_str(), status);
    if (looked >= 0 && !status.regular) return errc::not_a_regular_file;
    if (looked < 0 && looked != -ENOENT) return os_error(looked);
  }
  return {};
}

// Removes both forms.
asio::awaitable<std::error_code> removal_job::unlink(std::uint32_t number, bool then_sync) {
  auto remove = [this, number, then_sync]() -> std::int64_t {
    const int directory = our_.state.directory.get();
    std::int64_t result = 0;
    bool removed = false;
    for (const file_form form : {file_form::plain, file_form::zstd}) {
      if (result < 0) break;
      const std::int64_t one = our_.disk.remove(directory, files::file_name(number, form).c_str());
      if (one >= 0) removed = true;
      if (one < 0 && one != -ENOENT) result = one;
    }
    if (result >= 0 && then_sync) result = our_.disk.sync_directory(directory);
    return result >= 0 && !removed ? -ENOENT : result;
  };
  const std::int64_t result = co_await our_.state.helpers.run(our_.home, std::move(remove));
  co_return result == -ENOENT ? make_error_code(errc::no_such_file) : os_error(result);
}

asio::awaitable<std::error_code> removal_job::remove_before(lock_turns::holding& held,
                                                            std::uint32_t number,
                                                            std::size_t& count) {
  count = 0;
  const std::vector<std::uint32_t> numbers = sealed_before(*held, number);
  auto begun = our_.state.around.now();
  for (const std::uint32_t victim : numbers) {
    if (our_.state.around.now() - begun >= tenure_max) {
      // Others wait, and the record and the directory show the work so far.
      const std::error_code lost = co_await turns_.let_others_in(held);
      if (lost) co_return lost;
      begun = our_.state.around.now();
    }
    const std::error_code error = co_await remove(*held, victim);
    if (error == errc::not_a_regular_file || error == errc::no_such_file) continue;
    if (error) co_return error;
    ++count;
  }
  co_return std::error_code{};
}

asio::awaitable<void> removal_job::give_space_back() {
  auto drop = [this]() -> std::int64_t {
    our_.state.drop_deleted_files();
    return 0;
  };
  co_await our_.state.helpers.run(our_.home, std::move(drop));
}

}  // namespace conduit::detail

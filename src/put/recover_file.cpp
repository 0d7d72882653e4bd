#include "put/recover_file.hpp"

#include <conduit/error.hpp>

#include <cerrno>
#include <new>

#include "base/os_error.hpp"
#include "files/torn_tail.hpp"
#include "put/tail.hpp"

namespace conduit::detail {

namespace {

// Keeps the frames, cuts the bytes behind them, and writes the table. Durable when it returns.
std::error_code mend(io::file_io& disk, const std::shared_ptr<append_file>& file,
                     codec::frame_index frames) {
  tail at;
  at.file = file;
  at.end = frames.stored_size();
  at.table.append(frames);
  at.frames = std::make_shared<file_frames>();
  at.frames->learn(std::move(frames));
  at.table_due = true;
  const std::error_code cut = os_error(disk.truncate(file->fd.get(), at.end));
  if (cut) return cut;
  const std::error_code error = write_table(disk, at);
  return error ? error : os_error(disk.sync_data(file->fd.get()));
}

}  // namespace

asio::awaitable<std::error_code> recover_file(put_shared& our, lock::held_lock& held,
                                              std::uint32_t number, recovery_report& report) {
  if (!held.files().contains(number)) co_return make_error_code(errc::no_such_file);
  const files::file_name name(number, file_form::zstd);
  auto file = std::make_shared<append_file>();
  file->number = number;
  files::examined_file found;
  std::error_code error;
  auto examine = [&]() -> std::int64_t {
    io::file_status status;
    const std::int64_t known = our.disk.status_at(our.state.directory.get(), name.c_str(), status);
    if (known == -ENOENT) return 0;  // plain: nothing to mend
    if (known < 0) return known;
    if (!status.regular) return -ELOOP;
    if (status.links > 1) return -EMLINK;  // perhaps of a backup, which must not be changed
    const std::int64_t fd =
        our.disk.open(our.state.directory.get(), name.c_str(), io::open_mode::read_write, 0);
    if (fd < 0) return fd;
    file->fd = unique_fd(static_cast<int>(fd));
    error = files::examine_file(our.disk, file->fd.get(), found);
    return 0;
  };
  const std::int64_t examined = co_await our.state.helpers.run(our.home, std::move(examine));
  if (examined < 0) co_return open_error(examined);
  if (error) co_return error;
  report = files::report_of(found);
  if (found.outcome != recovery::mended) co_return std::error_code{};
  // Before the first byte changes: whatever the file was, nobody appends to it again.
  error = held.poison(number);
  if (error) co_return error;
  auto write = [&]() -> std::int64_t {
    try {
      error = mend(our.disk, file, std::move(found.frames));
    } catch (const std::bad_alloc&) {
      error = std::make_error_code(std::errc::not_enough_memory);
    }
    return 0;
  };
  co_await our.state.helpers.run(our.home, std::move(write));
  if (!error) {
    our.state.notify(event::kind::tail_mended,
                     name.text() + " was cut behind its last whole frame, as asked", number,
                     report.offset);
  }
  co_return error;
}

}  // namespace conduit::detail

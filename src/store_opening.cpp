#include "store_opening.hpp"

#include <conduit/detail/asio_compat.hpp>
#include <conduit/error.hpp>
#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <fstream>

#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "files/directory.hpp"
#include "files/spool_file.hpp"
#include "io/backend_probe.hpp"
#include "io/local_file_systems.hpp"
#include "io/ring_service.hpp"
#include "io/system_io.hpp"
#include "io/thread_service.hpp"
#include "put/writer.hpp"
#include "store_creation.hpp"
#include "upkeep/sealer.hpp"

namespace conduit::detail {

namespace {

// The size limit of a seek table, with room for incompressible data; and zstd's own range of
// levels.
constexpr std::size_t frame_bytes_max = 1U << 30;
constexpr int level_min = -131072;
constexpr int level_max = 22;

void require(bool condition, errc otherwise, const char* what) {
  if (!condition) throw std::system_error(otherwise, what);
}

void check(const std::error_code& error, const std::string& what) {
  if (error) throw std::system_error(error, what);
}

void check_options(const options& wanted) {
  require(!wanted.data_directory.empty(), errc::bad_options, "options::data_directory is empty");
  require(wanted.max_file_size != 0, errc::bad_options, "options::max_file_size is 0");
  require(wanted.batch_bytes != 0, errc::bad_options, "options::batch_bytes is 0");
  require(wanted.pending_put_bytes != 0, errc::bad_options, "options::pending_put_bytes is 0");
  require(wanted.io_threads != 0, errc::bad_options, "options::io_threads is 0");
  require(wanted.open_files != 0, errc::bad_options, "options::open_files is 0");
  require(wanted.file_mode != 0 && (wanted.file_mode & ~0777U) == 0, errc::bad_options,
          "options::file_mode is no permission");
  require(wanted.frame_bytes != 0 && wanted.frame_bytes <= frame_bytes_max, errc::bad_options,
          "options::frame_bytes");
  require(wanted.level >= level_min && wanted.level <= level_max, errc::bad_options,
          "options::level");
}

// The kernel's format: 36 characters of hexadecimal digits and dashes.
lock::boot_id read_boot_id() {
  std::ifstream source("/proc/sys/kernel/random/boot_id");
  std::string text;
  source >> text;
  std::erase(text, '-');
  lock::boot_id id{};
  if (text.size() != 2 * id.size() || !std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isxdigit(c) != 0;
      })) {
    // Without /proc one boot cannot be told from the next. An id that no other opening has makes
    // the first put of every opening begin a new file: safe, and visible.
    if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
      throw std::system_error(os_error(-errno), "getrandom");
    return id;
  }
  for (std::size_t i = 0; i < id.size(); ++i)
    id[i] = static_cast<std::byte>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  return id;
}

void require_local(const store_state& state, const std::string& path) {
  const bool allowed = state.how.allow_network || io::is_on_local_file_system(path);
  require(allowed, errc::unsupported_file_system,
          (path + ": not known to be local, see options::allow_network (--allow-network)").c_str());
}

void open_directory(store_state& state) {
  const bool create = state.how.create && !state.how.read_only;
  const std::string lock_directory = std::filesystem::path(state.lock_path).parent_path().string();
  require_local(state, lock_directory.empty() ? "." : lock_directory);
  if (create) create_store_directory(state.directory_path, state.lock_path, state.how.file_mode);
  state.directory =
      unique_fd(::open(state.directory_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state.directory) throw std::system_error(os_error(-errno), state.directory_path);
  if (!create)
    require_finished_directory(state.directory.get(), state.directory_path, state.lock_path);
  require_local(state, state.directory_path);
}

std::unique_ptr<io::file_io> make_disk(const store_state& state, asio::io_context& context,
                                       backend chosen) {
  std::unique_ptr<io::file_io> disk;
  if (chosen == backend::io_uring) {
    disk = std::make_unique<io::system_io>(io::ring_service::of(context));
  } else {
    io::thread_service& threads = io::thread_service::of(context);
    threads.set_threads(state.how.io_threads);
    disk = std::make_unique<io::system_io>(threads);
  }
  return state.around.wrap_disk ? state.around.wrap_disk(std::move(disk)) : std::move(disk);
}

// A ring for this context, or threads if it can have none.
backend choose_backend(const store_state& state, asio::io_context& context, std::string& reason) {
  if (state.how.backend == backend::threads) {
    reason = "asked for";
    return backend::threads;
  }
  std::error_code refused = io::probe_ring(reason);
  if (!refused) {
    refused = io::ring_service::of(context).error();
    if (refused) reason = "this context can have no ring (" + refused.message() + ")";
  }
  if (!refused) {
    if (state.how.backend == backend::io_uring) reason = "asked for";
    return backend::io_uring;
  }
  if (state.how.backend == backend::io_uring) throw std::system_error(refused, reason);
  return backend::threads;
}

std::shared_ptr<binding> make_binding(const std::shared_ptr<store_state>& state,
                                      asio::io_context& context) {
  require(!state->forked(), errc::forked, "the store was opened before the process forked");
  require(!io::completion_port::of(context).forked(), errc::forked,
          "the io_context served a store before the process forked");
  require(detail::has_locks(context), errc::bad_options,
          "the io_context was made without locks (ASIO_CONCURRENCY_HINT_UNSAFE), which other "
          "threads need");
  std::string reason;
  const backend chosen = choose_backend(*state, context, reason);
  state->notify(
      event::kind::backend_chosen,
      (chosen == backend::io_uring ? std::string("reads and appends go through io_uring: ")
                                   : std::string("reads and appends go through threads: ")) +
          reason);
  return {
      new binding(state, context, make_disk(*state, context, chosen), chosen, std::move(reason)),
      delete_unless_forked()};
}

// Tells which files are sealed, as far as that is known without the lock.
void look_around(store_state& state, io::file_io& disk) {
  files::listing found;
  const std::int64_t result = files::list_files(disk, state.directory.get(), found);
  if (result < 0) throw std::system_error(os_error(result), state.directory_path);
  state.sealed_below.store(found.highest_number().value_or(0), std::memory_order_relaxed);
  if (!found.files.empty()) state.form_at_open = found.files.back().form;
}

}  // namespace

std::shared_ptr<binding> open_store(asio::io_context& home, const options& wanted,
                                    environment surroundings) {
  check_options(wanted);
  if (!surroundings.boot) surroundings.boot = read_boot_id;
  if (!surroundings.now) surroundings.now = std::chrono::steady_clock::now;
  auto state = store_state::make(wanted, std::move(surroundings));
  open_directory(*state);
  auto result = make_binding(state, home);
  look_around(*state, *result->disk);
  if (!wanted.read_only) {
    const auto puts =
        std::make_shared<writer>(state, home, make_disk(*state, home, result->chosen_backend));
    check(puts->open_lock(), state->lock_path);
    files::remove_abandoned_spool_files(*result->disk, state->directory_path);
    result->home_sealer = sealer::make(state, make_disk(*state, home, result->chosen_backend));
    puts->watch();
    result->home_writer = puts;
  }
  return result;
}

std::shared_ptr<binding> bind_store(const binding& known, asio::io_context& context) {
  auto result = make_binding(known.state, context);
  result->home_writer = known.home_writer;
  result->home_sealer = known.home_sealer;
  return result;
}

}  // namespace conduit::detail

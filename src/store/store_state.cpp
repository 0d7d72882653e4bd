#include "store/store_state.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

#include "base/start_thread.hpp"
#include "store/binding.hpp"

namespace conduit::detail {

namespace {
// The space of a file that another process deleted is freed within a second.
constexpr std::chrono::milliseconds deleted_files_interval{500};

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string directory_of(const options& wanted) {
  return without_trailing_slash(
      std::filesystem::absolute(wanted.data_directory).lexically_normal().string());
}

std::string lock_file_of(const options& wanted) {
  if (wanted.lock_path.empty()) return directory_of(wanted) + ".lock";
  return std::filesystem::absolute(wanted.lock_path).string();
}

}  // namespace

store_state::store_state(const options& wanted, environment surroundings)
    : how(wanted),
      around(std::move(surroundings)),
      directory_path(directory_of(wanted)),
      lock_path(lock_file_of(wanted)),
      codecs(wanted.codec_threads),
      decoded_frames(wanted.frame_cache_bytes) {}

std::shared_ptr<store_state> store_state::make(const options& wanted, environment surroundings) {
  return {new store_state(wanted, std::move(surroundings)), [](store_state* state) {
            if (fork_generation() == state->opened_in_) delete state;
          }};
}

store_state::~store_state() {
  helpers.join();
  codecs.join();
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
    stop_.notify_all();
  }
  if (janitor_.joinable()) janitor_.join();
}

lock::store_place store_state::place() const {
  return {directory_path, lock_path, directory.get(), around.boot(), how.create ? how.file_mode : 0,
          how.on_event};
}

void store_state::notify_of_lock_wait() const {
  if (how.on_event) how.on_event(lock::long_wait_for(lock_path));
}

void store_state::notify(event::kind what, std::string message, std::uint32_t file,
                         std::uint64_t offset, std::error_code error) const {
  if (how.on_event) how.on_event(event{what, std::move(message), file, offset, error});
}

void store_state::publish_tail(const std::shared_ptr<append_file>& file,
                               const io::file_status& identity,
                               std::shared_ptr<file_frames> frames) {
  const std::lock_guard hold(mutex_);
  tail_file_ = file;
  tail_identity_ = identity;
  tail_frames_ = std::move(frames);
}

std::shared_ptr<file_frames> store_state::frames_of_tail(const io::file_status& identity) const {
  const std::lock_guard hold(mutex_);
  return !tail_file_.expired() && identity.same_file(tail_identity_) ? tail_frames_ : nullptr;
}

void store_state::add(binding& context) {
  const std::lock_guard hold(mutex_);
  contexts_.push_back(&context);
}

void store_state::remove(binding& context) noexcept {
  const std::lock_guard hold(mutex_);
  std::erase(contexts_, &context);
  context.reads.add_to(gone_contexts_);
}

void store_state::forget_file(std::uint32_t number) {
  const std::lock_guard hold(mutex_);
  for (binding* context : contexts_) context->files.forget(number);
}

void store_state::drop_deleted_files() noexcept {
  std::vector<std::shared_ptr<data_file>> gone;  // is dropped without the lock
  const std::lock_guard hold(mutex_);
  gone = take_deleted_files();
}

void store_state::watch_for_deleted_files() {
  const std::lock_guard hold(mutex_);
  if (janitor_.joinable() || stopping_) return;
  // On failure, the next file that is opened tries again.
  static_cast<void>(start_thread(janitor_, [this] { look_for_deleted_files(); }));
}

std::vector<std::shared_ptr<data_file>> store_state::take_deleted_files() noexcept try {
  std::vector<std::shared_ptr<data_file>> all;
  for (binding* context : contexts_) {
    for (std::shared_ptr<data_file>& file : context->files.take_deleted())
      all.push_back(std::move(file));
  }
  return all;
} catch (const std::bad_alloc&) {
  return {};  // the others are found in the next round
}

void store_state::look_for_deleted_files() {
  std::unique_lock hold(mutex_);
  while (!stop_.wait_for(hold, deleted_files_interval, [this] { return stopping_; })) {
    hold.unlock();
    drop_deleted_files();
    if (waits->lock_wait_is_long()) notify_of_lock_wait();
    hold.lock();
  }
}

void store_state::count_reads(store_stats& into) const {
  const std::lock_guard hold(mutex_);
  into.inline_reads = gone_contexts_.inline_reads;
  into.async_reads = gone_contexts_.async_reads;
  into.get_bytes = gone_contexts_.get_bytes;
  into.cache_hits = gone_contexts_.cache_hits;
  into.cache_misses = gone_contexts_.cache_misses;
  into.frames_decoded = gone_contexts_.frames_decoded;
  into.decode_us = gone_contexts_.decode_us;
  for (const binding* context : contexts_) context->reads.add_to(into);
  into.gets = into.inline_reads + into.async_reads;
}

}  // namespace conduit::detail

#include "support/disk_script.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace conduit::test {

namespace {

bool is_write(io_call kind) noexcept {
  return kind == io_call::start_write || kind == io_call::write;
}

bool is_start(io_call kind) noexcept {
  return kind == io_call::start_read || kind == io_call::start_write || kind == io_call::start_sync;
}

bool is_transfer(io_call kind) noexcept {
  return is_write(kind) || kind == io_call::start_read || kind == io_call::read_cached ||
         kind == io_call::read;
}

}  // namespace

std::string_view name_of(io_call kind) noexcept {
  constexpr std::array<std::string_view, io_call_kinds> names{"start_read",
                                                              "start_write",
                                                              "start_sync",
                                                              "wait",
                                                              "read_cached",
                                                              "read",
                                                              "write",
                                                              "sync_data",
                                                              "begin_write_back",
                                                              "unwritten_bytes",
                                                              "sync_directory",
                                                              "sync_parent",
                                                              "truncate",
                                                              "remove",
                                                              "link",
                                                              "copy_permissions",
                                                              "list",
                                                              "open",
                                                              "status",
                                                              "status_at",
                                                              "try_lock",
                                                              "try_lock_shared",
                                                              "unlock"};
  return names.at(static_cast<std::size_t>(kind));
}

std::string seen_call::to_string() const {
  return std::to_string(index) + ": " + std::string(name_of(kind)) +
         (creates ? " (create) " : " ") + file + " at " + std::to_string(offset) + " of " +
         std::to_string(size);
}

bool applies(const fault& what, io_call to) noexcept {
  switch (what.what) {
    case fault::kind::error:
      return to != io_call::wait;
    case fault::kind::short_by_one:
    case fault::kind::short_half:
    case fault::kind::nothing:
      return is_transfer(to);
    case fault::kind::torn:
      return is_write(to);
    case fault::kind::withheld:
      return is_start(to);
  }
  return false;
}

void disk_script::set_rule(rule next) {
  const std::lock_guard hold(mutex_);
  rule_ = std::move(next);
}

void disk_script::fail_at(std::size_t index, fault what, bool sticky) {
  set_rule([index, what, sticky](const seen_call& call) -> std::optional<fault> {
    const bool here = call.index == index || (sticky && call.index > index);
    if (!here || !applies(what, call.kind)) return std::nullopt;
    return what;
  });
}

void disk_script::fail_next(io_call kind, fault what, std::string suffix) {
  set_rule([kind, what, suffix = std::move(suffix),
            done = false](const seen_call& call) mutable -> std::optional<fault> {
    if (done || call.kind != kind || !call.file.ends_with(suffix)) return std::nullopt;
    done = true;
    return what;
  });
}

void disk_script::fail_every(io_call kind, fault what, std::string suffix) {
  set_rule([kind, what, suffix = std::move(suffix)](const seen_call& call) -> std::optional<fault> {
    if (call.kind != kind || !call.file.ends_with(suffix)) return std::nullopt;
    return what;
  });
}

void disk_script::forget_names() {
  set_rule([](const seen_call& call) -> std::optional<fault> {
    if (!call.cached_only) return std::nullopt;
    return fault::with_error(EAGAIN);
  });
}

void disk_script::before(io_call kind, hook next) {
  const std::lock_guard hold(mutex_);
  hooks_.at(static_cast<std::size_t>(kind)) = std::move(next);
}

std::vector<seen_call> disk_script::calls() const {
  const std::lock_guard hold(mutex_);
  return calls_;
}

std::size_t disk_script::count() const {
  const std::lock_guard hold(mutex_);
  return next_index_;
}

std::size_t disk_script::count(io_call kind) const {
  const std::lock_guard hold(mutex_);
  return static_cast<std::size_t>(std::count_if(
      calls_.begin(), calls_.end(), [kind](const seen_call& call) { return call.kind == kind; }));
}

std::size_t disk_script::hits() const {
  const std::lock_guard hold(mutex_);
  return hits_;
}

void disk_script::forget_calls() {
  const std::lock_guard hold(mutex_);
  calls_.clear();
}

std::optional<fault> disk_script::admit(seen_call call) {
  hook before;
  {
    const std::lock_guard hold(mutex_);
    call.index = next_index_++;
    if (call.file.empty()) {
      const auto known = names_.find(call.fd);
      if (known != names_.end() && call.kind != io_call::sync_directory &&
          call.kind != io_call::sync_parent && call.kind != io_call::list)
        call.file = known->second;
    }
    calls_.push_back(call);
    before = hooks_.at(static_cast<std::size_t>(call.kind));
  }
  if (before) before(call);
  const std::lock_guard hold(mutex_);
  auto answer = rule_ ? rule_(call) : std::nullopt;
  if (answer && !applies(*answer, call.kind)) answer.reset();
  if (answer) ++hits_;
  return answer;
}

void disk_script::opened(int fd, const char* name) {
  const std::lock_guard hold(mutex_);
  names_[fd] = name;
}

void disk_script::withhold(std::function<void()> start) {
  const std::lock_guard hold(mutex_);
  withheld_ = std::move(start);
}

bool disk_script::withholds() const {
  const std::lock_guard hold(mutex_);
  return withheld_ != nullptr;
}

void disk_script::start_withheld() {
  std::function<void()> start;
  {
    const std::lock_guard hold(mutex_);
    start = std::exchange(withheld_, nullptr);
  }
  if (start) start();
}

}  // namespace conduit::test

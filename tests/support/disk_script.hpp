// What a test does to a store's disk, and what it sees there: every call is written down, functions
// of the test run before it, and a rule answers it with an error or a short transfer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::test {

enum class io_call : std::uint8_t {
  start_read,
  start_write,
  start_sync,
  wait,
  read_cached,
  read,
  write,
  sync_data,
  begin_write_back,
  unwritten_bytes,
  sync_directory,
  sync_parent,
  truncate,
  remove,
  link,
  copy_permissions,
  list,
  open,
  status,
  status_at,
  try_lock,
  try_lock_shared,
  unlock
};
constexpr std::size_t io_call_kinds = static_cast<std::size_t>(io_call::unlock) + 1;
std::string_view name_of(io_call kind) noexcept;

// One call through the seam.
struct seen_call {
  std::size_t index = 0;  // in order of arrival, over all disks of a script
  io_call kind = io_call::status;
  int fd = -1;         // the file, or the directory of a name
  std::string file{};  // the name given, or the one under which `fd` was opened; empty for the
                       // directory itself
  std::uint64_t offset = 0;
  std::uint64_t size = 0;    // bytes asked for; the new size of a truncation
  bool creates = false;      // an `open` of a new file
  bool cached_only = false;  // an `open` that must not wait for the medium

  std::string to_string() const;
};

// What the caller gets instead of the truth.
struct fault {
  enum class kind : std::uint8_t {
    error,
    short_by_one,
    short_half,
    nothing,
    torn,      // `bytes` of a write are written, then SIGKILL ends the process
    withheld,  // a request is not started before `disk_script::start_withheld`
  };

  kind what = kind::error;
  int error = 0;            // errno of `error`
  std::uint64_t bytes = 0;  // of `torn`

  static fault with_error(int code) noexcept { return {kind::error, code}; }
  static fault torn_after(std::uint64_t bytes) noexcept { return {kind::torn, 0, bytes}; }
};

// Whether the kernel could answer such a call that way at all.
bool applies(const fault& what, io_call to) noexcept;

// Shared by the disks of one store, or of several. Thread-safe.
class disk_script {
 public:
  // Called before each call, from the thread that makes it, one at a time; it may do things to the
  // disk behind the store's back. Must not touch the script.
  using rule = std::function<std::optional<fault>(const seen_call&)>;
  // Called from the thread that makes the call, by several threads at once; it may block.
  using hook = std::function<void(const seen_call&)>;

  // Replaces the rule; an empty one lets everything pass.
  void set_rule(rule next);
  // Answers the call of this index with a fault, `sticky` also all later ones that the fault
  // applies to.
  void fail_at(std::size_t index, fault what, bool sticky);
  // Answers the next call of this kind, of files whose name ends in `suffix`, with a fault: once,
  // or each time.
  void fail_next(io_call kind, fault what, std::string suffix = {});
  void fail_every(io_call kind, fault what, std::string suffix = {});
  // The kernel knows no file's name: a thread that may wait has to open each.
  void forget_names();

  // Replaces the hook of this kind of call; it runs before the rule is asked.
  void before(io_call kind, hook next);

  std::vector<seen_call> calls() const;
  std::size_t count() const;
  std::size_t count(io_call kind) const;
  // How many calls were answered with a fault.
  std::size_t hits() const;
  void forget_calls();

  // A rule has withheld a request; `start_withheld` starts it, if there is one.
  bool withholds() const;
  void start_withheld();

 private:
  friend class scripted_disk;
  std::optional<fault> admit(seen_call call);
  void opened(int fd, const char* name);
  void withhold(std::function<void()> start);

  mutable std::mutex mutex_;
  rule rule_;
  std::array<hook, io_call_kinds> hooks_;
  std::vector<seen_call> calls_;
  // Of descriptors; a number that was closed and came back has its new name.
  std::map<int, std::string> names_;
  std::function<void()> withheld_;
  std::size_t next_index_ = 0;
  std::size_t hits_ = 0;
};

}  // namespace conduit::test

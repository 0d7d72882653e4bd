#include "cli/output.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "cli/exit_status.hpp"

namespace conduit::cli {

void write_all(int fd, std::span<const std::byte> bytes, std::string_view subject) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      throw failure(subject, last_error());
    }
  }
}

void write_all(int fd, std::string_view text, std::string_view subject) {
  write_all(fd, std::as_bytes(std::span(text)), subject);
}

void write_to_stdout(std::string_view text) { write_all(STDOUT_FILENO, text, "standard output"); }

void write_json_to_stdout(const nlohmann::ordered_json& document) {
  write_to_stdout(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                  "\n");
}

namespace {

constexpr mode_t file_mode = 0666;  // less the umask

std::filesystem::path temporary_name(const std::filesystem::path& target) {
  static std::atomic<unsigned> count{0};
  return target.parent_path() / fmt::format(".ffdb-{}-{}.tmp", ::getpid(), count.fetch_add(1));
}

}  // namespace

output_file::output_file(std::filesystem::path target) : target_(std::move(target)) {
  const std::filesystem::path parent =
      target_.has_parent_path() ? target_.parent_path() : std::filesystem::path(".");
  fd_.reset(::open(parent.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, file_mode));
  if (!fd_ && (errno == EOPNOTSUPP || errno == EISDIR)) {
    // The file system does not support nameless files.
    temporary_ = temporary_name(target_);
    fd_.reset(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file_mode));
    if (!fd_) temporary_.clear();
  }
  if (!fd_) throw failure(target_.native(), last_error());
}

output_file::~output_file() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void output_file::write(std::span<const std::byte> bytes) {
  write_all(fd_.get(), bytes, target_.native());
}

unique_fd output_file::commit() {
  if (temporary_.empty()) {
    // linkat cannot replace a file, rename can.
    const std::string name = temporary_name(target_);
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      throw failure(target_.native(), last_error());
    temporary_ = name;
  }
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0)
    throw failure(target_.native(), last_error());
  temporary_.clear();
  return std::move(fd_);
}

}  // namespace conduit::cli

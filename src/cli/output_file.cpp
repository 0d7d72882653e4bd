#include "cli/output_file.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "cli/exit_status.hpp"
#include "cli/output.hpp"

namespace conduit::cli {
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
    // A file system without nameless files.
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

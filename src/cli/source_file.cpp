#include "cli/source_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit_status.hpp"
#include "io/read_once.hpp"

namespace conduit::cli {

namespace {

std::int64_t read_next(int fd, std::byte* to, std::size_t size) noexcept {
  const ssize_t count = ::read(fd, to, size);
  return count < 0 ? -errno : count;
}

}  // namespace

source_bytes read_to_end(int fd, std::uint64_t size_expected, std::error_code& error) {
  error.clear();
  // A pipe has no position.
  const off_t begin = ::lseek(fd, 0, SEEK_CUR);
  constexpr std::size_t growth_min = 64U << 10;
  // One byte more than expected, so that the end of the file shows without growing.
  blob memory(static_cast<std::size_t>(size_expected) + 1);
  std::size_t size = 0;
  for (;;) {
    if (size == memory.size()) {
      blob larger(std::max(growth_min, memory.size() * 2));
      std::memcpy(larger.data(), memory.data(), size);
      memory = std::move(larger);
    }
    const std::int64_t count = begin < 0
                                   ? read_next(fd, memory.data() + size, memory.size() - size)
                                   : io::read_once(fd, memory.data() + size, memory.size() - size,
                                                   static_cast<std::uint64_t>(begin) + size);
    if (count == 0) {
      // Standard input shares its position with the shell's next command.
      if (begin >= 0) ::lseek(fd, begin + static_cast<off_t>(size), SEEK_SET);
      return {std::move(memory), size};
    }
    if (count > 0) {
      size += static_cast<std::size_t>(count);
    } else if (count != -EINTR) {
      error = std::error_code(static_cast<int>(-count), std::system_category());
      return {};
    }
  }
}

source_bytes read_file(const std::string& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat found{};
  if (!fd || ::fstat(fd.get(), &found) != 0) throw failure(path, last_error());
  std::error_code error;
  source_bytes bytes = read_to_end(fd.get(), static_cast<std::uint64_t>(found.st_size), error);
  if (error) throw failure(path, error);
  return bytes;
}

}  // namespace conduit::cli

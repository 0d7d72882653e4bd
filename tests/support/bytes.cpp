#include "support/bytes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/unique_fd.hpp"

namespace conduit::test {

namespace {

void check(bool well, const std::filesystem::path& file) {
  if (!well) throw std::system_error(errno, std::system_category(), file.string());
}

unique_fd open_file(const std::filesystem::path& file, int flags) {
  unique_fd opened(::open(file.c_str(), flags | O_CLOEXEC, 0600));
  check(opened.get() >= 0, file);
  return opened;
}

}  // namespace

std::string bytes_of(std::uint64_t seed, std::size_t size) {
  std::string bytes(size, '\0');
  // SplitMix64 (Steele, Lea, Flood 2014): defined to the bit, unlike the distributions of <random>.
  std::uint64_t state = seed;
  for (std::size_t i = 0; i < size; i += sizeof state) {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    mixed ^= mixed >> 31;
    for (std::size_t k = 0; k < sizeof mixed && i + k < size; ++k)
      bytes[i + k] = static_cast<char>((mixed >> (8 * k)) & 0xFF);
  }
  return bytes;
}

std::string read_file(const std::filesystem::path& file) {
  const unique_fd opened = open_file(file, O_RDONLY);
  std::string content(std::filesystem::file_size(file), '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = ::pread(opened.get(), content.data() + done, content.size() - done,
                                  static_cast<off_t>(done));
    check(count >= 0, file);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  content.resize(done);
  return content;
}

void write_file(const std::filesystem::path& file, std::string_view content) {
  open_file(file, O_WRONLY | O_CREAT | O_TRUNC);
  overwrite(file, 0, content);
}

void overwrite(const std::filesystem::path& file, std::uint64_t offset, std::string_view bytes) {
  const unique_fd opened = open_file(file, O_WRONLY);
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(opened.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    check(count > 0, file);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void corrupt_byte(const std::filesystem::path& file, std::uint64_t offset) {
  const unique_fd opened = open_file(file, O_RDONLY);
  char byte = 0;
  check(::pread(opened.get(), &byte, 1, static_cast<off_t>(offset)) == 1, file);
  byte = static_cast<char>(~byte);
  overwrite(file, offset, {&byte, 1});
}

}  // namespace conduit::test

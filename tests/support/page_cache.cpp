#include "support/page_cache.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "base/unique_fd.hpp"

namespace conduit::test {

std::uint64_t cached_bytes(const std::filesystem::path& file) {
  const std::uintmax_t size = std::filesystem::file_size(file);
  if (size == 0) return 0;
  const unique_fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, opened.get(), 0);
  if (mapped == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((size + page_bytes - 1) / page_bytes);
  const int failed = ::mincore(mapped, size, pages.data());
  ::munmap(mapped, size);
  if (failed != 0) throw std::system_error(errno, std::generic_category(), "mincore");
  const auto resident = [](unsigned char page) { return (page & 1) != 0; };
  return page_bytes *
         static_cast<std::uint64_t>(std::count_if(pages.begin(), pages.end(), resident));
}

bool make_cold(const std::filesystem::path& file) {
  const unique_fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  ::fdatasync(opened.get());
  ::posix_fadvise(opened.get(), 0, 0, POSIX_FADV_DONTNEED);
  return cached_bytes(file) == 0;
}

void make_all_cold(const std::filesystem::path& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    static_cast<void>(make_cold(entry.path()));
}

}  // namespace conduit::test

// Reads that leave nothing new in the page cache, and keep what others have there.
#include "io/read_once.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "base/unique_fd.hpp"
#include "support/child_process.hpp"
#include "support/forbidden_call.hpp"
#include "support/page_cache.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

constexpr std::size_t file_bytes = 4U << 20;
constexpr std::size_t step_bytes = 1U << 20;

struct file_on_disk {
  temporary_directory directory;
  std::filesystem::path path = directory / "bytes";
  std::string bytes = bytes_of(1, file_bytes);

  file_on_disk() { write_file(path, bytes); }

  std::string read_all() const {
    const unique_fd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string found(file_bytes, '\0');
    for (std::size_t at = 0; at < file_bytes; at += step_bytes) {
      if (io::read_once(opened.get(), found.data() + at, step_bytes, at) != step_bytes) return {};
    }
    return found;
  }
};

// The file is cold, on a file system that can tell.
bool is_made_cold(const std::filesystem::path& path) {
  if (!make_cold(path)) return false;
  const unique_fd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const bool told = !io::may_be_cached(opened.get(), 1, 0);
  // The question makes the kernel read ahead.
  return make_cold(path) && told;
}

// 0 where the reads keep what they promise.
int read_cold_and_hot() {
  const file_on_disk file;
  const bool on_disk = is_made_cold(file.path);
  EXPECT_IN_CHILD(file.read_all() == file.bytes);
  // The kernel's readahead may be left over.
  EXPECT_IN_CHILD(!on_disk || cached_bytes(file.path) <= file_bytes / 4);
  EXPECT_IN_CHILD(read_file(file.path) == file.bytes);
  EXPECT_IN_CHILD(file.read_all() == file.bytes);
  EXPECT_IN_CHILD(cached_bytes(file.path) == file_bytes);
  return 0;
}

}  // namespace

TEST_CASE("a read once leaves a cold file cold and a hot one hot") {
  CHECK(in_child(read_cold_and_hot) == 0);
}

TEST_CASE("a read once does the same where the kernel does not know how to read without caching") {
  const int answer = GENERATE(EOPNOTSUPP, ENOSYS, EPERM);
  CHECK(in_child([answer] {
          constexpr unsigned flags = 5;  // the number of the argument
          const scmp_arg_cmp without_caching{flags, SCMP_CMP_MASKED_EQ, io::read_without_caching,
                                             io::read_without_caching};
          if (!forbid(SCMP_SYS(preadv2), answer, without_caching)) return 10;
          return read_cold_and_hot();
        }) == 0);
}

TEST_CASE("a read once drops nothing where the kernel cannot tell what is cached") {
  const int answer = GENERATE(EOPNOTSUPP, ENOSYS, EPERM);
  CHECK(in_child([answer] {
          const file_on_disk file;
          EXPECT_IN_CHILD(read_file(file.path) == file.bytes);
          if (!forbid(SCMP_SYS(preadv2), answer)) return 10;
          EXPECT_IN_CHILD(file.read_all() == file.bytes);
          EXPECT_IN_CHILD(cached_bytes(file.path) == file_bytes);
          return 0;
        }) == 0);
}

TEST_CASE("a read once behind the end of a file gives no bytes, and of no file an error") {
  const file_on_disk file;
  const unique_fd opened(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  char byte = 0;
  CHECK(io::read_once(opened.get(), &byte, 1, file_bytes) == 0);
  CHECK(io::read_once(-1, &byte, 1, 0) == -EBADF);
}

TEST_CASE("a store that reads once gives the bytes and leaves a cold file cold") {
  const auto form = GENERATE(compression::none, compression::zstd);
  store_fixture store([form](options& how) {
    how.compression = form;
    how.frame_bytes = 1U << 20;
    how.read_once = true;
  });
  const std::string bytes = bytes_of(2, 8U << 20);
  const data_location where = store.put(bytes);
  store.roll();
  store.reopen([](options& how) { how.read_once = true; });
  const std::filesystem::path file =
      store.how.data_directory /
      (form == compression::none ? "data_00000000.dat" : "data_00000000.dat.zst");
  const bool on_disk = is_made_cold(file);
  CHECK(store.get(where) == bytes);
  if (on_disk) CHECK(cached_bytes(file) <= (2U << 20));
}

}  // namespace conduit::test

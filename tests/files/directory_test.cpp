#include "files/directory.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <asio/io_context.hpp>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "io/system_io.hpp"
#include "io/thread_service.hpp"
#include "support/bytes.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

using files::file_id;
using files::listing;

struct directory_under_test {
  temporary_directory path;
  asio::io_context context;
  io::system_io disk{io::thread_service::of(context)};
  unique_fd fd{::open(path.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

  listing list() {
    listing found;
    if (files::list_files(disk, fd.get(), found) != 0)
      throw std::runtime_error("the directory cannot be listed");
    return found;
  }
};

}  // namespace

TEST_CASE("a listing is in order of the numbers and knows no foreign names") {
  directory_under_test directory;
  for (const char* name :
       {"data_00000010.dat", "data_00000002.dat.zst", "data_00000002.dat", "data_4294967295.dat",
        "notes.txt", "data_7.dat", "data_00000003.dat.bak"}) {
    write_file(directory.path / name, "");
  }
  const listing found = directory.list();
  CHECK(found.files == std::vector<file_id>{{2, file_form::plain},
                                            {2, file_form::zstd},
                                            {10, file_form::plain},
                                            {4294967295, file_form::plain}});
  CHECK(found.highest_number() == 4294967295);
  CHECK(found.contains(2));
  CHECK(found.contains(10));
  CHECK_FALSE(found.contains(3));
  CHECK_FALSE(found.contains(0));
  CHECK(directory.list().files == found.files);  // from the start each time
}

TEST_CASE("an empty directory has no highest number and no mutable file") {
  directory_under_test directory;
  const listing found = directory.list();
  CHECK(found.files.empty());
  CHECK_FALSE(found.highest_number());
  CHECK_FALSE(found.contains(0));
  std::optional<file_id> mutable_file = file_id{};
  std::vector<file_id> foreign;
  CHECK(files::find_mutable(directory.disk, directory.fd.get(), found, mutable_file, foreign) == 0);
  CHECK_FALSE(mutable_file);
  CHECK(foreign.empty());
}

TEST_CASE("the mutable file is the highest regular one and what stands above it is foreign") {
  directory_under_test directory;
  write_file(directory.path / "data_00000001.dat", "");
  write_file(directory.path / "data_00000003.dat.zst", "");
  std::filesystem::create_directory(directory.path / "data_00000004.dat");
  ::mkfifo((directory.path / "data_00000005.dat").c_str(), 0600);
  std::filesystem::create_symlink("data_00000001.dat", directory.path / "data_00000006.dat");
  const listing found = directory.list();
  CHECK(found.highest_number() == 6);
  std::optional<file_id> mutable_file;
  std::vector<file_id> foreign;
  CHECK(files::find_mutable(directory.disk, directory.fd.get(), found, mutable_file, foreign) == 0);
  CHECK(mutable_file == file_id{3, file_form::zstd});
  CHECK(foreign ==
        std::vector<file_id>{{6, file_form::plain}, {5, file_form::plain}, {4, file_form::plain}});
}

TEST_CASE("a file that vanishes after the listing is passed over") {
  directory_under_test directory;
  write_file(directory.path / "data_00000001.dat", "");
  write_file(directory.path / "data_00000002.dat", "");
  const listing found = directory.list();
  std::filesystem::remove(directory.path / "data_00000002.dat");
  std::optional<file_id> mutable_file;
  std::vector<file_id> foreign;
  CHECK(files::find_mutable(directory.disk, directory.fd.get(), found, mutable_file, foreign) == 0);
  CHECK(mutable_file == file_id{1, file_form::plain});
  CHECK(foreign.empty());
}

TEST_CASE("a directory that cannot be listed is an error") {
  directory_under_test directory;
  listing found;
  found.files = {{1, file_form::plain}};
  CHECK(files::list_files(directory.disk, -1, found) == -EBADF);
  CHECK(found.files.empty());
}

}  // namespace conduit::test

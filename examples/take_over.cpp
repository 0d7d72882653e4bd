// Taking over a store that the Python original wrote: it opens as it is, its (path, start, end) are
// our locations, and once no original uses it any more its sealed plain files can be compressed in
// place.
#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// What an index of the original holds for a blob.
struct python_location {
  std::string path;
  std::uint64_t start;
  std::uint64_t end;
};

conduit::data_location location_of(const python_location& known) {
  conduit::data_location location;
  // "data_00000007.dat" and "data_00000007.dat.zst" are both file 7.
  location.file_number =
      static_cast<std::uint32_t>(std::stoul(fs::path(known.path).filename().string().substr(5)));
  location.start = known.start;
  location.end = known.end;
  return location;  // without a checksum: the original keeps none
}

// Two data files as the original writes them, blobs back to back, and its index.
std::vector<python_location> write_as_original(const fs::path& directory) {
  fs::create_directories(directory);
  std::vector<python_location> index;
  for (const char* name : {"data_00000000.dat", "data_00000001.dat"}) {
    std::ofstream file(directory / name, std::ios::binary);
    std::uint64_t at = 0;
    for (int i = 0; i < 1000; ++i) {
      const std::string blob = "{\"block\": " + std::to_string(i) + ", \"transactions\": []}";
      file << blob;
      index.push_back({(directory / name).string(), at, at + blob.size()});
      at += blob.size();
    }
  }
  return index;
}

asio::awaitable<void> take_over(conduit::flat_file_db db, std::vector<python_location> index) {
  std::vector<conduit::blob> before;
  for (const python_location& known : index) {
    conduit::blob bytes = co_await db.get(location_of(known));
    before.push_back(std::move(bytes));
  }

  // Our first put after a boot begins a new file, so that all of theirs are sealed, and can be
  // compressed.
  const conduit::data_location next = co_await db.put(asio::buffer("the first blob of ours", 22));
  for (std::uint32_t number = 0; number < next.file_number; ++number) {
    const conduit::file_compression done = co_await db.compress_file(number);
    std::cout << "file " << number << ": " << done.plain_bytes << " bytes in " << done.stored_bytes
              << '\n';
  }

  for (std::size_t i = 0; i < index.size(); ++i) {
    const conduit::blob after = co_await db.get(location_of(index[i]));
    if (after.text() != before[i].text()) throw std::runtime_error("a blob is not what it was");
  }
  std::cout << index.size() << " blobs of the original read, before and after\n";
  co_await db.close();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: example_take_over SCRATCH_DIR");
  const fs::path directory = fs::path(argv[1]) / "conduit";
  const std::vector<python_location> index = write_as_original(directory);
  conduit::options how(directory);
  how.lock_path = directory.string() + ".lock";  // the one that the originals use
  asio::io_context context;
  auto done = asio::co_spawn(context, take_over(conduit::flat_file_db::open(context, how), index),
                             asio::use_future);
  context.run();
  done.get();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

#include "support/store_fixture.hpp"

#include <asio/buffer.hpp>

#include "files/file_name.hpp"

namespace conduit::test {

namespace {

options adjusted(options how, const store_fixture::change& adjust) {
  if (adjust) adjust(how);
  return how;
}

}  // namespace

options options_in(const temporary_directory& directory) {
  options how(directory / "store");
  how.backend = backend_under_test();
  // Temporary files may lie on what a virtual machine shares with its host, where these tests are
  // at home all the same.
  how.allow_network = true;
  return how;
}

store_fixture::store_fixture(const change& adjust)
    : how(adjusted(options_in(directory), adjust)), db(flat_file_db::open(context, how)) {}

data_location store_fixture::put(std::string_view bytes) {
  return run(db.put(asio::buffer(bytes)));
}

std::string store_fixture::get(const data_location& location) {
  return std::string(run(db.get(location)).text());
}

std::uint32_t store_fixture::roll(std::uint32_t at_least) { return run(db.roll(at_least)); }

std::vector<file_info> store_fixture::files() { return run(db.files()); }

void store_fixture::reopen(const change& adjust) {
  db = {};
  run_dry(context);
  how = adjusted(how, adjust);
  db = flat_file_db::open(context, how);
}

std::filesystem::path store_fixture::lock_path() const {
  return how.lock_path.empty() ? std::filesystem::path(how.data_directory.string() + ".lock")
                               : how.lock_path;
}

std::filesystem::path store_fixture::data_path(std::uint32_t number) const {
  return how.data_directory / files::file_name(number).text();
}

second_opening::second_opening(const store_fixture& first, const store_fixture::change& adjust)
    : db(flat_file_db::open(context, adjusted(first.how, adjust))) {}

std::vector<asio::const_buffer> buffers(const std::vector<std::string>& blobs) {
  std::vector<asio::const_buffer> list;
  list.reserve(blobs.size());
  for (const std::string& blob : blobs) list.emplace_back(blob.data(), blob.size());
  return list;
}

}  // namespace conduit::test

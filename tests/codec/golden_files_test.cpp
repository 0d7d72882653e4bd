// The compressed files of the Python original, and the zstd program, as judges of the codec.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "codec/frame.hpp"
#include "codec/frame_walk.hpp"
#include "codec/frames.hpp"
#include "codec/seek_table.hpp"
#include "support/bytes.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {

namespace {

namespace fs = std::filesystem;

using codec::frame_walk;
using codec::walk_state;

struct golden_file {
  fs::path path;
  byte_vector bytes;
};

fs::path golden(const std::string& store) {
  return fs::path(CONDUIT_TEST_DATA_DIR) / "golden" / store;
}

std::vector<golden_file> files_of(const std::string& store) {
  std::vector<golden_file> files;
  for (const auto& entry : fs::directory_iterator(golden(store) / "data"))
    files.push_back({entry.path(), as_bytes(read_file(entry.path()))});
  std::sort(files.begin(), files.end(),
            [](const golden_file& a, const golden_file& b) { return a.path < b.path; });
  REQUIRE_FALSE(files.empty());
  return files;
}

frame_walk walk_through(const byte_vector& file) {
  frame_walk walking(file.size());
  REQUIRE_FALSE(walking.feed(file));
  return walking;
}

// Plain bytes of the file that the manifest's locations reach to.
std::uint64_t plain_end_of(const std::string& store, const fs::path& file) {
  std::uint64_t end = 0;
  for (const auto& blob : nlohmann::json::parse(read_file(golden(store) / "manifest.json"))) {
    if (blob.at("file") == file.filename().native())
      end = std::max(end, blob.at("end").get<std::uint64_t>());
  }
  return end;
}

std::optional<codec::frame_index> table_in(const byte_vector& file) {
  const auto tail = std::span(file).last(std::min(codec::seek_table_footer_size, file.size()));
  const auto size = codec::seek_table_size(tail, file.size());
  if (!size) return std::nullopt;
  codec::frame_index frames;
  if (codec::parse_seek_table(std::span(file).last(static_cast<std::size_t>(*size)), file.size(),
                              frames))
    return std::nullopt;
  return frames;
}

byte_vector plain_bytes_of(const byte_vector& file, const codec::frame_index& frames) {
  byte_vector plain(static_cast<std::size_t>(frames.plain_size()));
  codec::decoder reading;
  for (const codec::placed_frame& frame : frames.covering(0, frames.plain_size())) {
    const auto stored =
        std::span(file).subspan(static_cast<std::size_t>(frame.stored_start), frame.sizes.stored);
    const auto to =
        std::span(plain).subspan(static_cast<std::size_t>(frame.plain_start), frame.sizes.plain);
    REQUIRE_FALSE(reading.decode_whole(stored, to));
  }
  return plain;
}

// Through the zstd program.
byte_vector plain_bytes_by_zstd(const fs::path& file) {
  const temporary_directory scratch;
  const fs::path output = scratch / "plain";
  REQUIRE(std::system(
              ("zstd -q -d -o '" + output.native() + "' '" + file.native() + "'").c_str()) == 0);
  return as_bytes(read_file(output));
}

}  // namespace

TEST_CASE("whole files of the original are walked to a table that agrees") {
  for (const char* store : {"zstd", "zstd-small-frames"}) {
    for (const golden_file& file : files_of(store)) {
      INFO(file.path);
      const frame_walk walked = walk_through(file.bytes);
      CHECK(walked.state() == walk_state::complete);
      CHECK(table_in(file.bytes) == walked.frames());
      CHECK(walked.frames().plain_size() >= plain_end_of(store, file.path));
    }
  }
}

TEST_CASE("the codec decodes the original's files to the same bytes as zstd") {
  for (const char* store : {"zstd", "zstd-small-frames"}) {
    for (const golden_file& file : files_of(store)) {
      INFO(file.path);
      const auto frames = table_in(file.bytes);
      REQUIRE(frames);
      CHECK(plain_bytes_of(file.bytes, *frames) == plain_bytes_by_zstd(file.path));
    }
  }
}

TEST_CASE("the empty file of the original is complete") {
  for (const golden_file& file : files_of("zstd-empty")) {
    CHECK(walk_through(file.bytes).state() == walk_state::complete);
    CHECK(table_in(file.bytes) == codec::frame_index{});
  }
}

TEST_CASE("torn files of the original are walked to the end of their whole frames") {
  struct torn_store {
    const char* name;
    walk_state state;
    bool table_looks_whole;
  };
  constexpr std::array torn{torn_store{"zstd-torn-no-table", walk_state::table_missing, false},
                            torn_store{"zstd-torn-half-table", walk_state::bad, false},
                            torn_store{"zstd-torn-mid-frame", walk_state::bad, false},
                            torn_store{"zstd-torn-forged-table", walk_state::bad, true}};
  for (const torn_store& store : torn) {
    INFO(store.name);
    const auto files = files_of(store.name);
    for (std::size_t i = 0; i + 1 < files.size(); ++i)
      CHECK(walk_through(files[i].bytes).state() == walk_state::complete);
    const golden_file& last = files.back();
    const frame_walk walked = walk_through(last.bytes);
    CHECK(walked.state() == store.state);
    CHECK((walked.offset() == last.bytes.size()) == (store.state == walk_state::table_missing));
    // Every blob of the manifest lies in whole frames.
    CHECK(walked.frames().plain_size() >= plain_end_of(store.name, last.path));
    // The forged table adds up. Only the walk sees that it lies inside a frame.
    CHECK(table_in(last.bytes).has_value() == store.table_looks_whole);
  }
}

TEST_CASE("the zstd program reads what the codec writes") {
  const temporary_directory scratch;
  const fs::path path = scratch / "data_00000000.dat.zst";
  for (const int level : {1, 3, 19}) {
    file_of_frames file;
    byte_vector plain;
    for (const std::size_t size : {1U, 300U, 65'536U, 200'000U}) {
      plain = join({plain, text_of(size, size), noise_of(size, size)});
      file.add(frame_of(text_of(size, size), level), static_cast<std::uint32_t>(size));
      file.add(frame_of(noise_of(size, size), level), static_cast<std::uint32_t>(size));
    }
    const byte_vector bytes = file.with_table();
    std::string text(bytes.size(), '\0');
    std::transform(bytes.begin(), bytes.end(), text.begin(),
                   [](std::byte b) { return static_cast<char>(b); });
    write_file(path, text);
    CHECK(std::system(("zstd -q -t '" + path.native() + "'").c_str()) == 0);
    CHECK(plain_bytes_by_zstd(path) == plain);
    CHECK(table_in(bytes) == walk_through(bytes).frames());
  }
}

}  // namespace conduit::test

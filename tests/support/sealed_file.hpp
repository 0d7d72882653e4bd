// A machine with one sealed plain file, which is to be compressed.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "support/bytes.hpp"
#include "support/machine.hpp"

namespace conduit::test {

inline constexpr auto plain_name = "data_00000000.dat";
inline constexpr auto compressed_name = "data_00000000.dat.zst";
inline constexpr auto spool_name = "sealing_0";

using strings = std::vector<std::string>;

// File 0 is sealed and plain, file 1 is the mutable one.
struct sealed_file {
  explicit sealed_file(const machine::change& adjust = {}) : host(adjust) {
    process writer = host.start();
    for (std::uint64_t seed = 1; seed < 5; ++seed) {
      // Half of it compresses.
      blobs.push_back(bytes_of(seed, 50'000) + std::string(50'000, 'x'));
      places.push_back(writer->put(blobs.back()).value);
    }
    REQUIRE(writer->roll().value == 1);
    content = read_file(host.data_path(0));
  }

  // All of it, through a store that opens the file now.
  void check_blobs() const {
    process reader = host.start();
    check_blobs_through(reader);
  }
  void check_blobs_through(process& reader) const {
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      const auto found = reader->get(places[i]);
      CHECK_FALSE(found.error);
      CHECK((found.value == blobs[i]));
    }
  }

  machine host;
  strings blobs;
  std::vector<data_location> places;
  std::string content;
};

}  // namespace conduit::test

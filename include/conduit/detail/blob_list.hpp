// The bytes of one put or of many, as the writer wants them: all their parts in a row, and how many bytes each blob has.
#pragma once

#include <asio/buffer.hpp>
#include <conduit/data_location.hpp>
#include <cstdint>
#include <vector>

namespace conduit::detail {

// The parts themselves stay the caller's memory.
class blob_list {
 public:
  blob_list() = default;

  template <typename ConstBufferSequence>
  static blob_list of(const ConstBufferSequence& blob) {
    blob_list one;
    one.add(blob);
    return one;
  }

  // One blob more: its parts, back to back.
  template <typename ConstBufferSequence>
  void add(const ConstBufferSequence& blob) {
    data_location sized;
    const auto last = asio::buffer_sequence_end(blob);
    for (auto part = asio::buffer_sequence_begin(blob); part != last; ++part) {
      const asio::const_buffer buffer(*part);
      if (buffer.size() == 0) continue;
      parts.push_back(buffer);
      sized.end += buffer.size();
    }
    bytes += sized.end;
    locations.push_back(sized);
  }

  std::vector<asio::const_buffer> parts;
  std::vector<data_location> locations;  // of the blobs' sizes, until they are placed
  std::uint64_t bytes = 0;               // of all blobs
};

}  // namespace conduit::detail

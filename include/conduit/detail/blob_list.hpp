// The bytes that a put takes, as the writer needs them: the parts of all blobs in a row, and the
// size of each blob.
#pragma once

#include <asio/buffer.hpp>
#include <conduit/data_location.hpp>
#include <cstdint>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace conduit::detail {

template <typename Value>
concept plain_buffer = std::is_same_v<std::remove_cvref_t<Value>, asio::const_buffer> ||
                       std::is_same_v<std::remove_cvref_t<Value>, asio::mutable_buffer>;

template <typename Sequence>
using element_of = decltype(*asio::buffer_sequence_begin(std::declval<const Sequence&>()));

// The bytes of one blob. Rejects elements that own their bytes and are made on the fly: they would
// be gone before the operation begins.
template <typename Source>
concept blob_source =
    std::is_convertible_v<const Source&, asio::const_buffer> ||
    (asio::is_const_buffer_sequence<Source>::value &&
     (std::is_reference_v<element_of<Source>> || plain_buffer<element_of<Source>>));

// An element of a range of blobs: a stored object, or a view of bytes stored elsewhere.
template <typename Element>
concept lasting_blob =
    blob_source<std::remove_cvref_t<Element>> &&
    (std::is_reference_v<Element> || plain_buffer<Element> ||
     (asio::is_const_buffer_sequence<Element>::value &&
      !std::is_convertible_v<Element, asio::const_buffer> && plain_buffer<element_of<Element>>));

template <typename Range>
concept blob_range = std::ranges::input_range<const Range> &&
                     lasting_blob<std::ranges::range_reference_t<const Range>>;

// The parts refer to the caller's memory.
class blob_list {
 public:
  blob_list() = default;

  template <typename ConstBufferSequence>
  static blob_list of(const ConstBufferSequence& blob) {
    blob_list one;
    one.add(blob);
    return one;
  }

  // Adds one blob: its parts, back to back.
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
  std::vector<data_location> locations;  // with the blobs' sizes, until they are placed
  std::uint64_t bytes = 0;               // of all blobs
};

}  // namespace conduit::detail

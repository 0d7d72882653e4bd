// What `get_many` takes and gives.
#pragma once

#include <conduit/blob.hpp>
#include <conduit/data_location.hpp>
#include <conduit/slice.hpp>
#include <cstddef>
#include <system_error>

namespace conduit {

struct read_request {
  data_location location;
  slice part = {};
};

// The result of one request: what `get_slice` would have given.
struct read_result {
  std::error_code error;
  blob data;
};

struct get_many_options {
  // Requests with no more bytes than this between them are read together, and so are those of one
  // frame of a compressed file. 0: only these, and those that touch each other.
  std::size_t bridged_gap_bytes = 4096;
};

}  // namespace conduit

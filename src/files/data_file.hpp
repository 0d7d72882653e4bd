// A data file opened for reading.
#pragma once

#include <cstdint>

#include "base/unique_fd.hpp"
#include "files/file_name.hpp"

namespace conduit::detail {

class data_file {
 public:
  data_file(files::file_id file, unique_fd fd, bool for_direct, bool is_direct) noexcept
      : id(file), opened_for_direct(for_direct), direct(is_direct), fd_(std::move(fd)) {}

  const files::file_id id;
  const bool opened_for_direct;  // O_DIRECT was asked for; perhaps the file system does not have it
  const bool direct;             // O_DIRECT: offsets, lengths and memory must be aligned

  int fd() const noexcept { return fd_.get(); }

 private:
  unique_fd fd_;
};

}  // namespace conduit::detail

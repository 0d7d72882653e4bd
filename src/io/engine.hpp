// The carrier of asynchronous transfers for one io_context: a ring, or threads.
#pragma once

#include <conduit/detail/completion.hpp>

#include "io/fixed_files.hpp"

namespace conduit::io {

// The calls of `file_io` that need a queue; file_io.hpp states their contract.
class engine {
 public:
  virtual void start(detail::io_request& request) = 0;
  // The request already has its result: it only waits for its turn to be completed, like one that
  // was started.
  virtual void complete_later(detail::io_request& request) = 0;
  virtual void cancel(detail::io_request& request) noexcept = 0;
  virtual void wait(detail::io_request& request) noexcept = 0;
  virtual bool idle() const noexcept = 0;
  virtual fixed_file fix(int fd) noexcept = 0;

 protected:
  ~engine() = default;
};

}  // namespace conduit::io

// The services that work for all contexts of a store: the writer, and the thread that compresses
// files. Contexts use them through these calls alone.
#pragma once

#include <conduit/detail/operations.hpp>
#include <conduit/reports.hpp>
#include <cstdint>
#include <system_error>

namespace conduit::detail {

// All calls may come from any thread.
template <typename Operation>
class service {
 public:
  service() = default;
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  virtual ~service() = default;

  // An error has no effect. Otherwise the operation may be gone when this returns.
  virtual std::error_code submit(Operation& operation) = 0;
  virtual void cancel(Operation& operation) = 0;
  // The operation's context ends. False: the operation is finished and on its way.
  virtual bool revoke(Operation& operation) noexcept = 0;
  // The last handle is gone: operations that have not begun end with `operation_aborted`.
  virtual void abandon() = 0;
  virtual void add_to(store_stats& sum) const noexcept = 0;
};

class put_service : public service<queued_op> {
 public:
  // True if a put of `bytes` would not have to wait now.
  virtual bool has_room(std::uint64_t bytes) = 0;
};

using compress_service = service<compress_op>;

}  // namespace conduit::detail

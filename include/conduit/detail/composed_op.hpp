// What the operations have in common that consist of gets of their own: the engine only brings
// their end to the loop. See operations.hpp.
#pragma once

#include <conduit/detail/completion.hpp>
#include <conduit/detail/exported.hpp>
#include <conduit/detail/operations.hpp>
#include <memory>
#include <system_error>

namespace conduit::detail {

class CONDUIT_EXPORTED composed_op : public io_request {
 public:
  std::error_code error;
  std::shared_ptr<binding> owner;

  virtual void end(finish how) = 0;
  void start();
  void cancel() noexcept;
  void complete() final { end(finish::dispatch); }
  void drop() noexcept final { end(finish::destroy); }

 private:
  // The store accepts the operation: its end is up to this function from here on. An exception of
  // type std::bad_alloc means that nothing has begun.
  virtual void begin() = 0;
  // Not in a forked child.
  virtual void give_up() noexcept = 0;

 protected:
  ~composed_op() = default;
};

}  // namespace conduit::detail

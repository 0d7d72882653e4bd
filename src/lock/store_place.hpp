// The place of a store, as its locks need it.
#pragma once

#include <chrono>
#include <conduit/event.hpp>
#include <conduit/reports.hpp>
#include <string>

#include "lock/lock_record.hpp"

namespace conduit::lock {

struct store_place {
  std::string directory_path;
  std::string lock_path;
  int directory = -1;             // open as long as the store is
  boot_id boot{};                 // of this boot
  unsigned lock_permissions = 0;  // for creating a missing lock file; 0: it is not created
  event_sink on_event;            // may be empty
};

// A wait for the lock is worth an event after this time.
inline constexpr std::chrono::seconds long_wait{1};
event long_wait_for(const std::string& lock_path);

}  // namespace conduit::lock
